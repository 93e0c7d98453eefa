"""A simulator of what gives out tokens on Azure; see ../README.md."""
