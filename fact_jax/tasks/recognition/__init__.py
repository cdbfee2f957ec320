"""Recognition of actions in clips: systems, task, evaluation."""
