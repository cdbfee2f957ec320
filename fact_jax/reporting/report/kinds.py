"""What a report has to know about each kind of run.

A kind is a module; `segmentation` says what its functions give. Its constants:

- TASK: its name in words. FILE: what an evaluation leaves for reports, below the workdir.
- EVIDENCE, TRUTH: what scores are counted from and what is compared with, in words.
- FIRST_SCORE: the score that videos are sorted by at first, where the runs have it.
- CLASS_COUNTS: columns of `class_scores` that are no scores. SEEN_BY: those of them of which one has to be more than 0
  for a class to stand in report.md; UNSEEN: what the other classes do.
- HOW_RESAMPLED: how the scores of a resample are made, in words.
- ERRORS: what the page calls marking them. STYLES, SCRIPTS: files of the page in `assets`, one behind the other.
"""

from fact_jax.reporting.report import localization, segmentation
from fact_jax.tasks.localization import systems as localization_systems


def kind_of(config):
    """The module for runs with this config, a mapping."""
    return localization if config["model"]["name"] in localization_systems.SYSTEMS else segmentation
