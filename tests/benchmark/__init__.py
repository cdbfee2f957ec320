"""The benchmark: its arithmetic, its processes, and the PyTorch rendering."""
