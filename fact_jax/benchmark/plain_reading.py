"""A video file read as a plain loop does it: decoded by PyAV, pixels as CARL sees them, chunk by chunk."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from data_pipelines.video.clips import evaluation_chunks
from data_pipelines.video.views import AugmentationConfig, augment, evaluation_view


def chunks(path: Path, num_frames: int, per_chunk: int, size: int, crop: str) -> Iterator[np.ndarray]:
    """Yields float32 [n, size, size, 3] of the chunks of an evaluation of a video of `num_frames` frames."""
    config = AugmentationConfig(size=size, evaluation_crop=crop)
    with av.open(str(path)) as container:
        decoded = container.decode(video=0)
        for part in evaluation_chunks(num_frames, per_chunk):
            frames = np.stack([next(decoded).to_ndarray(format="rgb24") for _ in range(part.stop - part.start)])
            yield augment(frames, evaluation_view(config, *frames.shape[1:3]), config)
