"""Names that settings of the training may have. Who only checks them need not wait for JAX."""

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("drop", "cosine", "multistep")
