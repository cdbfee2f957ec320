"""Folders of images, strips and arrays as videos."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from data_pipelines.video import image_folder
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.errors import VideoError
from data_pipelines.video.opening import open_video
from tests.data_pipelines.video.written import bar_code, numbers_of, write_video

FRAMES = np.stack([bar_code(number) for number in range(12)])
ASSUMED = "25 frames a second are assumed"


def write_images(folder, names):
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        Image.fromarray(bar_code(number)).save(folder / name, quality=95)
    return folder


def fault_of(path, config=VideoConfig()):
    with pytest.raises(VideoError) as caught:
        open_video(path, config)
    return str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        [f"{number:06}.jpg" for number in range(1, 13)],  # as of PennAction
        [f"frame_{number}.png" for number in range(12)],
        [f"a2_{number}.JPG" for number in range(95, 107)],
    ],
)
def test_images_of_a_folder_come_in_the_order_of_their_numbers(tmp_path, names):
    folder = write_images(tmp_path / "0001", names)
    (folder / "notes.txt").write_text("no frame")
    (folder / "._000001.jpg").write_text("no frame")
    video = open_video(folder)
    assert numbers_of(video.frames(range(12))) == list(range(12)) and video.size == (64, 128)
    assert numbers_of(video.frames([7, 2, 2])) == [7, 2, 2]
    assert [len(batch) for batch in video.batches(range(12), 5)] == [5, 5, 2]
    assert np.array_equal(video.times, np.arange(12) / 25) and len(video.warnings) == 1 and ASSUMED in video.warnings[0]
    video = open_video(folder, VideoConfig(rate=50))
    assert video.times[-1] == 11 / 50 and video.warnings == () and video.frame_at(0.05) == 2


def test_large_pictures_are_brought_to_a_short_side_as_they_are_read(tmp_path):
    np.save(tmp_path / "a.npy", FRAMES)
    Image.fromarray(np.hstack(FRAMES[:, :, :64])).save(tmp_path / "strip.png")
    sources = [write_video(tmp_path / "a.mp4"), tmp_path / "a.npy", tmp_path / "strip.png"]
    for path in (*sources, write_images(tmp_path / "images", ["1.png", "2.png", "3.png"])):
        whole, small = open_video(path), open_video(path, VideoConfig(short_side=40))
        assert small.size == (40, 40 * whole.size[1] // 64) and np.array_equal(small.times, whole.times)
        for number in (0, 2):
            frame = Image.fromarray(whole.frames([number])[0]).resize(small.size[::-1], Image.Resampling.BILINEAR)
            assert np.array_equal(small.frames([number])[0], np.asarray(frame))
        # Nothing is enlarged.
        assert open_video(path, VideoConfig(short_side=65)).size == whole.size


def test_what_is_odd_about_a_folder_of_images(tmp_path):
    folder = write_images(tmp_path / "a", ["1.png", "2.png", "5.png", "6.png"])
    Image.fromarray(bar_code(3, 256, 128)).save(folder / "6.png")
    image = Image.fromarray(np.rot90(bar_code(1)))
    exif = image.getexif()
    exif[0x0112] = 6  # a player turns it back
    image.save(folder / "2.png", exif=exif)
    video = open_video(folder)
    assert numbers_of(video.frames(range(4))) == [0, 1, 2, 3]
    texts = " ".join(video.warnings)
    assert "2 numbers are missing" in texts and "the size changes from 128x64 (256x128)" in texts


def test_folders_that_are_no_videos(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "the folder is empty" in fault_of(tmp_path / "empty")
    folder = write_images(tmp_path / "a", ["1.png", "01.jpg", "2.png"])
    assert "'01.jpg' and '1.png' are one number" in fault_of(folder)
    (folder / "01.jpg").unlink()
    (folder / "2.png").write_bytes(b"no image")
    assert str(folder / "2.png") in fault_of(folder) and "no image, or none of a known format" in fault_of(folder)
    # An image that ends early is found out when its pixels are read.
    Image.fromarray(bar_code(1)).save(folder / "2.png")
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:-40])
    with pytest.raises(VideoError, match=r"2\.png: the image cannot be read"):
        open_video(folder).frames([1])


def test_a_strip_of_squares(tmp_path):
    squares = [bar_code(number, 64, 64) for number in range(5)]
    Image.fromarray(np.concatenate(squares, axis=1)).save(tmp_path / "strip.png")
    video = open_video(tmp_path / "strip.png")
    assert len(video) == 5 and video.size == (64, 64) and np.array_equal(video.frames([4, 0]), [squares[4], squares[0]])
    Image.fromarray(bar_code(0, 150, 64)).save(tmp_path / "odd.png")
    assert "an image of 150x64" in fault_of(tmp_path / "odd.png")


@pytest.mark.parametrize(
    "name, save",
    [
        ("a.npy", np.save),
        ("a.npz", np.savez),
        ("a.npz", np.savez_compressed),
        ("a.npz", lambda path, frames: np.savez(path, labels=np.zeros(3), frames=frames)),
    ],
)
def test_arrays_of_frames(tmp_path, name, save):
    save(tmp_path / name, FRAMES)
    video = open_video(tmp_path / name)
    assert len(video) == 12 and video.size == (64, 128) and ASSUMED in video.warnings[0]
    assert np.array_equal(video.frames([11, 0, 5, 5]), FRAMES[[11, 0, 5, 5]])
    assert np.array_equal(np.concatenate(list(video.batches(range(2, 12), 4))), FRAMES[2:])


@pytest.mark.parametrize(
    "frames, found",
    [
        (FRAMES.astype(np.float32), "float32 (12, 64, 128, 3); expected uint8 [frames, height, width, 3]"),
        (FRAMES[..., 0], "uint8 (12, 64, 128)"),
        (FRAMES[:0], "no frame in an array"),
        (np.asfortranarray(FRAMES), "Fortran order"),
        (np.array([None]), "object"),
    ],
)
def test_arrays_that_are_no_frames(tmp_path, frames, found):
    np.save(tmp_path / "a.npy", frames, allow_pickle=True)
    assert found in fault_of(tmp_path / "a.npy")


def test_damaged_arrays(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, FRAMES)
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut off" in fault_of(path)
    path.write_bytes(b"no array")
    assert "not a .npy file" in fault_of(path)
    np.savez(tmp_path / "b.npz", a=FRAMES, b=FRAMES)
    assert "2 arrays: 'a', 'b'; expected one, or one called 'frames'" in fault_of(tmp_path / "b.npz")
    with zipfile.ZipFile(tmp_path / "c.npz", "w"):
        pass
    assert "0 arrays: none" in fault_of(tmp_path / "c.npz")
    assert "file is missing" in fault_of(tmp_path / "d.npy")


def test_all_else_is_a_video_file(tmp_path):
    assert len(open_video(write_video(tmp_path / "a.mp4", range(4)))) == 4


def test_pictures_of_too_many_pixels_are_refused_by_their_headers(tmp_path, monkeypatch):
    """Arrays of few bytes unpack to many gigabytes; an image is not decoded before its size is known."""
    with open(tmp_path / "a.npy", "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (1, 99999, 99999, 3)}
        np.lib.format.write_array_header_1_0(file, header)
    assert "frames of 99999x99999; expected at most 67108864 pixels" in fault_of(tmp_path / "a.npy")
    monkeypatch.setattr(image_folder, "MOST_PIXELS", 63)
    for name, size in (("0.png", (7, 9)), ("1.png", (8, 8))):
        Image.new("RGB", size).save(tmp_path / name)
    assert "1.png: an image of 8x8; expected at most 63 pixels" in fault_of(tmp_path)
