"""Actions found in videos."""
