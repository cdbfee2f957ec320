"""Other people's weight files: read, name, shape."""
