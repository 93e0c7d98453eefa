"""A simulator of the Azure OpenAI service; see ../README.md."""
