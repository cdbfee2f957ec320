"""What a process runs on: devices, memory, compilation, signals."""
