"""What the simulators of all providers share; see ../README.md."""
