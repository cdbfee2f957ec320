"""What a finished run says when it is asked for again: its results, and whether its data are still those of then."""

from collections.abc import Callable
from pathlib import Path

from fact_jax import run_record
from fact_jax.app import feature_record, kinds
from fact_jax.app.runs.base import piece_size
from fact_jax.runtime import devices as device_layout
from fact_jax.types import UserError

# What config.data.reader is where the folder itself is read, by kind.
_FOLDER_READERS = {"segmentation": "npy", "localization": "files", "representation": "videos"}


def say_other_data(config, workdir: Path, say: Callable[[str], None]) -> None:
    """Says which data that `config` names are other than those that the finished run in `workdir` was made with.

    Labels are read. Features are read where a file has another name, size or time than when they were read last. Data
    that are made on the fly are those of then.
    """
    if config.data.get("reader") == "synthetic":
        return
    kind = kinds.of_system(config.model.name)
    if config.data.get("reader") == "tfds" and config.data.dir:
        # Nobody asked for a new copy.
        config = config.copy_and_resolve_references()
        with config.unlocked():
            config.data.reader = _FOLDER_READERS[kind.name]
    runs = kind.runs()
    try:
        sources = runs.open_sources(config, workdir)
        parts = runs.prepare(config, sources, device_layout.choose(piece_size(config.train)))
        labels = feature_record.changed_labels(workdir, parts.facts.labels, order=False)
        features = feature_record.changed_features(workdir, parts.facts)
        if not labels:
            run_record.check(workdir, derived=parts.derived)
    except UserError as error:
        lines = str(error).splitlines()
        # The first of several problems, with its file.
        told = " ".join(line.strip() for line in lines[: 3 if lines[0].endswith(":") else 1])
        say(f"warning: the data of this finished run cannot be compared with its record: {told}")
        return
    for what in filter(None, (labels, features)):
        say(f"warning: the data are not those of this finished run, whose scores follow: {what}")
