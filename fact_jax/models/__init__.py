"""One package or module per system."""
