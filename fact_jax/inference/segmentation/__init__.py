"""Labels for the frames of videos."""
