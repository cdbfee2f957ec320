"""Videos without labels are read once, in the chunks that an evaluation would read."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.representation.input_videos import FoundVideos, VideoInput, checksum, open_videos
from data_pipelines.representation.opening import PhasedVideo
from data_pipelines.representation.source import EvaluationChunks
from data_pipelines.representation.unlabelled import (
    Assembly,
    ChunkConfig,
    GivenFrames,
    UnlabelledChunks,
    UnlabelledRawVideos,
    VideoBatches,
    read_chunks,
)
from data_pipelines.video.clips import ClipConfig
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.errors import VideoError
from data_pipelines.video.views import AugmentationConfig
from fact_jax.types import UserError
from tests.data_pipelines.video.written import write_video

PROPERTY = settings(derandomize=True, max_examples=15, deadline=None)


def noise(count, seed=0, side=8):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


class Watched(GivenFrames):
    """Counts passes and decoded frames; breaks at a frame."""

    def __init__(self, frames, breaks_at=None):
        super().__init__(frames)
        self.passes, self.decoded, self.breaks_at = 0, 0, breaks_at

    def _decode(self, numbers):
        self.passes += 1
        for place, write in super()._decode(numbers):
            if self.breaks_at is not None and numbers[place] >= self.breaks_at:
                raise VideoError(self.path, "the file has changed", "start again")
            self.decoded += 1
            yield place, write


def chunk_config(per_chunk=5, stride=1, contexts=1, context_stride=1):
    clip = ClipConfig(num_frames=4, num_contexts=contexts, context_stride=context_stride)
    data = RepresentationDataConfig(clip=clip, augmentation=AugmentationConfig(size=6, evaluation_crop="whole"))
    return ChunkConfig(data, per_chunk, stride)


def source_of(videos, config):
    inputs = [VideoInput(f"v{n}", f"/v{n}.mp4", 0, 0, 0, len(video), video=video) for n, video in enumerate(videos)]
    return UnlabelledRawVideos(FoundVideos(tuple(inputs), [], (), ()), config)


@PROPERTY
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=3), st.integers(1, 9), st.integers(1, 4), st.integers(1, 3),
    st.integers(1, 16),
)  # fmt: skip
def test_one_pass_gives_what_an_evaluation_reads(lengths, per_chunk, stride, contexts, context_stride):
    config = chunk_config(per_chunk, stride, contexts, context_stride)
    videos = [Watched(noise(length, seed)) for seed, length in enumerate(lengths)]
    chunks = UnlabelledChunks(source_of(videos, config), max(map(config.padded_length, videos)))
    entries = [PhasedVideo(f"v{number}", GivenFrames(noise(n, number)), None) for number, n in enumerate(lengths)]
    expected = EvaluationChunks(entries, config.data, per_chunk, stride)
    assert chunks.video_ids == expected.video_ids
    for position in range(len(expected.video_ids)):
        found, wanted = chunks.example(position, None), expected.example(position, None)
        assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
        assert found["frames"].shape[0] <= chunks.shapes["frames"][0][0]
    assert [video.passes for video in videos] == [1] * len(videos)
    assert all(video.decoded <= len(video) for video in videos)
    # Out of order, too.
    last = len(expected.video_ids) - 1
    for position in (last, 0):
        assert np.array_equal(chunks.example(position, None)["frames"], expected.example(position, None)["frames"])


@PROPERTY
@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 4))
def test_chunks_are_put_together(length, per_chunk, stride):
    video, config = GivenFrames(noise(length)), chunk_config(per_chunk, stride)
    assembly = Assembly(video, config)
    whole = np.random.default_rng(length).normal(size=(len(assembly.times), 3)).astype(np.float32)
    assert np.array_equal(assembly.times, video.times[::stride]) and assembly.steps[0] == 0
    padded, parts = config.padded_length(video), []
    chunks = EvaluationChunks([PhasedVideo("v", video, None)], config.data, per_chunk, stride)
    for _ in range(2):  # twice, since a command may be told to do a video again
        for position in range(len(chunks.video_ids)):
            example = chunks.example(position, None)
            start, count = int(example["start"]), len(example["mask"])
            part = np.full((padded, 3), 9.0, np.float32)
            part[:count] = whole[start : start + count]
            parts.append(assembly.add(part))
        assert all(part is None for part in parts[:-1]) and np.array_equal(parts.pop(), whole)
        parts.clear()


def test_batches_say_of_which_video_a_row_is():
    source = source_of([GivenFrames(noise(n, n)) for n in (70, 10, 3, 35)], chunk_config(40))
    batches = list(VideoBatches(source, batch_size=2, num_rows=2))
    assert [(batch.length, batch.positions) for batch in batches] == [(16, (1, 2)), (40, (0, 0)), (40, (3, -1))]
    assert [batch.video_ids for batch in batches] == [("v1", "v2"), ("v0", "v0"), ("v3", "")]
    assert [batch.arrays["mask"].sum(1).tolist() for batch in batches] == [[10, 3], [35, 35], [35, 0]]
    # A video has its length whichever others there are.
    assert VideoBatches(source.select([3]), batch_size=1, num_rows=1).buckets == (40,)


@pytest.mark.parametrize(("count", "length"), [(1, 16), (17, 24), (25, 32), (300, 384), (513, 600), (601, 384)])
def test_padded_lengths_are_few(count, length):
    assert chunk_config(600).padded_length(GivenFrames(np.zeros((count, 1, 1, 3), np.uint8))) == length


def test_a_video_that_breaks_is_noted_and_the_others_go_on():
    source = source_of([Watched(noise(12), breaks_at=6), GivenFrames(noise(3))], chunk_config())
    batches = list(VideoBatches(source, batch_size=1, num_rows=1))
    assert [batch.positions for batch in batches] == [(0,), (0,), (0,), (1,)]
    assert source.is_bad(0) and not source.is_bad(1)
    assert [str(problem) for problem in source.problems] == ["/v0.mp4: the file has changed; start again"]
    assert not batches[2].arrays["frames"].any() and batches[3].arrays["frames"].any()


def test_frames_paths_and_what_is_neither(tmp_path):
    config = chunk_config()
    path = write_video(tmp_path / "a.mp4", range(7))
    assembly, chunks = read_chunks(path, config)
    arrays = list(chunks)
    assert [int(part["mask"].sum()) for part in arrays] == [4, 3] and len(assembly.times) == 7
    np.save(tmp_path / "b.npy", noise(3))
    (given_frames,), (stored,) = (list(read_chunks(x, config)[1]) for x in (noise(3), str(tmp_path / "b.npy")))
    assert np.array_equal(given_frames["frames"], stored["frames"])
    with pytest.raises(UserError, match=r"video 3: an array \(2, 4\) of float64; expected a path, or uint8"):
        read_chunks(np.zeros((2, 4)), config, "video 3")
    with pytest.raises(UserError, match="file is missing"):
        read_chunks(tmp_path / "c.mp4", config)


def strip(path, frames):
    from PIL import Image

    Image.fromarray(np.concatenate(list(noise(frames)), axis=1)).save(path)


def test_what_a_folder_stands_for(tmp_path):
    videos = tmp_path / "videos"
    (videos / "images").mkdir(parents=True)
    (videos / "empty").mkdir()
    write_video(videos / "a.mp4", range(5))
    (videos / "notes.txt").write_text("no video")
    for number in range(3):
        strip(videos / "images" / f"{number}.png", 1)
    found = open_videos([str(videos), str(videos / "a.mp4")], VideoConfig())
    assert {video.video_id: video.num_frames for video in found.inputs} == {"a": 5, "images": 3}
    assert not found.problems and any("notes.txt, empty" in line for line in found.lines)
    # A folder of nothing but images is a video; of strips, each is one.
    found = open_videos([str(videos / "images")], VideoConfig())
    assert [(video.video_id, video.num_frames) for video in found.inputs] == [("images", 3)]
    (tmp_path / "strips").mkdir()
    for number in range(2):
        strip(tmp_path / "strips" / f"s{number}.png", 4 + number)
    found = open_videos([str(tmp_path / "strips")], VideoConfig())
    assert {video.video_id: video.num_frames for video in found.inputs} == {"s0": 4, "s1": 5}


def test_every_bad_video_is_told_and_none_stops_the_others(tmp_path):
    write_video(tmp_path / "good.mp4", range(5))
    write_video(tmp_path / "cut.mp4", range(40), container={"movflags": "faststart"}, cut=0.6)
    (tmp_path / "text.mp4").write_text("no video at all")
    for ending in ("mp4", "mkv"):
        write_video(tmp_path / f"twice.{ending}", range(3))
    wanted = [str(tmp_path), str(tmp_path / "missing.mp4")]
    found = open_videos(wanted, VideoConfig())
    assert [video.video_id for video in found.inputs] == ["good"]
    assert sorted(found.unusable) == ["cut", "missing", "text", "twice"]
    text = "\n".join(map(str, found.problems))
    for words in ("cut off", "text.mp4: no video", "missing.mp4: file is missing", "video 'twice' is also"):
        assert words in text
    (tmp_path / "good.mp4").unlink()
    with pytest.raises(UserError, match=r"--input has 5 problems:[\s\S]*missing.mp4"):
        open_videos(wanted, VideoConfig())


def test_a_checksum_of_images_changes_with_any_of_them(tmp_path):
    for number in range(2):
        strip(tmp_path / f"{number}.png", 1)
    before = checksum(tmp_path)
    (video,) = open_videos([str(tmp_path)], VideoConfig()).inputs
    strip(tmp_path / "1.png", 2)
    (changed,) = open_videos([str(tmp_path)], VideoConfig()).inputs
    assert checksum(tmp_path) != before and changed.size != video.size
    assert dataclasses.replace(video, sha256=before).video is video.video
