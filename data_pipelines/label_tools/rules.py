"""What a user says about how a file of an annotation tool is to be read."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from data_pipelines.label_tools.media import frame_edges, video_name

UNPAIRED = ("refuse", "leave_out", "to_end")


@dataclasses.dataclass(frozen=True)
class ReadRules:
    """How files are read.

    Attributes:
      observations: names of those observations that are wanted; (): all.
      media: number, from 1, of the player or linked medium whose video the events are of; 0: the first video.
      modifiers: whether modifiers of BORIS are a part of the label, "code|modifier".
      unpaired: what becomes of state events that start and do not stop, one of UNPAIRED.
      tool_fps: frames per second by which the tool counts; 0: it tells seconds, or `videos` know.
      lengths: {name of a media file: seconds}, of those of which the file does not tell.
      videos: a MediaFolder, or None.
    """

    observations: tuple = ()
    media: int = 0
    modifiers: bool = False
    unpaired: str = "refuse"
    tool_fps: float = 0.0
    lengths: Mapping[str, float] = dataclasses.field(default_factory=dict)
    videos: Any = None

    def length_of(self, media, *, needed=False):
        """Seconds of a media file, or of a video: as the user says or, where they are `needed`, as its file; or 0.0."""
        video = video_name(media)
        told = next((seconds for name, seconds in self.lengths.items() if video_name(name) == video), 0.0)
        if told or not needed or self.videos is None:
            return told
        opened = self.videos.open({video: media})[0]
        return float(frame_edges(opened[video])[-1]) if video in opened else 0.0
