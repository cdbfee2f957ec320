"""Writes a config file for a dataset folder of your own, after looking at the folder.

    python -m data_pipelines.write_config FOLDER --output my_config.py
    python main.py --config my_config.py --workdir runs/mine

It prints what it found and why it chose what it chose; the config file repeats it. Every choice can be made by an
option instead, or changed in the file.
"""

import dataclasses
import json
import pathlib
import re
import shlex
import textwrap

import numpy as np

from data_pipelines.core import command_line
from data_pipelines.segmentation.verb_nouns import KINDS, read_names
from data_pipelines.tools import dataset_folder
from fact_jax.files import atomic_write_text
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import UserError

# Configs whose model and training settings can be the start.
BASES = ("gtea", "breakfast", "egoprocel", "50salads", "epic")
# Those that set loss.null_weight to a number; in the others it follows from the number of tokens.
_FIXED_NULL_WEIGHT = ("epic",)
# As many training videos as Breakfast's smallest split has, by order of magnitude; GTEA has 21.
_MANY_VIDEOS = 500
# No published config has more tokens.
MAX_TOKENS = 300
_MAX_RATIO = 100
# The longest videos FACT was published on have about this many frames after sampling.
_MANY_FRAMES = 8000
_HIDDEN_DIM, _HIDDEN_STEP = 512, 64


@dataclasses.dataclass(frozen=True)
class Proposal:
    """What goes into the config, and `reasons` for the user; None takes the value of the shipped config `base`.

    `data` are the fields of config.data that differ from the defaults.
    """

    base: str
    data: dict
    match: str
    num_tokens: int
    hidden_dim: int | None
    batch_size: int | None
    reasons: list


def main(argv=None):
    """Runs the tool; returns 0."""
    arguments = _parse(argv)
    folder = dataset_folder.survey(arguments)
    for line in _description(folder) + folder.findings:
        print(_wrapped(line, "  "))
    _insist(folder)
    proposal = propose(folder, arguments)
    for line in proposal.reasons:
        print(_wrapped(line, "  "))
    path = pathlib.Path(arguments.output or f"config_{_plain_name(folder.data.dataset)}.py")
    _check_output(path)
    if path.exists() and not arguments.overwrite:
        raise UserError(f"{path} exists already. Choose another --output, or add --overwrite to replace it.")
    text = config_text(path, folder, proposal)
    with command_line.writing(path):
        atomic_write_text(path, text)
    print(f"wrote {path}; to train:\n  {_training_command(path)}")
    return 0


def _insist(folder):
    """As `dataset_folder.insist`; problems name the option of this tool, not the setting that it is for."""
    setting, option = r'config\.data\.time_axis="(\w+)"', r"--time_axis \1"
    problems = [
        dataclasses.replace(problem, expected=re.sub(setting, option, problem.expected)) for problem in folder.problems
    ]
    dataset_folder.insist(dataclasses.replace(folder, problems=problems))


def _check_output(path):
    if path.suffix != ".py":
        raise UserError(f"--output is {path}, expected a name that ends in .py.")
    full = str(path.resolve())
    if ":" in full or any("\ud800" <= character <= "\udfff" for character in full):
        raise UserError(
            f"--output is {ascii(full)}, expected a path of UTF-8 characters without a colon, after which "
            "--config takes arguments."
        )


def _parse(argv):
    parser = command_line.parser("data_pipelines.write_config", __doc__, "Exit code: 0 written, 2 not.")
    dataset_folder.add_options(parser)
    add = parser.add_argument
    add("--output", metavar="FILE", help="config file to write (default: config_NAME.py)")
    add("--overwrite", action="store_true", help="replace the config file if it exists")
    otherwise = f"gtea, or breakfast from {_MANY_VIDEOS} training videos"
    add("--base", choices=BASES, help=f"whose model and training settings to start from (default: {otherwise})")
    text = '"o2o" a token per segment, "o2m" a token per class and more (default: o2o, unless it takes more than '
    add("--match", choices=("o2o", "o2m"), help=f"{text}{MAX_TOKENS} tokens)")
    add("--num_tokens", type=int, help="action tokens (default: by --token_ratio)")
    ratio = command_line.number(1, _MAX_RATIO)
    add("--token_ratio", type=ratio, default=1.5, help="action tokens per target of the fullest video (default: 1.5)")
    add("--batch_size", type=int, help="videos per step (default: that of --base)")
    add("--sample_rate", type=int, default=1, help="use one frame in this many (default: 1)")
    rate = command_line.frame_rate(or_zero=True)
    add("--fps", type=rate, default=0.0, help="label frames per second, for time axes (default: not known)")
    add("--evaluate_background", action="store_true", help="count background segments in Edit and F1 as well")
    arguments = parser.parse_args(argv)
    for name in ("num_tokens", "batch_size", "sample_rate"):
        if getattr(arguments, name) is not None and getattr(arguments, name) < 1:
            parser.error(f"--{name} must be 1 or more")
    return arguments


