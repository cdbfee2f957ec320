"""Notes of a workdir on data that was found to be in order, so that features are not searched for NaN at every start."""

import json
import os
import pathlib

from absl import logging

from fact_jax.files import atomic_write_text, read_data
from fact_jax.types import UserError

CHECK_FILE = "data_check.json"
# Checks noted per workdir: training and evaluation may look at different subsets of the same data.
_NUM_NOTED = 8


class CheckNotes:
    """What has passed the check in a workdir; without a workdir nothing is known or kept."""

    def __init__(self, workdir):
        self._path = pathlib.Path(workdir) / CHECK_FILE if workdir else None
        self._passed = self._read()

    def __contains__(self, fingerprint: str) -> bool:
        """Whether data of this fingerprint has passed."""
        return fingerprint in self._passed

    def add(self, fingerprint: str) -> None:
        """Notes that data of this fingerprint has passed.

        Raises:
          UserError: the note cannot be written.
        """
        if self._path is None:
            return
        try:
            atomic_write_text(self._path, json.dumps([*self._passed, fingerprint][-_NUM_NOTED:]) + "\n")
        except OSError as error:
            raise UserError(f"{self._path} cannot be written: {error.strerror}.") from error

    def _read(self):
        if self._path is None or not os.path.lexists(self._path):
            return []
        try:
            passed = json.loads(read_data(self._path))
        except (OSError, ValueError, RecursionError):
            logging.warning("%s cannot be read: checking the data again.", self._path)
            return []
        return [str(fingerprint) for fingerprint in passed] if isinstance(passed, list) else []
