"""Makes a localization dataset of Ego4D Moment Queries from its annotations and its features of whole videos.

    python -m data_pipelines.localization.ego4d FOLDER --annotations moments_train.json moments_val.json
        --slowfast DIR --omnivore DIR [--label_map FILE]

Every clip becomes a video: its features are cut out of those of the video it belongs to, from the window that holds its
first frame on. FOLDER gets annotations/ego4d.json and, for each stream, STREAM_features/CLIP.npy, as the configs
actionformer_ego4d_* take them. Features of EgoVLP are not published for whole videos; put yours, of clips, into
egovlp_features.

Source: ActionFormer (ECCV 2022), published preparation of Ego4D: windows of 32 frames every 16 frames. As there, one
window fewer is taken than the clip has room for.
"""

import collections
import json
import math
import pathlib
import pickle
from typing import NamedTuple

from data_pipelines.core import command_line
from data_pipelines.core.json_files import read_json
from data_pipelines.core.names import why_no_video
from data_pipelines.core.problems import Problem, count_problems, format_problems
from data_pipelines.core.text_files import is_id
from data_pipelines.core.wording import count
from fact_jax.files import atomic_save_array, atomic_write_text, read_data, readable_size, unpacks_to_too_much
from fact_jax.types import UserError

STRIDE, WINDOW = 16, 32
STREAMS = ("slowfast", "omnivore")
SUBSETS = {"train": "training", "val": "validation"}
# Frames per second of a clip that can be; others have broken times.
_RATES = (10.0, 100.0)
_LEAST_SECONDS = 0.25
_MAX_BYTES = 2**31


class Clip(NamedTuple):
    """A clip of a video.

    Attributes:
      subset: "training" or "validation".
      fps: frames per second.
      first, last: rows of the video's features that it takes, first <= row < last.
      seconds: length, with the frames before and after it that fill its windows.
      annotations: list of {"label", "segment"}.
      num_short: actions that are left out, as they last less than 0.25 s or have no finite times.
    """

    uid: str
    video_uid: str
    subset: str
    fps: float
    first: int
    last: int
    seconds: float
    annotations: list
    num_short: int


def read_clips(path, problems, left_out):
    """Reads the clips of one annotation file that hold an action; what is wrong is added to `problems`.

    `left_out` is a Counter by reason of what is not used.
    """
    content, wrong = read_json(path, "moments_train.json or _val.json", 2**30)
    problems += wrong
    if content is None:
        return []
    try:
        videos, subset = content["videos"], SUBSETS[content.get("split", _split_of(path))]
    except (AttributeError, KeyError, TypeError) as error:
        found = f"no videos of a split ({error!r})"
        problems.append(Problem(str(path), 0, found, "expected moments_train.json or _val.json"))
        return []
    clips = []
    for video in videos:
        for clip in video["clips"]:
            try:
                found = clip_of(video["video_uid"], clip, subset)
            except (KeyError, TypeError, ValueError) as error:
                problems.append(Problem(str(path), 0, f"clip {clip.get('clip_uid')!r} cannot be used ({error!r})"))
                continue
            if found is None:
                left_out["clips of less than 10 or more than 100 frames per second"] += 1
                continue
            left_out[f"actions of less than {_LEAST_SECONDS} s"] += found.num_short
            if not found.annotations:
                left_out["clips without an action"] += 1
                continue
            # Both are parts of paths, one of a file that is written.
            if why := why_no_video(found.uid) or why_no_video(found.video_uid):
                problems.append(Problem(str(path), 0, f"clip {found.uid!r} of video {found.video_uid!r}: {why}"))
                continue
            clips.append(found)
    return clips


def _split_of(path):
    return next((name for name in SUBSETS if name in pathlib.Path(path).stem.split("_")), "")


def clip_of(video_uid, clip, subset):
    """Clip of its entry, or None if its times cannot be."""
    start, end = (max(int(clip[f"video_{name}_frame"]), 0) for name in ("start", "end"))
    start_sec, end_sec = (max(float(clip[f"video_{name}_sec"]), 0.0) for name in ("start", "end"))
    if not end_sec > start_sec or not _RATES[0] <= (end - start) / (end_sec - start_sec) <= _RATES[1]:
        return None
    fps = (end - start) / (end_sec - start_sec)
    before = start % STRIDE
    after = -(end - start + before - WINDOW) % STRIDE
    labels = [item for annotator in clip["annotations"] for item in annotator["labels"] if item.get("primary")]
    annotations = [found for item in labels if (found := _annotation(item, start_sec, before / fps))]
    return Clip(
        uid=str(clip["clip_uid"]),
        video_uid=str(video_uid),
        subset=subset,
        fps=round(fps, 2),
        first=(start - before) // STRIDE,
        last=(end + after - WINDOW) // STRIDE,
        seconds=round((end - start + before + after) / fps, 2),
        annotations=annotations,
        num_short=len(labels) - len(annotations),
    )


def _annotation(item, start_sec, shift):
    """An action with times from the first window of the clip on, or None if it is too short."""
    ends = [float(item[f"video_{name}_time"]) - start_sec + shift for name in ("start", "end")]
    if not all(map(math.isfinite, ends)) or ends[1] - ends[0] < _LEAST_SECONDS:
        return None
    return {"label": str(item["label"]), "segment": [round(end, 2) for end in ends]}


