"""Where the numbers and lines of a run go."""
