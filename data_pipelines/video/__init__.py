"""Raw video: files, folders of images and arrays as frames that are read by number; no jax."""
