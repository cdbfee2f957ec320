"""Systems that embed the frames of videos."""
