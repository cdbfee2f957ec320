"""Files of annotation tools: read as events in seconds, and written from them."""
