"""Frames of a video file."""

import functools

from data_pipelines.video.config import VideoConfig
from data_pipelines.video.errors import VideoError
from data_pipelines.video.index_cache import file_state, find_index
from data_pipelines.video.pictures import Pictures
from data_pipelines.video.random_access import decode_frames
from data_pipelines.video.raw_video import RawVideo


class VideoFile(RawVideo):
    """A file that FFmpeg decodes, gone through once when it is opened; see `RawVideo`.

    Attributes:
      index: its FrameIndex.
    """

    def __init__(self, path, config=VideoConfig(), index_dir=None):
        """Raises VideoError for a file that cannot be used.

        Args:
          path: the file.
          config: a VideoConfig.
          index_dir: folder in which indices of videos are kept; None: nowhere.
        """
        self.path, self._config = str(path), config
        self.index, self._state = find_index(path, config, index_dir)
        if fault := self.index.fault:
            if not len(self.index):
                raise VideoError(path, fault, "copy it again, or leave it out")
            if not config.allow_cut_off:
                use = "or use what is there: config.data.video.allow_cut_off=True"
                raise VideoError(path, fault, f"copy it again, leave it out, {use}")
        self.size, self.times, self.rate = config.size_of(self.index.size), self.index.times, self.index.rate
        self.warnings, self.is_cut_off = (*([fault] if fault else []), *self.index.warnings), bool(fault)

    def _stated(self):
        return f" (the header says {self.index.header_frames})" if self.index.header_frames else ""

    def _decode(self, numbers):
        self._check_unchanged()
        pictures = Pictures(self.size)
        for place, frame in decode_frames(self.path, self.index, numbers, self._config):
            yield place, functools.partial(pictures.write, frame)

    def _check_unchanged(self):
        if file_state(self.path) != self._state:
            raise VideoError(self.path, "the file has changed since it was gone through", "start the command again")