def propose(folder, arguments):
    """Chooses the settings of a sound DatasetFolder; `arguments` hold the user's own choices."""
    labels = folder.index.labels.values()
    transcripts = [frames_to_segments(video)[0] for video in labels]
    counts = {"o2o": [len(t) for t in transcripts], "o2m": [len(np.unique(t)) for t in transcripts]}
    match, reasons = _choose_match(counts, arguments)
    base, base_reason = _choose_base(folder, arguments.base)
    average = round(float(np.mean(counts[match])), 2)
    num_tokens, reason = _choose_tokens(counts[match], match, arguments, 0 if base in _FIXED_NULL_WEIGHT else average)
    reasons += [reason, f"average_transcript_length={average:g}: mean over all {len(transcripts)} videos", base_reason]
    reasons.append(_rate_hint(folder, arguments.sample_rate))
    hidden_dim, more = _choose_width(folder)
    reasons += more
    data = {name: getattr(folder.data, name) for name in dataset_folder.SETTINGS} | {
        "sample_rate": arguments.sample_rate,
        "evaluate_background": arguments.evaluate_background,
        "average_transcript_length": average,
        "fps": arguments.fps,
    }
    return Proposal(base, data, match, num_tokens, hidden_dim, arguments.batch_size, reasons)


def _choose_match(counts, arguments):
    most, needed = max(counts["o2o"]), int(max(counts["o2o"]) * arguments.token_ratio)
    if arguments.match:
        return arguments.match, [f'match="{arguments.match}", as given']
    if needed <= MAX_TOKENS:
        return "o2o", [f'match="o2o": a token per segment, of which a video has {most} at most']
    return "o2m", [
        f'match="o2m": a token per segment ("o2o") would take {needed} tokens, as a video has up to {most} '
        f"segments; no published config has more than {MAX_TOKENS}"
    ]


def _choose_tokens(counts, match, arguments, average):
    """(M, reason); M is more than `average`, from which the weight of unmatched tokens follows."""
    what = "segments" if match == "o2o" else "different classes"
    most = max(counts)
    if arguments.num_tokens:
        if arguments.num_tokens < most:
            raise UserError(
                f"--num_tokens is {arguments.num_tokens}, but a video has {most} {what}, which with match "
                f'"{match}" takes as many tokens.'
            )
        if arguments.num_tokens <= average:
            raise UserError(
                f"--num_tokens is {arguments.num_tokens}, expected more: videos have {average:g} {what} on "
                "average, and the loss weight of unmatched tokens follows from how many stay unmatched."
            )
        return arguments.num_tokens, f"num_tokens={arguments.num_tokens}, as given"
    tokens = int(most * arguments.token_ratio)
    if tokens > most:
        return tokens, f"num_tokens={tokens}: {arguments.token_ratio:g} times the most {what} of any video, {most}"
    return most + 1, f"num_tokens={most + 1}: one more than the most {what} of any video, so that one stays unmatched"


def _choose_base(folder, given):
    num_videos = len(folder.index.splits["train"])
    if folder.data.verb_mapping_file:
        if given not in (None, "epic"):
            raise UserError(f"--base is {given}, but the classes are pairs of a verb and a noun, which take epic.")
        return "epic", "model and training settings of configs/fact_epic.py, for verbs and nouns"
    if given == "epic":
        raise UserError("--base is epic, but there are no verb_mapping.txt and noun_mapping.txt with the classes.")
    if given:
        return given, f"model and training settings of configs/fact_{given}.py, as given"
    base, kind = ("breakfast", "large") if num_videos >= _MANY_VIDEOS else ("gtea", "small")
    return base, f"model and training settings of configs/fact_{base}.py, for a {kind} dataset"


