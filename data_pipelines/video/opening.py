"""Opens what a path stands for: a video file, a folder of images, a strip of frames, or an array."""

import os
from pathlib import Path

from data_pipelines.video.config import VideoConfig
from data_pipelines.video.frame_array import FrameArray
from data_pipelines.video.image_folder import IMAGE_SUFFIXES, ImageFolder, ImageStrip
from data_pipelines.video.raw_video import RawVideo
from data_pipelines.video.video_file import VideoFile

ARRAY_SUFFIXES = (".npy", ".npz")


def open_video(path, config=VideoConfig(), index_dir=None) -> RawVideo:
    """Returns the RawVideo of a path; raises VideoError, which names it, where it cannot be used.

    Args:
      path: a folder of images, an image that is a strip of square frames, a .npy or .npz file, or a video file.
      config: a VideoConfig.
      index_dir: folder in which the frame indices of video files are kept; None: nowhere.
    """
    suffix = Path(path).suffix.lower()
    if os.path.isdir(path):
        return ImageFolder(path, config)
    if suffix in ARRAY_SUFFIXES:
        return FrameArray(path, config)
    return ImageStrip(path, config) if suffix in IMAGE_SUFFIXES else VideoFile(path, config, index_dir)
