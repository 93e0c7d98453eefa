"""A simulator of Anthropic's Messages API; see ../README.md."""
