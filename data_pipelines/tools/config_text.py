"""The config file that `write_config` writes: Python text, from what was proposed for a folder."""

import dataclasses
import json
import pathlib
import re
import shlex
import textwrap

_TITLES = {
    "fact": "FACT",
    "faformer": "FAFormer",
    "asformer": "ASFormer",
    "mstcn": "MS-TCN",
    "mstcnpp": "MS-TCN++",
    "actionformer": "ActionFormer",
    "carl": "CARL",
    "cast": "CAST",
}
# The folder that explains the settings of a dataset, by the module of configs._base that has them.
_KINDS = {
    "datasets": "segmentation",
    "localization_datasets": "localization",
    "video_datasets": "representation",
    "clip_datasets": "recognition",
}


@dataclasses.dataclass(frozen=True)
class Proposal:
    """What goes into a config, and why.

    Attributes:
      system: name of the system as configs have it, "fact".
      base: module of configs to start from, "fact_custom".
      finish: module of configs._base that applies the arguments after the colon.
      datasets: module of configs._base with the settings of a dataset.
      dataset: name of the dataset.
      data: fields of config.data that differ from the defaults.
      settings: dict from dotted names of other settings, "model.num_tokens", to their values.
      reasons: sentences for the user: what was found, and why this was chosen.
      recipe: of the base, "small"; "" for its usual one.
    """

    system: str
    base: str
    finish: str
    datasets: str
    dataset: str
    data: dict
    settings: dict
    reasons: list
    recipe: str = ""


def config_text(path, proposal):
    """The Python text of the config file `path`."""
    notes = "\n".join(wrapped(line, "- ", "  ") for line in proposal.reasons)
    # Both hold names of the user's: none may end the docstring or start an escape. The command is to be typed beside
    # main.py, so it takes the full path.
    command, notes = (
        text.replace("\\", "\\\\").replace('"""', '""\\"') for text in (training_command(path.resolve()), notes)
    )
    recipe = _literal(proposal.recipe)
    arguments = _literal(f"recipe={proposal.recipe}") if proposal.recipe else ""
    # What a recipe changes of training videos is no property of the dataset, and lies among its settings all the same.
    kept = [f'    config.data.update(few_videos.RECIPES[{recipe}]["data"])'] if proposal.recipe else []
    bases = ", ".join(sorted({proposal.datasets, proposal.finish, *(["few_videos"] if proposal.recipe else [])}))
    kind = _KINDS[proposal.datasets]
    lines = [
        f'"""{_TITLES[proposal.system]} on {plain_name(proposal.dataset)}. Written by data_pipelines/write_config.py.',
        "",
        f"Command: {command}",
        "",
        notes,
        '"""',
        "",
        f"from configs import {proposal.base}",
        f"from configs._base import {bases}",
        "",
        "",
        'def get_config(arg=""):',
        '    """Accepts `split=1` (or a name, `split=fold0`), `seed=0` and `quick` after the colon."""',
        f"    config = {proposal.base}.get_config({arguments})",
        "    config.unlock()",
        f"    config.name = {_literal(plain_name(path.stem))}",
        f"    # data_pipelines/{kind}/config.py explains every field.",
        f"    config.data = {proposal.datasets}.base()",
        "    config.data.update({",
        *(f"        {_literal(name)}: {_literal(value)}," for name, value in proposal.data.items()),
        "    })",
        *kept,
        *(f"    config.{name} = {_literal(value)}" for name, value in proposal.settings.items()),
        f"    return {proposal.finish}.finish(config, arg)",
        "",
    ]
    return "\n".join(lines)


def training_command(path):
    """What to type to train with a config."""
    run = f"runs/{plain_name(pathlib.Path(path).stem)}"
    return shlex.join(["python", "main.py", "--config", str(path), "--workdir", run])


def _literal(value):
    """`value` as Python source; texts in double quotes."""
    # JSON would write a character beyond 0xffff as two, which Python does not join.
    if isinstance(value, tuple):
        inside = ", ".join(map(_literal, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(name)}: {_literal(inside)}" for name, inside in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def plain_name(text):
    """`text` with nothing but letters, digits, "_" and "-"."""
    return re.sub(r"[^\w-]+", "_", text).strip("_") or "dataset"


def wrapped(text, first="", rest="    "):
    """`text` in lines that fit a page."""
    return textwrap.fill(text, 110, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
