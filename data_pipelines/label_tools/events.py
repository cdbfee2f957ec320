"""What all annotation tools share: events of videos in seconds, and what was read from a file.

Seconds are those of a player: 0 is the start of the video's file.
"""

import dataclasses
import re

from data_pipelines.core.json_files import number_of
from data_pipelines.core.problems import Problem
from data_pipelines.segmentation.segment_files import parse_time

# Digits of seconds that are kept.
DIGITS = 6
_COMMA = re.compile(r"\A(-?\d+),(\d+)\Z")
# Kinds of media that are no videos, whose endings are left out of names as well.
AUDIO_SUFFIXES = {".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus", ".aiff"}
# How tools that have no place for a confidence say it in a text of their own.
_CONFIDENCE = re.compile(r"(?:\A|\s*\()confidence (\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\)?\s*\Z")


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that happens in a video.

    Attributes:
      start, end: seconds, or ticks of the tool before they are placed on videos; the same: a point event.
      label: name of its class.
      tier: the tier, track or subject that it belongs to; "" where the tool names none.
      confidence: probability in [0, 1], or score of a detection; None where nobody says.
      modifiers: what BORIS tells beside a behaviour, parted by "|"; "" where there is nothing.
      place, line: where in its file it stands, for messages.
    """

    start: float
    end: float
    label: str
    tier: str = ""
    confidence: float | None = None
    modifiers: str = ""
    place: str = dataclasses.field(default="", compare=False)
    line: int = dataclasses.field(default=0, compare=False)

    @property
    def is_point(self):
        return self.start == self.end

    @property
    def text(self):
        """For messages."""
        when = f"at {self.start:g} s" if self.is_point else f"from {self.start:g} to {self.end:g} s"
        return f"{self.place}{': ' * bool(self.place)}{self.label!r} {when}"

    @property
    def order(self):
        """What events are sorted by."""
        sureness = -1.0 if self.confidence is None else self.confidence
        return self.start, self.end, self.label, self.tier, self.modifiers, sureness


@dataclasses.dataclass(frozen=True)
class Recording:
    """The events of one video, sorted, as one file or one observation of a project has them.

    Attributes:
      video: its name.
      path: the file that tells.
      observation: name of the observation, or of the annotation, within that file; "" where there are none.
      media: the video's file as the tool calls it, with folders; "" where it does not.
      duration: seconds; 0.0 where nobody states them.
      fps: frames per second; 0.0 where nobody states them.
    """

    video: str
    events: tuple
    path: str
    observation: str = ""
    media: str = ""
    duration: float = 0.0
    fps: float = 0.0


@dataclasses.dataclass(frozen=True)
class Fault:
    """A problem of a file that counts where its observation and tier are wanted; None: it counts always."""

    problem: Problem
    observation: str | None = None
    tier: str | None = None


@dataclasses.dataclass
class Reading:
    """What was read from files of a tool.

    Attributes:
      resolution: seconds to which the tool rounds its times.
      recordings: list of Recording.
      faults: list of Fault.
      notes: lines for the user.
    """

    resolution: float
    recordings: list = dataclasses.field(default_factory=list)
    faults: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)

    def fault(self, path, line, found, expected="", *, observation=None, tier=None):
        """Adds a Fault."""
        self.faults.append(Fault(Problem(str(path), line, found, expected), observation, tier))

    def tell(self, problems):
        """Adds Problems as Faults, which no choice of an observation or tier takes away."""
        for problem in problems:
            self.fault(problem.path, problem.line, problem.found, problem.expected)

    def extend(self, other):
        """Takes over what another Reading has."""
        self.recordings += other.recordings
        self.faults += other.faults
        self.notes += other.notes
        self.resolution = max(self.resolution, other.resolution)


def tidy(seconds):
    """Seconds with the digits that are kept, never -0.0."""
    return round(float(seconds), DIGITS) + 0.0


def decimal_of(text):
    """A float of the text of a number, with a decimal point or, as in some countries, a comma; None of others."""
    return number_of(_COMMA.sub(r"\1.\2", text.strip()), quoted=True)


def time_of(text):
    """Seconds of a cell: a number as `decimal_of` takes it, or a time such as 00:01:02.500; None of anything else."""
    number, clock = decimal_of(text), parse_time(text.strip().replace(",", "."))
    return number if number is not None or clock is None else float(clock)


def seconds_text(seconds, digits=DIGITS):
    """ "12.5": seconds as text without superfluous zeros, one digit behind the point at least."""
    whole, _, rest = f"{seconds:.{digits}f}".partition(".")
    return f"{whole}.{rest.rstrip('0') or '0'}"


def confidence_text(confidence):
    """What tools say that have no place for a confidence but have one for remarks."""
    return "" if confidence is None else f"confidence {confidence!r}"


def split_confidence(text):
    """(rest, confidence or None) of a text that is what `confidence_text` gives, or ends in it in brackets."""
    found = _CONFIDENCE.search(text)
    return (text[: found.start()], float(found[1])) if found else (text, None)


def some_lines(notes, most=30):
    """The lines for the user, each once, and how many more there are."""
    lines = list(dict.fromkeys(notes))
    return lines[:most] + [f"and {len(lines) - most} more lines like these"] * (len(lines) > most)
