"""Makes a dataset folder of EPIC-Kitchens from the published features and annotations.

    python -m data_pipelines.extract_epic --rgb RGB_LMDB --flow FLOW_LMDB \\
        --train_csv EPIC_100_train.csv --validation_csv EPIC_100_validation.csv \\
        --verb_classes EPIC_100_verb_classes.csv --noun_classes EPIC_100_noun_classes.csv --output EPIC

The LMDBs are those that the script download_data_ek100_full.sh of epic-kitchens/C2-Action-Detection downloads; the CSV
files are in epic-kitchens/epic-kitchens-100-annotations. The folder holds features/VIDEO.npy (float32, frames first,
RGB then flow), groundTruth/VIDEO.txt, mapping.txt, verb_mapping.txt, noun_mapping.txt, split1.train and split1.test.
Run the same command again after an interruption: finished videos are left as they are.
"""

import contextlib
import os
import pathlib
import shlex
import shutil
import sys

import numpy as np
from tqdm import tqdm

from data_pipelines.core import command_line
from data_pipelines.core.feature_files import FeatureFileError, read_header
from data_pipelines.core.problems import Problem, count_problems, format_problems
from data_pipelines.core.wording import count, verb
from data_pipelines.tools import epic_folder
from data_pipelines.tools.epic_annotations import read_dataset
from data_pipelines.tools.frame_lmdb import BadVectorError, FrameStore
from fact_jax.files import atomic_write_text, lock_folder, readable_size
from fact_jax.types import UserError

NOTES_FILE = "missing_frames.txt"
PROBLEMS_FILE = "problems.txt"
_SHOWN_FRAMES, _SHOWN_PROBLEMS = 5, 50
_END_TOLERANCE = 5  # frames by which the RGB and the flow features of a video may differ in length


def main(argv=None):
    """Runs the tool; returns 0, or 1 if videos were left out."""
    arguments = _parse(argv)
    dataset = read_dataset(
        {"train": arguments.train_csv, "test": arguments.validation_csv},
        arguments.fps,
        arguments.verb_classes,
        arguments.noun_classes,
        arguments.video_lengths,
    )
    if unknown := [video for video in arguments.videos or () if video not in dataset.actions]:
        raise UserError(f"--videos: {', '.join(unknown)} is in neither list of actions.")
    stores = [FrameStore("RGB", arguments.rgb), FrameStore("flow", arguments.flow)]
    output = pathlib.Path(arguments.output)
    with command_line.writing(output), contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock_folder(output))
        except BlockingIOError as error:
            raise UserError(f"Another process is writing to {output}; wait, or choose another --output.") from error
        return _write_folder(output, stores, dataset, arguments)


def _write_folder(output, stores, dataset, arguments):
    """Writes all that is not there; returns 0, or 1 if videos were left out."""
    if dataset.verbs:
        epic_folder.write_class_lists(output, dataset)
    wanted = [video for videos in dataset.videos.values() for video in videos]
    if arguments.videos:
        wanted = [video for video in wanted if video in arguments.videos]
    width = sum(store.width for store in stores)
    print(f"{count(wanted, 'video')}, {stores[0].width} RGB + {stores[1].width} flow = {width} channels, to {output}")
    for leftover in (output / "features").glob(".*.partial"):
        leftover.unlink()
    extraction = Extraction(stores, output / "features", arguments.max_missing)
    problems = _extract_all(extraction, dataset, wanted)
    problems += _write_texts(output, dataset, extraction, len(wanted))
    return _report(output, dataset, problems)


def _write_texts(output, dataset, extraction, num_wanted):
    """Writes labels and split lists of the finished videos, and says what was done; returns a list of Problem."""
    problems = []
    finished = {video: length for video, length in extraction.lengths.items() if length}
    if dataset.verbs:
        problems = epic_folder.write_labels(output, dataset, finished)
        epic_folder.write_splits(output, dataset)
    else:
        print("no --verb_classes and --noun_classes: features only, no labels, class lists and split lists")
    if extraction.notes:
        print("\n".join(extraction.notes) + f"\n(also in {output / NOTES_FILE})")
    of = f"{len(finished)} of {count(num_wanted, 'video')} {verb(finished, 'are')}"
    print(f"{of} in {output / 'features'}, {extraction.num_new} of them new")
    return problems


def _report(output, dataset, problems):
    """Prints the problems, or how to train; returns the exit code."""
    if problems:
        print(f"{count_problems(problems)}:\n{format_problems(problems, _SHOWN_PROBLEMS)}", file=sys.stderr)
        if len(problems) > _SHOWN_PROBLEMS:
            path = atomic_write_text(output / PROBLEMS_FILE, "".join(f"{problem}\n" for problem in problems))
            print(f"all of them are in {path}", file=sys.stderr)
        return 1
    if dataset.verbs:
        options = ["--config", "configs/fact_epic.py", f"--config.data.dir={output}", "--workdir", "runs/epic"]
        print(f"to train: {shlex.join(['python', 'main.py', *options])}")
    return 0


