"""The videos of a page for looking and correcting: their files, when their frames are shown, and what browsers play."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from data_pipelines.core.feature_times import FeatureTimes, has_times, times_path
from data_pipelines.core.input_files import find_files
from data_pipelines.extraction.feature_file import known_indices
from data_pipelines.representation.opening import INDEX_DIR
from data_pipelines.video.checks import VIDEO_SUFFIXES
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.errors import VideoError
from data_pipelines.video.frame_times import is_rising
from data_pipelines.video.playable import why_not_everywhere
from data_pipelines.video.video_file import VideoFile
from fact_jax import files
from fact_jax.mp4 import write_mp4
from fact_jax.reporting.review.content import Review
from fact_jax.reporting.review.grids import FrameGrid, Media
from fact_jax.types import UserError

# How videos come to the page: named where they lie; laid beside it; or named, but those written anew as H.264 that some
# browser does not play.
WAYS = ("link", "copy", "transcode")
FOLDER = "review_videos"
# Cameras write them in capitals.
SUFFIXES = tuple(sorted({*VIDEO_SUFFIXES, *map(str.upper, VIDEO_SUFFIXES)}))
# Folders in which a video may lie whose name VIDEO.json tells, seen from the folder of that file.
_NEAR = (".", "..", "../videos", "../../videos")
_READ = VideoConfig(allow_cut_off=True)
# Frames between two at which a browser can begin to decode: going back frame by frame is quick.
_KEY_EVERY = 24
# Frames that are decoded at once.
_BATCH = 64
MAX_NAMED = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoundFeatures:
    """Where the features of evaluated videos lie: `folders`, and what stands before the name of a video (`prefix`)."""

    folders: Sequence[Path] = ()
    prefix: str = ""

    def file_of(self, video_id: str) -> Path | None:
        """The feature file of a video beside which VIDEO.json lies, or None."""
        paths = (Path(folder) / f"{self.prefix}{video_id}.npy" for folder in self.folders)
        return next(filter(has_times, paths), None)


def find_media(
    review: Review, folder: Path, *, videos=(), features=FoundFeatures(), way: str = "link", say: Callable
) -> Mapping[str, Media]:
    """{video: Media} of the videos of a Review whose page is to lie in `folder`.

    Args:
      videos: files, folders and patterns of video files, which go by the names of the videos.
      features: where VIDEO.json may lie, for videos of which it is not recorded what they were predicted from.
      way: one of WAYS; what is copied or written anew goes to FOLDER below `folder`.
      say: takes lines for the user.

    Raises:
      UserError: a name in `videos` stands for nothing, two files have the name of one video, or none has one.
    """
    told = told_files([video.video_id for video in review.videos], videos)
    found, playing, gone = {}, set(), []
    for video in review.videos:
        source = Path(video.source) if video.source else features.file_of(video.video_id)
        times, notes = _feature_times(source, video)
        path = told.get(video.video_id) or _recorded(source, times)
        if path is None and (file := _recorded_name(source, times)):
            gone.append(file)
        media = Media(notes=tuple(notes), edges=None if times is None else times.edges)
        index_dir = folder / INDEX_DIR if source is None else known_indices(source.parent, folder / INDEX_DIR)
        found[video.video_id] = _with_file(media, path, times, folder, index_dir, way, say) if path else media
        playing.add(found[video.video_id].path)
    _remove_others(folder, playing)
    if gone and not videos:
        more = f" and {len(gone) - MAX_NAMED} more" if len(gone) > MAX_NAMED else ""
        told = f"video files that were recorded and are not found: {', '.join(gone[:MAX_NAMED])}{more}"
        say(f"{told}; --mode review --input {folder} --videos THEIR_FOLDER shows them")
    without = [video.video_id for video in review.videos if found[video.video_id].grid is None]
    if videos and without:
        more = f" and {len(without) - MAX_NAMED} more" if len(without) > MAX_NAMED else ""
        say(f"no video file for {len(without)} of {len(review.videos)} videos: {', '.join(without[:MAX_NAMED])}{more}")
    return found


def told_files(names, videos) -> Mapping[str, Path]:
    """{video: path} of the files in `videos`, see `find_media`, that go by some of these names of videos; UserError."""
    if not videos:
        return {}
    paths, problems = find_files(videos, SUFFIXES)
    names, by_name = set(names), {}
    for path in paths:
        by_name.setdefault(path.stem, []).append(path)
    for name in names & by_name.keys():
        if len(by_name[name]) > 1:
            listed = ", ".join(map(str, by_name[name]))
            problems.append(f"--videos: video {name!r} may be {listed}; name the files that are meant")
    if not problems and names and not names & by_name.keys():
        expected = f"expected files called as the videos of the predictions, such as {min(names)!r} with an ending"
        problems.append(f"--videos: none of {len(paths)} video files has the name of a video; {expected}")
    if problems:
        raise UserError("\n".join(map(str, problems)))
    return {name: by_name[name][0] for name in names & by_name.keys()}


def _feature_times(source, video):
    """(FeatureTimes of the features of a video or None, sentences on why not)."""
    if source is None or source.suffix != ".npy" or not has_times(source):
        return None, []
    times, problems = FeatureTimes.examine(source)
    if problems:
        return None, [str(problem) for problem in problems]
    if video.rows and times.rows != video.rows:
        return None, [f"{times_path(source)} is of {times.rows} rows, and the prediction has {video.rows}: not used."]
    return times, []


def _recorded(source, times):
    """The video file that a prediction was made from, as far as it is recorded and still there."""
    if source is not None and source.suffix.lower() in SUFFIXES:
        return source if source.is_file() else None
    name = _recorded_name(source, times)
    if not name:
        return None
    named = Path(name)
    places = [named] if named.is_absolute() else [source.parent / near / named for near in _NEAR]
    return next((place for place in places if place.is_file()), None)


def _recorded_name(source, times):
    """The name or path of that file; "" where nobody recorded it."""
    if source is not None and source.suffix.lower() in SUFFIXES:
        return str(source)
    return "" if times is None else str(times.video.get("file") or "")


def _with_file(media, path, times, folder, index_dir, way, say):
    """The Media with the file at `path`: when its frames are shown, and what the page plays."""
    try:
        opened = VideoFile(path, _READ, index_dir)
        why = why_not_everywhere(path, _READ)
    except VideoError as error:
        return dataclasses.replace(media, notes=(*media.notes, str(error)))
    notes = [*media.notes, *(f"{path.name}: {text}." for text in opened.warnings)]
    if times is not None and times.video.get("frames") not in (None, len(opened)):
        expected = f"the features were made from one of {times.video['frames']}"
        notes.append(f"{path} has {len(opened)} frames, and {expected}: it is another file, and is not shown.")
        return dataclasses.replace(media, notes=tuple(notes))
    shown = path
    if way == "transcode" and why or way == "copy":
        shown = _beside(folder, path, opened, why, say)
    elif why:
        how = "--page_videos transcode writes a copy that all play"
        notes.append(f"{path.name} is {why}, which not every browser plays: {how}.")
    return dataclasses.replace(media, path=shown, notes=tuple(notes), grid=_grid(opened))


def _grid(opened):
    """The FrameGrid of a VideoFile."""
    index = opened.index
    if not is_rising(index.pts):
        return FrameGrid.of_rate(len(index), index.rate)
    return FrameGrid.of_ticks(index.pts - index.start, index.time_base)


def _beside(folder, path, opened, why, say):
    """A file in FOLDER that plays as `path`, written where it is not there yet."""
    state = os.stat(path)
    key = hashlib.sha256(f"{path.resolve()} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:12]
    name = f"{files.safe_name(path.stem)}-{key}{'.mp4' if why else path.suffix}"
    target = folder / FOLDER / name
    if target.is_file():
        return target
    if why:
        say(f"{path.name}: writes {len(opened)} frames as H.264")
        _transcode(opened, target)
    else:
        with files.atomic_file(target) as file, files.open_data(path) as original:
            while piece := original.read(2**22):
                file.write(piece)
    return target


def _transcode(opened, target):
    """Writes a video as H.264 that shows every frame when the original does."""
    height, width = (side - side % 2 for side in opened.size)
    times, first = opened.times, 0
    if times[0] > 0:
        # Players take the first frame as second 0. Until it comes it is shown: as a label at that time falls on it.
        times, first = np.concatenate([[0.0], times]), 1

    def pictures():
        for batch in opened.batches(np.arange(len(opened)), _BATCH):
            for picture in batch:
                yield picture[:height, :width]

    def shown():
        for number, picture in enumerate(pictures()):
            yield from [picture] * (1 + first * (number == 0))

    write_mp4(target, shown(), times, (height, width), key_every=_KEY_EVERY)


def _remove_others(folder, kept):
    """Removes what an earlier page left in FOLDER."""
    for path in (folder / FOLDER).glob("*"):
        if path not in kept and path.is_file():
            path.unlink()
