"""An annotated video with what its features cover, and what a check of many of them gives."""

from typing import NamedTuple

import numpy as np

from data_pipelines.localization.annotations import UNKNOWN_DURATION, AnnotatedVideo

# Videos that a line names.
_MAX_NAMED = 3
# Share of the videos that may contradict themselves and are told only; of THUMOS14 1.2 % do.
FEW = 0.02
# Videos from which on a pattern can be told from chance.
ENOUGH = 5
# Share of segments or videos that is as good as all.
NEARLY_ALL = 0.9
# By how many times two lengths differ that cannot be those of one video.
IMPOSSIBLE = 2.0


class TimedVideo(NamedTuple):
    """An annotated video with what its features cover.

    Attributes:
      video, subset: an AnnotatedVideo of "train" or "test".
      fps: frames per second that are used.
      span: seconds from the start of the video to the end of the last feature's window; nan without features.
      step, window: seconds from one stored feature to the next, and that a feature sees; nan without features, and
        where features are spread over the duration.
    """

    video: AnnotatedVideo
    subset: str
    fps: float
    span: float = np.nan
    step: float = np.nan
    window: float = np.nan

    @property
    def duration(self):
        """Stated seconds; nan where there are none."""
        return self.video.duration if self.video.duration < UNKNOWN_DURATION else np.nan

    @property
    def limit(self):
        """Seconds that a segment has to lie in: the duration or, where none is stated, the span."""
        return self.span if np.isnan(self.duration) else self.duration


class Findings(NamedTuple):
    """What a check found.

    Attributes:
      problems: list of (subset, found, expected).
      lines: list of texts about what is odd and is used as it is.
    """

    problems: list
    lines: list


def slack(seconds):
    """Seconds by which a stated duration may be wrong: they are rounded, and a video's sound may be longer."""
    return np.maximum(1.0, 0.02 * seconds)


def listed(entries, text):
    """What `text` says of the first few, and how many more there are."""
    parts = [text(entry) for entry in entries[:_MAX_NAMED]]
    more = [f"and {len(entries) - _MAX_NAMED} more"] if len(entries) > _MAX_NAMED else []
    return ", ".join(parts + more)
