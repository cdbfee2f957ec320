"""Clips and long videos that nobody has labelled: what is read of them, and where the files go."""

import dataclasses
from pathlib import Path

from data_pipelines.recognition.config import RecognitionDataConfig
from data_pipelines.recognition.unlabelled import WindowBatches, WindowConfig, unlabelled_clips, window_lines
from data_pipelines.recognition.unlabelled import read_views as views_of
from data_pipelines.representation.input_videos import open_videos
from data_pipelines.representation.opening import INDEX_DIR
from fact_jax.app.kinds.recognition import RecogniseClipsConfig
from fact_jax.app.runs.base import OpenedPrediction
from fact_jax.inference.output import OutputFolder
from fact_jax.inference.recognition.output import RecognitionFiles
from fact_jax.inference.recognition.predictor import RecognitionPredictor
from fact_jax.runtime import devices as device_layout


def read_views(config, video, window, every, name):
    """See `data_pipelines.recognition.unlabelled.read_views`; `config` is that of a run."""
    told = RecogniseClipsConfig(input=(), window=window, every=every)  # which checks the numbers
    return views_of(video, _windows(config, told), name)


def _windows(config, told):
    return WindowConfig(RecognitionDataConfig.parse(config.data), told.window, told.every)


def open_prediction(
    predictor: RecognitionPredictor, config, workdir: Path, told: RecogniseClipsConfig, devices
) -> OpenedPrediction:
    """Opens what is to be recognised, and where its files go; see `runs.segmentation.open_prediction`."""
    windows, output = _windows(config, told), Path(told.output or workdir)
    found = open_videos(told.input, windows.data.video, index_dir=output / INDEX_DIR)
    source = unlabelled_clips(found, windows)

    def make_batches(videos):
        rows = device_layout.num_rows(config.eval.batch_size, len(devices))
        share = device_layout.share(rows, devices)
        return WindowBatches(videos, batch_size=config.eval.batch_size, num_rows=rows, share=share)

    files = RecognitionFiles(
        origin=predictor.origin(config),
        class_names=predictor.class_names,
        fps=0.0,
        figures=told.figures,
        heads=predictor.heads,
        settings=_settings(windows),
    )
    return OpenedPrediction(source, make_batches, OutputFolder(output, files), (*found.lines, *window_lines(source)))


def _settings(windows):
    """What predictions depend on beside video and network, as JSON values."""
    data = windows.data
    return {
        "window": windows.window,
        "every": windows.every,
        "sampling": dataclasses.asdict(data.sampling),
        "size": data.augmentation.size,
        "single_crop": data.augmentation.single_crop,
        "video": dataclasses.asdict(data.video),
    }
