"""The command line, from flags to runs."""
