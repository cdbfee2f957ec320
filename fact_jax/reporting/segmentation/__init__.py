"""Files and figures of segments."""
