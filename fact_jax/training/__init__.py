"""Training, evaluation and checkpoints of any task; knows the Task protocol only."""
