"""A simulator of Databricks serving endpoints; see ../README.md."""
