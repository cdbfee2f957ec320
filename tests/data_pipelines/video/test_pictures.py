"""Colours, orientation and sizes of decoded pictures."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from data_pipelines.video.orientation import of_matrix, oriented
from data_pipelines.video.sizes import scaled_size
from data_pipelines.video.video_file import VideoFile
from tests.data_pipelines.video.written import bar_code, number_of, write_video

ONE = 65536
UP = [[0, 1, 2], [3, 4, 5]]  # a picture of 2 rows
# The top of a display matrix (a, b, c, d), which shows the point (x, y) at (a x + c y, b x + d y) -> UP as shown.
SHOWN = {
    (1, 0, 0, 1): [[0, 1, 2], [3, 4, 5]],
    (0, 1, -1, 0): [[3, 0], [4, 1], [5, 2]],  # turned by 90 degrees, clockwise
    (-1, 0, 0, -1): [[5, 4, 3], [2, 1, 0]],
    (0, -1, 1, 0): [[2, 5], [1, 4], [0, 3]],
    (-1, 0, 0, 1): [[2, 1, 0], [5, 4, 3]],  # mirrored
    (1, 0, 0, -1): [[3, 4, 5], [0, 1, 2]],
    (0, 1, 1, 0): [[0, 3], [1, 4], [2, 5]],  # mirrored and turned
    (0, -1, -1, 0): [[5, 2], [4, 1], [3, 0]],
}


def matrix(a, b, c, d):
    return [a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30]


@pytest.mark.parametrize("top", SHOWN)
def test_orientations(top):
    assert oriented(np.array(UP), of_matrix(matrix(*top))).tolist() == SHOWN[top]


@pytest.mark.parametrize("top", [(-1, 0, 0, 1), (0, 1, -1, 0), (0, 1, 1, 0)])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_files_are_shown_as_the_display_matrix_says(tmp_path, name, top):
    plain = VideoFile(write_video(tmp_path / name, range(8, 12))).frames(range(4))
    video = VideoFile(write_video(tmp_path / f"turned_{name}", range(8, 12), display=matrix(*top)))
    expected = [oriented(frame, of_matrix(matrix(*top))) for frame in plain]
    assert np.array_equal(video.frames(range(4)), expected)
    assert video.size == expected[0].shape[:2] and video.warnings == ()


def test_an_angle_that_is_no_right_one_is_left_out(tmp_path):
    video = VideoFile(write_video(tmp_path / "a.mp4", range(3), display=matrix(0.8, 0.6, -0.6, 0.8)))
    assert number_of(video.frames([2])[0]) == 2 and "an angle that is no right one" in video.warnings[0]


# Weights of red and blue in the luminance.
MATRICES = {Colorspace.ITU601: (6, 0.299, 0.114), Colorspace.ITU709: (1, 0.2126, 0.0722)}
RGB = np.array([[200, 40, 60], [30, 190, 70], [40, 60, 210], [220, 210, 30], [128, 128, 128], [250, 250, 250]])


def coloured(colorspace, full, bits):
    """An av.VideoFrame 96x64 of six upright stripes in RGB, and with which colour arguments it has to be encoded."""
    number, red, blue = MATRICES[colorspace]
    luma = RGB @ [red, 1 - red - blue, blue]
    planes = [luma, (RGB[:, 2] - luma) / (2 - 2 * blue), (RGB[:, 0] - luma) / (2 - 2 * red)]
    limited = [16 + luma * 219 / 255, *(128 + plane * 224 / 255 for plane in planes[1:])]
    levels = [luma, 128 + planes[1], 128 + planes[2]] if full else limited
    frame = av.VideoFrame(96, 64, "yuv420p10le" if bits == 10 else "yuv420p")
    for plane, level, stripe in zip(frame.planes, levels, (16, 8, 8), strict=True):
        row = np.repeat(np.rint(level * 2 ** (bits - 8)), stripe).astype("<u2" if bits == 10 else np.uint8)
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : row.nbytes] = row.view(np.uint8)
        plane.update(rows)
    frame.colorspace, frame.color_range = number, ColorRange.JPEG if full else ColorRange.MPEG
    return frame, (number, ColorRange.JPEG if full else ColorRange.MPEG)


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("colorspace", MATRICES)
def test_colours_are_those_of_the_matrix_and_range_of_the_file(tmp_path, colorspace, full, bits):
    frame, colours = coloured(colorspace, full, bits)
    path = tmp_path / "a.mp4"
    write_video(path, pictures=[frame], size=(64, 96), colours=colours, pix_fmt=frame.format.name, options={"qp": "1"})
    stripes = VideoFile(path).frames([0])[0][32, 8::16].astype(int)
    assert np.abs(stripes - RGB).max() <= 3


@pytest.mark.parametrize("width, height", [(96, 64), (144, 96), (104, 66)])
def test_rows_of_any_width(tmp_path, width, height):
    path = write_video(tmp_path / "a.mp4", pictures=[bar_code(number, width, height) for number in range(5)])
    video = VideoFile(path)
    assert [number_of(frame) for frame in video.frames(range(5))] == list(range(5))
    assert video.size == (height, width)


def test_frames_of_another_size_are_resized_to_the_first_one(tmp_path):
    parts = []
    for start, (width, height) in ((0, (128, 64)), (5, (192, 96))):
        pictures = [bar_code(number, width, height) for number in range(start, start + 5)]
        part = write_video(tmp_path / f"{start}.h264", pictures=pictures)
        parts.append(part.read_bytes())
    path = tmp_path / "a.h264"
    path.write_bytes(b"".join(parts))
    video = VideoFile(path)
    frames = video.frames(range(10))
    assert frames.shape == (10, 64, 128, 3) and [number_of(frame) for frame in frames] == list(range(10))
    assert "the size changes, 128x64 (5 frames), 192x96 (5 frames): all frames are resized" in video.warnings[1]
    large = VideoFile(tmp_path / "5.h264").frames([3])[0]
    assert np.array_equal(frames[8], Image.fromarray(large).resize((128, 64), Image.Resampling.BILINEAR))


def test_interlaced_frames_keep_both_fields(tmp_path):
    video = VideoFile(write_video(tmp_path / "a.mp4", options={"x264-params": "tff=1"}))
    assert video.warnings == ("60 frames are interlaced: both fields stay in a frame, as stored",)
    assert np.array_equal(video.frames([33, 7]), video.frames(range(60))[[33, 7]])


def test_scaled_sizes_of_torchvision_and_pytorchvideo():
    assert scaled_size(70, 1150, 112) == (112, 1840) and scaled_size(1150, 70, 112) == (1840, 112)
    assert scaled_size(70, 1150, 112, "pytorchvideo") == (112, 1839)
    assert scaled_size(256, 340, 224) == scaled_size(256, 340, 224, "pytorchvideo") == (224, 297)
    with pytest.raises(ValueError, match="rounding"):
        scaled_size(1, 1, 1, "pillow")


def test_how_many_sizes_the_two_differ_in():
    width, height = np.arange(64, 1921, 2)[:, None], np.arange(64, 1081, 2)[None, :]
    differ = [short * width // height != np.floor(width / height * short) for short in (112, 224, 256, 320)]
    assert sum(np.count_nonzero(differs & (width >= height)) for differs in differ) == 270
