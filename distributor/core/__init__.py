"""The domain. Pure: imports nothing else of the project, does no input or output."""
