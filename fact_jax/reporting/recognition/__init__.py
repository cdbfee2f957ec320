"""Files of recognised clips: tables, confusions, the clips that are most confidently wrong."""
