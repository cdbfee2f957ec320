"""Writes a config file for a dataset folder of your own, after looking at the folder.

    python -m data_pipelines.write_config FOLDER --output my_config.py
    python main.py --config my_config.py --workdir runs/mine

A folder of label files gets a config of FACT or of another system that labels frames, one of annotations.json a config
of ActionFormer, one of clips with train.csv a config of CAST, one of other videos a config of CARL. The tool prints
what it found and why it chose what it chose; the config file repeats it. Every choice can be made by an option instead,
or changed in the file.
"""

import dataclasses
import os
import pathlib
import re

from data_pipelines.core import command_line
from data_pipelines.representation.folder import VIDEO_DIR
from data_pipelines.tools import (
    clip_folder,
    clip_proposal,
    dataset_folder,
    localization_folder,
    localization_proposal,
    segmentation_proposal,
    video_folder,
    video_proposal,
)
from data_pipelines.tools.config_text import config_text, plain_name, training_command, wrapped
from fact_jax.files import atomic_write_text, why_no_folder
from fact_jax.types import UserError

_MAX_RATIO = 100
_KINDS = (segmentation_proposal, localization_proposal, video_proposal, clip_proposal)
SYSTEMS = tuple(system for kind in _KINDS for system in kind.BASES)
# Options that not every system has, by what they are for.
_FOR_FRAMES = (
    "label_dir", "mapping_file", "train_split_file", "test_split_file", "validation_split_file", "time_axis",
    "background", "length_tolerance", "base", "sample_rate", "evaluate_background",
)  # fmt: skip
_LISTS = ("train_split_file", "test_split_file")  # videos without features have them too
_FOR_TOKENS = ("match", "num_tokens", "token_ratio", "recipe")
_FOR_SEGMENTS = (
    "annotation_file", "subset_file", "train_subsets", "test_subsets", "feature_stride", "window", "skip_missing",
)  # fmt: skip
_FOR_VIDEOS = ("num_frames",)