def _choose_width(folder):
    """(hidden_dim, reasons); None where the base's is enough."""
    if folder.data.verb_mapping_file:
        lists = zip(folder.layout.verb_noun_files, KINDS, strict=True)
        needed, what = 2 + sum(len(read_names(*entry)[0]) for entry in lists), "verbs, nouns and two null classes"
    else:
        needed, what = 1 + len(folder.index.class_names), "classes and the null class"
    if needed <= _HIDDEN_DIM:
        return None, []
    hidden_dim = -(-needed // _HIDDEN_STEP) * _HIDDEN_STEP
    return hidden_dim, [f"hidden_dim={hidden_dim}: it must hold the {needed} {what}"]


def _rate_hint(folder, sample_rate):
    """What to think of the sample rate, in words."""
    labels = list(folder.index.labels.values())
    durations = np.concatenate([ends - starts for _, starts, ends in map(frames_to_segments, labels)])
    longest, short = max(map(len, labels)), int(np.percentile(durations, 5))
    text = f"sample_rate={sample_rate}: videos have up to {longest} frames; of the segments, 95 % last {short} or more"
    suggested = -(-longest // _MANY_FRAMES)
    if sample_rate == 1 and suggested > 1:
        text += f". If memory or time run short, try --sample_rate {suggested}"
        text += f"; a rate above {short // 2} loses segments" if suggested > short // 2 else ""
    elif sample_rate > max(short // 2, 1):
        text += ". Short segments get lost at this rate"
    return text


def _description(folder):
    index = folder.index
    numbers = ", ".join(f"{len(videos)} {subset} videos" for subset, videos in index.splits.items())
    frames = sum(map(len, index.labels.values()))
    return [
        f"{folder.layout.root}: {numbers}, {len(index.class_names)} classes, {index.feature_dim} channels, "
        f"{frames} labelled frames"
    ]


def config_text(path, folder, proposal):
    """The Python text of the config file."""
    notes = "\n".join(_wrapped(line, "- ", "  ") for line in _description(folder) + folder.findings + proposal.reasons)
    # Both hold names of the user's: none may end the docstring or start an escape. The command is to be typed beside
    # main.py, so it takes the full path.
    command, notes = (
        text.replace("\\", "\\\\").replace('"""', '""\\"') for text in (_training_command(path.resolve()), notes)
    )
    base = f"fact_{proposal.base}"
    lines = [
        f'"""FACT on {_plain_name(folder.data.dataset)}. Written by data_pipelines/write_config.py.',
        "",
        f"Command: {command}",
        "",
        notes,
        '"""',
        "",
        f"from configs import {base}",
        "from configs._base import datasets, fact_base",
        "",
        "",
        'def get_config(arg=""):',
        '    """Accepts `split=1` (or a name, `split=fold0`), `seed=0` and `quick` after the colon."""',
        f"    config = {base}.get_config()",
        "    config.unlock()",
        f"    config.name = {_literal(_plain_name(path.stem))}",
        "    # data_pipelines/segmentation/config.py explains every field.",
        "    config.data = datasets.base()",
        "    config.data.update({",
        *(f"        {_literal(name)}: {_literal(value)}," for name, value in proposal.data.items()),
        "    })",
        f"    config.model.num_tokens = {proposal.num_tokens}",
        f"    config.loss.match = {_literal(proposal.match)}",
    ]
    if proposal.hidden_dim:
        lines.append(f"    config.model.input_block.hidden_dim = {proposal.hidden_dim}")
    if proposal.batch_size:
        lines.append(f"    config.train.batch_size = {proposal.batch_size}")
    lines += ["    return fact_base.finish(config, arg)", ""]
    return "\n".join(lines)


def _training_command(path):
    """What to type to train with a config."""
    run = f"runs/{_plain_name(pathlib.Path(path).stem)}"
    return shlex.join(["python", "main.py", "--config", str(path), "--workdir", run])


def _literal(value):
    """`value` as Python source; texts in double quotes."""
    # JSON would write a character beyond 0xffff as two, which Python does not join.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _plain_name(text):
    """`text` with nothing but letters, digits, "_" and "-"."""
    return re.sub(r"[^\w-]+", "_", text).strip("_") or "dataset"


def _wrapped(text, first="", rest="    "):
    return textwrap.fill(text, 110, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


if __name__ == "__main__":
    command_line.run(main)
