"""Plain PyTorch renderings to measure against."""
