"""Embeddings of videos that nobody has labelled: what is read, and where the files go."""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.representation.input_videos import open_videos
from data_pipelines.representation.opening import INDEX_DIR
from data_pipelines.representation.unlabelled import ChunkConfig, UnlabelledRawVideos, VideoBatches, chunk_lengths
from data_pipelines.representation.unlabelled import read_chunks as chunks_of
from data_pipelines.video import pixels
from fact_jax.app.runs.base import OpenedPrediction
from fact_jax.inference.output import OutputFolder
from fact_jax.inference.representation.output import EmbeddingFiles
from fact_jax.inference.representation.predictor import RepresentationPredictor
from fact_jax.runtime import devices as device_layout
from fact_jax.types import UserError, nearest


def chunk_config(config) -> ChunkConfig:
    """The ChunkConfig of a run."""
    data = RepresentationDataConfig.parse(config.data)
    return ChunkConfig(data, config.eval.frames_per_chunk, config.eval.frame_stride)


class ExportedChunks(NamedTuple):
    """Chunks of an exported network.

    Attributes:
      lengths: that they are padded to.
      chunks: JSON values of how a video is cut into them.
      size, crop: of the pictures that the network sees, and how they are cut out.
      mean, deviation: float32 [3], by which pixels in [0, 1] are normalised.
    """

    lengths: tuple[int, ...]
    chunks: dict[str, int]
    size: int
    crop: str
    mean: np.ndarray
    deviation: np.ndarray


def exported_chunks(config) -> ExportedChunks:
    """The ExportedChunks of a run."""
    chunks = chunk_config(config)
    clip, augmentation = chunks.data.clip, chunks.data.augmentation
    told = {
        "frames_per_chunk": chunks.frames_per_chunk,
        "frame_stride": chunks.frame_stride,
        "num_contexts": clip.num_contexts,
        "context_stride": clip.context_stride,
    }
    lengths, pictures = chunk_lengths(chunks.frames_per_chunk), (augmentation.size, augmentation.evaluation_crop)
    return ExportedChunks(lengths, told, *pictures, pixels.MEAN.astype(np.float32), pixels.STD.astype(np.float32))


def read_chunks(config, video, name):
    """See `data_pipelines.representation.unlabelled.read_chunks`; `config` is that of a run."""
    return chunks_of(video, chunk_config(config), name)


def open_prediction(predictor: RepresentationPredictor, config, workdir: Path, told, devices) -> OpenedPrediction:
    """Opens what is to be embedded, and where its files go; see `runs.segmentation.open_prediction`."""
    chunks, output = chunk_config(config), Path(told.output or workdir)
    found = open_videos(told.input, chunks.data.video, index_dir=output / INDEX_DIR)
    source = UnlabelledRawVideos(found, chunks)
    if told.align_to is not None and told.align_to not in source.video_ids:
        near = nearest(told.align_to, source.video_ids)
        hint = f"did you mean {near!r}?" if near else "give the name of one of the videos of --input"
        raise UserError(f"--align_to is {told.align_to!r}, and no video that can be read is called so; {hint}")

    def make_batches(videos):
        rows = device_layout.num_rows(config.eval.batch_size, len(devices))
        share = device_layout.share(rows, devices)
        return VideoBatches(videos, batch_size=config.eval.batch_size, num_rows=rows, share=share)

    files = EmbeddingFiles(
        origin=predictor.origin(config),
        class_names=(),
        fps=0.0,
        figures=told.figures,
        embedding=_embedding(chunks),
        assemblies={video: source.extent(index)[0] for index, video in enumerate(source.video_ids)},
        videos={video.video_id: video.video for video in source.inputs},
        align_to=told.align_to,
    )
    return OpenedPrediction(source, make_batches, OutputFolder(output, files), found.lines)


def _embedding(chunks):
    """What embeddings depend on beside video and network, as JSON values."""
    augmentation, clip = chunks.data.augmentation, chunks.data.clip
    return {
        "frames_per_chunk": chunks.frames_per_chunk,
        "frame_stride": chunks.frame_stride,
        "size": augmentation.size,
        "evaluation_crop": augmentation.evaluation_crop,
        "num_contexts": clip.num_contexts,
        "context_stride": clip.context_stride,
        "video": dataclasses.asdict(chunks.data.video),
    }
