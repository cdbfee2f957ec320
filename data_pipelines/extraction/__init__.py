"""Features of videos that are written while they are computed: what is read, in which order, and the files."""