def read_label_map(path, problems):
    """{name: id} of a file with lines "<id>, tab, <name>" or the other way round."""
    ids = {}
    try:
        lines = read_data(path).decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(str(path), 0, f"cannot be read ({error})"))
        return ids
    for number, line in enumerate(lines, 1):
        fields = line.split("\t")
        numbers = [field for field in fields if is_id(field.strip())]
        if len(fields) != 2 or not numbers:
            problems.append(Problem(str(path), number, f"{line[:60]!r}", "expected an id, a tab and a name"))
            continue
        name = fields[1] if fields[0] == numbers[0] else fields[0]
        if name in ids or int(numbers[0]) in ids.values():
            problems.append(Problem(str(path), number, f"{line[:60]!r}: its id or name again", "expected each once"))
        ids.setdefault(name, int(numbers[0]))
    return ids


def read_video(path):
    """float32 [T, D] of a .pt file that holds one tensor; a UserError if it does not."""
    import torch  # only who converts features needs it

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(f"{path} holds something else than a tensor; it is not loaded.") from error
    except (OSError, RuntimeError, ValueError, EOFError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{path} cannot be read: {(str(error) or repr(error)).splitlines()[0]}.") from error
    if not isinstance(found, torch.Tensor) or found.ndim != 2:
        raise UserError(f"{path}: expected one tensor (windows, channels).")
    # A view that repeats a number counts every time.
    needed, size = 4 * found.numel(), path.stat().st_size
    if unpacks_to_too_much(needed, size):
        raise UserError(f"{path}: {readable_size(size)} that unpack to {readable_size(needed)}, which no features do.")
    return found.to(torch.float32).numpy()


def convert(folder, annotation_files, streams, label_map=None):
    """Writes the dataset; returns (clips, Counter of what is left out by reason).

    A UserError names all files that are missing or cannot be used.

    Args:
      folder: where to.
      annotation_files: moments_train.json and moments_val.json.
      streams: dict from a name in STREAMS to the folder with VIDEO_UID.pt.
      label_map: file with the ids of the classes; None = numbered by name.
    """
    problems, left_out = [], collections.Counter()
    clips = [clip for path in annotation_files for clip in read_clips(path, problems, left_out)]
    by_uid = {}
    for clip in clips:
        if by_uid.setdefault(clip.uid, clip) != clip:
            expected = "expected it once, or the same both times"
            problems.append(Problem(str(annotation_files[0]), 0, f"clip {clip.uid!r} is there twice", expected))
    left_out["clips that are there already"] += len(clips) - len(by_uid)
    clips = list(by_uid.values())
    names = {item["label"] for clip in clips for item in clip.annotations}
    ids = read_label_map(label_map, problems) if label_map else {name: i for i, name in enumerate(sorted(names))}
    unknown = sorted(names - set(ids))
    if label_map and unknown:
        problems.append(Problem(str(label_map), 0, f"no id of {count(unknown, 'label')}, such as {unknown[0]!r}"))
    by_video = {}
    for clip in clips:
        by_video.setdefault(clip.video_uid, []).append(clip)
    paths = {(stream, uid): pathlib.Path(place) / f"{uid}.pt" for stream, place in streams.items() for uid in by_video}
    problems += [Problem(str(path), 0, "file is missing") for path in paths.values() if not path.is_file()]
    if not clips:
        problems.append(Problem(str(annotation_files[0]), 0, "no clip with an action"))
    if problems:
        raise UserError(f"{count_problems(problems)}:\n{format_problems(problems)}")
    for (stream, uid), path in paths.items():
        features = read_video(path)
        for clip in by_video[uid]:
            if clip.last > len(features):
                raise UserError(f"{path} has {len(features)} windows; clip {clip.uid} needs {clip.last}.")
            path = folder / f"{stream}_features" / f"{clip.uid}.npy"
            atomic_save_array(path, features[clip.first : clip.last])
    entries = {clip.uid: _entry(clip, ids) for clip in clips}
    text = json.dumps({"version": "ego4d moments", "database": entries}, indent=1)
    atomic_write_text(folder / "annotations" / "ego4d.json", text + "\n")
    return clips, left_out


def _entry(clip, ids):
    annotations = [item | {"label_id": ids[item["label"]]} for item in clip.annotations]
    return {"subset": clip.subset, "duration": clip.seconds, "fps": clip.fps, "annotations": annotations}


def main(argv=None):
    """Runs the tool; returns 0."""
    epilog = "Exit code: 0 written, 2 not. Needs PyTorch (pip install torch)."
    parser = command_line.parser("data_pipelines.localization.ego4d", __doc__, epilog)
    parser.add_argument("folder", help="folder to write")
    parser.add_argument("--annotations", nargs="+", required=True, metavar="FILE", help="moments_train.json, _val.json")
    for stream in STREAMS:
        parser.add_argument(f"--{stream}", metavar="DIR", help=f"folder with VIDEO.pt, {stream} features")
    parser.add_argument("--label_map", metavar="FILE", help="lines: id, tab, name; default: ids in order of the names")
    arguments = parser.parse_args(argv)
    streams = {stream: place for stream in STREAMS if (place := getattr(arguments, stream))}
    if not streams:
        parser.error("give at least one of --slowfast and --omnivore")
    folder = pathlib.Path(arguments.folder).expanduser()
    with command_line.writing(folder):
        clips, left_out = convert(folder, arguments.annotations, streams, arguments.label_map)
    counts = {subset: sum(clip.subset == subset for clip in clips) for subset in SUBSETS.values()}
    print(", ".join(count(number, f"{subset} clip") for subset, number in counts.items()) + f": {folder}")
    for reason, number in left_out.items():
        if number:
            print(f"left out: {number} {reason}")
    return 0


if __name__ == "__main__":
    command_line.run(main)
