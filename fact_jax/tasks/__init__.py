"""Tasks: a model, its losses and its metrics bound together for the training loop."""