def main(argv=None):
    """Runs the tool; returns 0."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    for name in ("num_tokens", "batch_size", "sample_rate", "num_frames"):
        if getattr(arguments, name) is not None and getattr(arguments, name) < 1:
            parser.error(f"--{name} must be 1 or more")
    system, findings = _choose_system(arguments)
    _refuse_options(parser, arguments, system)
    path = _output(arguments)  # before the folder is read, which may take long
    for line in findings:
        print(wrapped(line, "  "))
    if system in localization_proposal.BASES:
        folder = localization_folder.survey(os.path.expanduser(arguments.folder), arguments)
        proposal = localization_proposal.propose(folder, system, arguments)
    elif system in clip_proposal.BASES:
        proposal = clip_proposal.propose(clip_folder.survey(arguments), system, arguments)
    elif system in video_proposal.BASES:
        proposal = video_proposal.propose(video_folder.survey(arguments), system, arguments)
    else:
        folder = dataset_folder.survey(arguments)
        _insist(folder)
        proposal = segmentation_proposal.propose(folder, system, arguments)
    for line in proposal.reasons:
        print(wrapped(line, "  "))
    with command_line.writing(path):
        atomic_write_text(path, config_text(path, proposal))
    print(f"wrote {path}; to train:\n  {training_command(path)}")
    return 0


def _choose_system(arguments):
    """(system, findings); a UserError if the folder is of another kind than the system that is asked for."""
    root = pathlib.Path(os.path.expanduser(arguments.folder))
    if reason := why_no_folder(root):
        raise UserError(f"{arguments.folder} is not a folder: it {reason}.")
    annotations = localization_folder.find_annotations(root, arguments.annotation_file)
    has_labels = not why_no_folder(root / arguments.label_dir)
    has_videos = video_folder.holds_videos(root)
    has_clips = clip_folder.holds_clips(root, arguments.train_split_file)
    usual = "actionformer" if annotations else "cast" if has_clips else "carl" if has_videos else "fact"
    system = arguments.system or ("fact" if has_labels else usual)
    if system in video_proposal.BASES and not has_videos:
        raise UserError(
            f"--system {system} learns from videos, but {root} has neither {VIDEO_DIR}/ nor files of videos."
        )
    if system in clip_proposal.BASES and not has_clips:
        raise UserError(f"--system {system} learns from labelled clips: expected {clip_folder.expected()} in {root}.")
    if system == usual == "cast" and not arguments.system:
        return system, [f"system: {system}, as there is a list of clips with labels"]
    if system == usual == "carl" and not arguments.system:
        return system, [f"system: {system}, as there are videos and no features with labels"]
    if system in localization_proposal.BASES and not annotations:
        raise UserError(
            f"--system {system} learns from segments with times, but {root} has no "
            f"{' or '.join(localization_folder.ANNOTATION_FILES)}. Name another file, --annotation_file, or a system "
            f"that labels frames: {', '.join(segmentation_proposal.BASES)}."
        )
    if system in segmentation_proposal.BASES and annotations and not has_labels:
        raise UserError(
            f"--system {system} learns from a label for every frame, but {root} has {annotations} and no "
            f"{arguments.label_dir}/. It takes --system {' or '.join(localization_proposal.BASES)}."
        )
    if arguments.system:
        return system, []
    if annotations and has_labels:
        return system, [f"system: {system}; {annotations} is there as well, which --system actionformer takes"]
    return system, [f"system: {system}; --system chooses another of its kind"] if system == "fact" else [
        f"system: {system}, as there is {annotations}"
    ]


def _refuse_options(parser, arguments, system):
    """Raises a UserError if an option is given that the system does not have."""
    if system in (*video_proposal.BASES, *clip_proposal.BASES):
        foreign = {*_FOR_FRAMES, *_FOR_TOKENS, *_FOR_SEGMENTS, "feature_dir"} - {*_LISTS}
    elif system in localization_proposal.BASES:
        foreign = (*_FOR_FRAMES, *_FOR_TOKENS, *_FOR_VIDEOS)
    else:
        tokens = () if system in segmentation_proposal.TOKEN_SYSTEMS else _FOR_TOKENS
        foreign = (*_FOR_SEGMENTS, *_FOR_VIDEOS, *tokens)
    given = [f"--{name}" for name in foreign if getattr(arguments, name) != parser.get_default(name)]
    if given:
        raise UserError(f"{system} has no {', '.join(given)}. Leave out what is for other systems, or see --help.")


def _insist(folder):
    """As `dataset_folder.insist`; problems name the option of this tool, not the setting that it is for."""
    setting, option = r'config\.data\.time_axis="(\w+)"', r"--time_axis \1"
    problems = [
        dataclasses.replace(problem, expected=re.sub(setting, option, problem.expected)) for problem in folder.problems
    ]
    dataset_folder.insist(dataclasses.replace(folder, problems=problems))


def _output(arguments):
    """The file to write; a UserError if it cannot be, or is there already."""
    dataset = arguments.name or pathlib.Path(os.path.expanduser(arguments.folder)).resolve().name
    path = pathlib.Path(arguments.output or f"config_{plain_name(dataset)}.py")
    _check_name(path)
    if path.exists() and not arguments.overwrite:
        raise UserError(f"{path} exists already. Choose another --output, or add --overwrite to replace it.")
    return path


def _check_name(path):
    if path.suffix != ".py":
        raise UserError(f"--output is {path}, expected a name that ends in .py.")
    full = str(path.resolve())
    if ":" in full or any("\ud800" <= character <= "\udfff" for character in full):
        raise UserError(
            f"--output is {ascii(full)}, expected a path of UTF-8 characters without a colon, after which "
            "--config takes arguments."
        )


def _parser():
    parser = command_line.parser("data_pipelines.write_config", __doc__, "Exit code: 0 written, 2 not.")
    dataset_folder.add_options(parser)
    add = parser.add_argument
    add(
        "--system",
        choices=SYSTEMS,
        help="what to train (default: fact; actionformer for annotations.json, cast for train.csv, carl for videos)",
    )
    add("--output", metavar="FILE", help="config file to write (default: config_NAME.py)")
    add("--overwrite", action="store_true", help="replace the config file if it exists")
    add("--batch_size", type=int, help="videos per step (default: that of --base)")
    rate = command_line.frame_rate(or_zero=True)
    text = "label frames per second, for time axes; for annotations, and videos without times, video frames per second"
    add("--fps", type=rate, default=0.0, help=text)
    _add_frame_options(parser.add_argument_group("systems that label frames"))
    _add_segment_options(parser.add_argument_group("systems that find segments"))
    group = parser.add_argument_group("systems that see videos")
    group.add_argument("--num_frames", type=int, help="frames of a clip (default: by the lengths of the videos)")
    return parser


def _add_frame_options(group):
    add = group.add_argument
    bases = tuple(dict.fromkeys(base for names in segmentation_proposal.BASES.values() for base in names))
    otherwise = f"custom, or breakfast from {segmentation_proposal.MANY_VIDEOS} training videos"
    add("--base", choices=bases, help=f"whose model and training settings to start from (default: {otherwise})")
    recipes = tuple(dict.fromkeys(name for names in segmentation_proposal.RECIPES.values() for name in names))
    otherwise = f"small up to {segmentation_proposal.FEW_VIDEOS} training videos"
    add("--recipe", choices=recipes, help=f"fact, faformer: settings of --base custom (default: {otherwise})")
    text = '"o2o" a token per segment, "o2m" a token per class and more (default: o2o, unless it takes more than '
    add("--match", choices=("o2o", "o2m"), help=f"fact: {text}{segmentation_proposal.MAX_TOKENS} tokens)")
    tokens = group.add_mutually_exclusive_group()
    text = "fact, faformer: action tokens (default: by --token_ratio)"
    tokens.add_argument("--num_tokens", type=int, help=text)
    text = "fact, faformer: action tokens per target of the fullest video (default: 1.5)"
    tokens.add_argument("--token_ratio", type=command_line.number(1, _MAX_RATIO), default=1.5, help=text)
    add("--sample_rate", type=int, default=1, help="use one frame in this many (default: 1)")
    add("--evaluate_background", action="store_true", help="count background segments in Edit and F1 as well")


def _add_segment_options(group):
    add = group.add_argument
    add("--annotation_file", metavar="FILE", help="annotations, below FOLDER (default: annotations.json)")
    text = 'table of subsets, below FOLDER; "" for none (default: splits/subsets.{split}.csv or subsets.csv, if there)'
    add("--subset_file", metavar="FILE", help=text)
    add("--train_subsets", nargs="+", metavar="NAME", help="subsets to train with (default: found by name)")
    add("--test_subsets", nargs="+", metavar="NAME", help="subsets to evaluate (default: found by name)")
    text = "video frames from one feature to the next; 0 for features spread evenly (default: told by the durations)"
    add("--feature_stride", type=command_line.number(0.001, 1e6, or_zero=True), metavar="FRAMES", help=text)
    text = "video frames that a feature sees (default: told by the durations)"
    add("--window", type=command_line.number(0.001, 1e6, or_zero=True), metavar="FRAMES", help=text)
    add("--skip_missing", action="store_true", help="leave videos without features out of training")


if __name__ == "__main__":
    command_line.run(main)
