"""Compiled resizing, grey and normalisation, number for number as the functions of pixels.py."""

import concurrent.futures

import numpy as np
import pytest

from data_pipelines.video import pixels, view_loops, views


def frames_of(*shape):
    return np.random.default_rng(0).integers(0, 256, (2, *shape, 3), np.uint8)


def resized(frames, box, flipped, grey):
    out = np.empty((len(frames), 16, 20, 3), np.float32)
    assert view_loops.resize_and_normalize(frames, out, box, flipped, grey) is out
    return out


@pytest.mark.parametrize("box", [(0, 0, 9, 14), (2, 1, 30, 21), (5, 7, 1, 1), (0, 3, 40, 17), (4, 2, 16, 20)])
@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("grey", [False, True])
def test_numbers_are_those_of_separate_steps(box, flipped, grey):
    frames = frames_of(41, 24)
    wanted = pixels.resize(pixels.as_float(pixels.crop(frames, box)), 16, 20, flipped)
    wanted = pixels.normalize(pixels.to_grey(wanted) if grey else wanted)
    np.testing.assert_array_equal(resized(frames, box, flipped, grey), wanted)


def test_frames_may_lie_in_memory_in_any_way():
    frames, box = frames_of(30, 20), (1, 2, 25, 17)
    wanted = resized(frames, box, False, False)
    turned = np.ascontiguousarray(frames[:, ::-1, ::-1])[:, ::-1, ::-1]
    turned.flags.writeable = False
    np.testing.assert_array_equal(resized(turned, box, False, False), wanted)
    apart = np.repeat(frames, 2, axis=0)[::2]
    np.testing.assert_array_equal(resized(apart, box, False, False), wanted)
    np.testing.assert_array_equal(resized(apart[:0], box, False, False), wanted[:0])


def test_threads_do_not_disturb_each_other():
    frames, config = frames_of(60, 80), views.AugmentationConfig(size=24)
    drawn = [views.draw_view(config, 60, 80, np.random.default_rng(seed)) for seed in range(32)]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda view: views.augment(frames, view, config), drawn))
    for one, view in zip(found, drawn, strict=True):
        np.testing.assert_array_equal(one, views.augment(frames, view, config))
