"""The kinds of work, and the one place where one is entered."""
