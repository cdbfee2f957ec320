"""From the time of a tool to that of videos: media that begin later, and media one after another.

Events of one observation lie in one time. A list of media says which video is on when; events that go from one to the
next are split.
"""

import dataclasses

from data_pipelines.core.names import why_no_video
from data_pipelines.core.wording import count
from data_pipelines.label_tools.events import Recording, tidy
from data_pipelines.label_tools.media import LENGTH_SLACK


@dataclasses.dataclass(frozen=True)
class Piece:
    """A video within the time of a tool.

    Attributes:
      video, media, fps: see `Recording`.
      start: seconds of the tool at which the video begins.
      length: seconds of the video; 0.0 where nobody says.
    """

    video: str
    start: float = 0.0
    length: float = 0.0
    media: str = ""
    fps: float = 0.0


def in_a_row(media, lengths, start=0.0):
    """Pieces of media one after another, (video, file name, fps) each; `lengths` are {file name: seconds}."""
    pieces = []
    for video, name, fps in media:
        length = lengths.get(name, 0.0)
        pieces.append(Piece(video, start, length, name, fps))
        start += length
    return pieces


def place(reading, events, pieces, path, observation=""):
    """Adds to a Reading the Recordings of events in the time of a tool, and Faults of those that lie nowhere.

    Args:
      reading: a Reading.
      events: Events in seconds of the tool.
      pieces: the Piece of every video, one after another; all but the last one need a length.
      path: the file that tells.
      observation: its part.
    """
    for piece in pieces:
        if why := why_no_video(piece.video):
            reading.fault(path, 0, f"the video {piece.video!r}: {why}", "rename the file", observation=observation)
    if unknown := [piece for piece in pieces[:-1] if not piece.length]:
        name = unknown[0].media or unknown[0].video
        found = f"{count(pieces, 'media file')} one after another, and nobody says how long {name!r} is"
        hint = f"give the folder of the videos, --videos, or its seconds: --lengths '{name}=SECONDS'"
        reading.fault(path, 0, found, hint, observation=observation)
        return
    tolerance = reading.resolution / 2
    placed, cut, split = [[] for _ in pieces], 0, 0
    end = pieces[-1].start + pieces[-1].length if pieces[-1].length else float("inf")
    for event in events:
        if fault := _why_nowhere(event, pieces[0].start, end, tolerance):
            reading.fault(path, event.line, *fault, observation=observation, tier=event.tier)
            continue
        if event.end > end:
            cut += event.end > end + tolerance
            event = dataclasses.replace(event, start=min(event.start, end), end=end)
        parts = _parts(event, pieces, tolerance)
        split += len(parts) > 1
        for number, part in parts:
            placed[number].append(part)
    of = f" of observation {observation!r}" if observation else ""
    if cut:
        reading.notes.append(f"{path}: {count(cut, 'event')}{of} ended up to {LENGTH_SLACK} s behind the video: cut")
    if split:
        reading.notes.append(f"{path}: {count(split, 'event')}{of} went from one video to the next: split")
    for piece, found in zip(pieces, placed, strict=True):
        ordered = tuple(sorted(found, key=lambda event: event.order))
        length = tidy(piece.length)
        reading.recordings.append(
            Recording(piece.video, ordered, str(path), observation, piece.media, length, piece.fps)
        )


def _why_nowhere(event, start, end, tolerance):
    """(found, expected) where an event lies in no video, or None."""
    if event.end < event.start:
        return f"{event.text} ends before it starts", "exchange its times"
    if event.start < start - tolerance:
        begins = f"which begins at {start:g} s of the tool" if start else "negative times"
        return f"{event.text} starts before the video, {begins}", "move its start, or correct the offset of the media"
    if event.end > end + LENGTH_SLACK or (event.start >= end and not event.is_point):
        expected = "is this the right video, and are offsets right? Move the end, or delete the event"
        return f"{event.text} lies behind the end of the video at {end:g} s", expected
    return None


def _parts(event, pieces, tolerance):
    """[(number of a piece, Event in seconds of its video)] of an event within the pieces."""
    starts = [piece.start for piece in pieces]
    if event.is_point:
        number = max((i for i, start in enumerate(starts) if event.start >= start - tolerance), default=0)
        seconds = max(tidy(event.start - starts[number]), 0.0)
        return [(number, dataclasses.replace(event, start=seconds, end=seconds))]
    parts = []
    for number, piece in enumerate(pieces):
        end = starts[number + 1] if number + 1 < len(pieces) else float("inf")
        first, last = max(event.start, piece.start), min(event.end, end)
        if last - first > (tolerance if len(pieces) > 1 else 0):
            seconds = max(tidy(first - piece.start), 0.0), tidy(last - piece.start)
            parts.append((number, dataclasses.replace(event, start=seconds[0], end=seconds[1])))
    return parts or [(0, dataclasses.replace(event, start=tidy(event.start), end=tidy(event.end)))]