def _parse(argv):
    epilog = "Exit code: 0 all videos done, 1 some left out, 2 wrong input or no place to write."
    parser = command_line.parser("data_pipelines.extract_epic", __doc__, epilog)
    add = parser.add_argument
    add("--rgb", required=True, metavar="LMDB", help="RGB features")
    add("--flow", required=True, metavar="LMDB", help="flow features")
    add("--train_csv", required=True, metavar="CSV", help="actions of the training videos")
    add("--validation_csv", required=True, metavar="CSV", help="actions of the validation videos: the test list")
    add("--output", required=True, metavar="FOLDER", help="dataset folder to write")
    add("--verb_classes", metavar="CSV", help="names of the verbs; without them features are all that is written")
    add("--noun_classes", metavar="CSV", help="names of the nouns")
    text = "video_lengths.csv of C2-Action-Detection: frames 1 to length - 1 are used, as published"
    add("--video_lengths", metavar="CSV", help=f"{text}; by default all that both LMDBs have")
    add("--videos", nargs="+", metavar="VIDEO", help="these videos only")
    text = "frames per second of the features, for time stamps (default: 30)"
    add("--fps", type=command_line.frame_rate(), default=30.0, help=text)
    text = "missing frames repeat the frame before, up to this share of a video; with more, it is left out"
    add("--max_missing", type=float, default=0.01, metavar="SHARE", help=f"{text} (default: 0.01)")
    arguments = parser.parse_args(argv)
    if bool(arguments.verb_classes) != bool(arguments.noun_classes):
        parser.error("--verb_classes and --noun_classes go together")
    if not 0 <= arguments.max_missing < 1:
        parser.error("--max_missing must be at least 0 and less than 1")
    return arguments


class Extraction:
    """Writes feature files, one video at a time.

    Attributes:
      lengths: dict from video id to the frames of its finished file, 0 if there is none.
      notes: lines about what was filled in.
    """

    def __init__(self, stores, folder, max_missing):
        self.lengths, self.notes, self.num_new = {}, [], 0
        self._stores, self._folder, self._max_missing = stores, folder, max_missing
        self._width = sum(store.width for store in stores)

    def num_frames(self, video, lengths):
        """T: one less than the published length; without it, the frames that both LMDBs reach.

        Flow needs two images, so that its last frame may come a little earlier. If the ends lie further apart, the
        later one counts, and what is missing before it is a gap as any other. 0 if a kind has none at all.
        """
        if lengths:
            return lengths[video] - 1
        ends = [store.last_frame(video) for store in self._stores]
        return min(ends) if max(ends) - min(ends) <= _END_TOLERANCE or not min(ends) else max(ends)

    def extract(self, video, num_frames, advance):
        """Writes the file of a video unless it is there; returns a list of Problem."""
        self.lengths[video] = 0
        path = self._folder / f"{video}.npy"
        if absent := [store.kind for store in self._stores if not store.last_frame(video)]:
            return [Problem(video, 0, f"there are no {' and no '.join(absent)} frames of this video", "it is left out")]
        if path.exists():
            return self._check(path, num_frames, video)
        partial = path.with_name(f".{video}.npy.partial")
        try:
            with command_line.writing(path):
                path.parent.mkdir(exist_ok=True)
                self._check_room(num_frames)
                features = np.lib.format.open_memmap(partial, "w+", np.float32, (num_frames, self._width))
                notes, problems = self._fill(video, features, advance)
                if not problems:
                    features.flush()
                    self._keep(notes)
                    os.replace(partial, path)
                    self.lengths[video] = num_frames
                    self.num_new += 1
                return problems
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()

    def _check_room(self, num_frames):
        # Running out of room inside a memory map would end the program without a message.
        needed, free = num_frames * self._width * 4, shutil.disk_usage(self._folder).free
        if needed > free:
            raise UserError(
                f"The next video needs {readable_size(needed)}, {self._folder} has {readable_size(free)} "
                "free. Make room and run the same command again."
            )

    def _check(self, path, num_frames, video):
        """Problems of a file that was there before."""
        try:
            shape = read_header(path).shape
        except FeatureFileError as error:
            return [Problem(str(path), 0, str(error), "delete it to have it extracted again")]
        if shape != (num_frames, self._width):
            expected = f"expected {(num_frames, self._width)}; delete it to have it extracted again"
            return [Problem(str(path), 0, f"a file of shape {shape} is there", expected)]
        self.lengths[video] = num_frames
        return []

    def _keep(self, notes):
        """Adds lines to the file of notes, which a later run that skips this video does not make again."""
        self.notes += notes
        path = self._folder.parent / NOTES_FILE
        if notes:
            there = path.read_text(encoding="utf-8") if path.exists() else ""
            atomic_write_text(path, there + "".join(f"{line}\n" for line in notes))

    def _fill(self, video, features, advance):
        """Reads all vectors of a video; returns (notes, list of Problem)."""
        first, notes = 0, []
        for store in self._stores:
            try:
                missing = store.read_into(video, features[:, first : first + store.width], advance)
            except BadVectorError as error:
                return [], [Problem(video, 0, str(error), "the video is left out")]
            first += store.width
            if not missing:
                continue
            shown = ", ".join(map(str, missing[:_SHOWN_FRAMES])) + (", ..." if len(missing) > _SHOWN_FRAMES else "")
            of = f"{len(missing)} of {count(features, f'{store.kind} frame')}"
            found = f"{of} {verb(missing, 'are')} missing ({shown})"
            if len(missing) > self._max_missing * len(features):
                expected = f"more than --max_missing={self._max_missing:g} of them; the video is left out"
                return [], [Problem(video, 0, found, expected)]
            notes.append(f"{video}: {found}; each repeats the frame before it")
        return notes, []


def _extract_all(extraction, dataset, wanted):
    num_frames = {video: extraction.num_frames(video, dataset.lengths) for video in wanted}
    problems = []
    bar = tqdm(total=2 * sum(num_frames.values()), unit="frame", unit_scale=True, disable=None)
    with bar:
        for number, video in enumerate(wanted, 1):
            bar.set_description(video)
            before, target = extraction.num_new, bar.n + 2 * num_frames[video]
            problems += extraction.extract(video, num_frames[video], bar.update)
            bar.update(target - bar.n)
            if bar.disable and extraction.num_new > before:
                print(f"[{number}/{len(wanted)}] {video}: {num_frames[video]} frames", flush=True)
    return problems


if __name__ == "__main__":
    command_line.run(main)
