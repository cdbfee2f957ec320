"""A page to look at predictions beside their videos and to correct them."""
