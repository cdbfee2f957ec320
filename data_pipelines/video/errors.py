"""A video that cannot be used, as an error with its file, the reason and what to do."""

from data_pipelines.core.problems import Problem
from fact_jax.types import UserError


class VideoError(UserError):
    """One video is unusable; `problem` is the same as an entry of a list."""

    def __init__(self, path, found, expected):
        super().__init__(path, found, expected)
        self.problem = Problem(str(path), 0, found, expected)

    def __str__(self):
        return f"{self.problem}."


def reason_of(error):
    """The words of an error of the system or of FFmpeg."""
    return getattr(error, "strerror", None) or str(error)
