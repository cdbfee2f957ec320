"""Functions as a user may give them to --mode extract; also a program that extracts with one of them, to be killed."""

import os
import sys
import time
from pathlib import Path

import numpy as np

from data_pipelines.extraction import feature_file
from fact_jax.app.kinds.base import ExtractConfig
from fact_jax.app.runs import extraction
from fact_jax.app.runs.function_extraction import FunctionExtractor
from fact_jax.runtime.signals import StopRequest
from fact_jax.training.logging import writers


def means(frames, times):
    """The mean colours of every frame, and when it is shown."""
    return np.concatenate([frames.mean((1, 2)), times[:, None]], axis=1).astype(np.float32)


def slow_means(frames, times):
    """The same, at leisure; notes which process did it."""
    time.sleep(0.02)
    return means(frames, times)


def noted_means(frames, times):
    """The same; every call leaves a line with the process in a file."""
    time.sleep(0.02)
    with open(os.environ["EXTRACTED"], "a") as file:
        file.write(f"{os.getpid()} {frames[0, 0].tobytes().hex()}\n")
    return means(frames, times)


def window_means(frames, times):
    """One row for all frames of a window."""
    return np.array([[frames.mean(), len(frames), times[0], times[-1]]], np.float32)


def wrong_shape(frames, times):
    return np.zeros((1 + len(frames), 2), np.float32)


def fails(frames, times):
    raise KeyError("no such layer")


def nan_at_frame_70(frames, times):
    found = means(frames, times)
    found[np.isclose(times, 70 / 30) & np.isclose(times[0], 64 / 30)] = np.nan
    return found


def run(function, inputs, output, say=print, **told):
    """--mode extract with a function of this module, without its imports of networks; the exit code."""
    told = ExtractConfig(input=inputs, output=str(output), **told)
    console = writers.Console()
    console.say = say
    extractor = FunctionExtractor(f"{__name__}:{function}", told)
    with StopRequest(say) as stop:
        return extraction.extract(
            extractor, told.input, Path(output), overwrite=told.overwrite, console=console, stop=stop
        )


if __name__ == "__main__":
    # As `tests.app.own_extractors`, so that the function has one name in all processes.
    from tests.app import own_extractors

    feature_file._SAVE_EVERY = 0.0
    sys.exit(own_extractors.run(sys.argv[1], sys.argv[2:3], sys.argv[3]))
