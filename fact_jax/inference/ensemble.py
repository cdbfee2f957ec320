"""Several runs that predict together: `load_ensemble(["runs/a", "runs/b"])` is a predictor like any other."""

import hashlib
from collections.abc import Sequence

import jax

from fact_jax.app import kinds
from fact_jax.inference.predictor import Predictor, StoredRun, read_run
from fact_jax.tasks.ensemble import member
from fact_jax.types import UserError


def load_ensemble(
    workdirs: Sequence, *, devices: Sequence[jax.Device] | None = None, say=lambda line: None
) -> Predictor:
    """Reads the best checkpoints of several runs of one kind, whose predictions are averaged.

    Segmentation: the class probabilities of every frame at the full rate. Localization: class probabilities and
    offsets of every point, before candidates are chosen and suppressed as in the first run. Recognition: the
    probabilities of every view. Settings that say how inputs are read are each run's own, where they can differ.

    Args:
      workdirs: folders of two runs or more.
      devices, say: as of `load`.

    Raises:
      UserError: a folder holds no run, or the runs cannot predict together; it names all differences.
    """
    names = [str(workdir) for workdir in workdirs]
    kind, runs, task = read_members(names, say)
    record = kind.ensembles().joint_record([run.record for run in runs])
    title = " + ".join(dict.fromkeys(run.config.name for run in runs))
    state = {member(number): run.weights.state for number, run in enumerate(runs)}
    predictor = kind.predictor()(
        task,
        {member(number): run.weights.params for number, run in enumerate(runs)},
        record={**record, "config": {**record["config"], "name": title}},
        step="+".join(str(run.step) for run in runs),
        checksum=hashlib.sha256(" ".join(run.checksum for run in runs).encode()).hexdigest(),
        devices=[jax.local_devices()[0]] if devices is None else list(devices),
        say=say,
        state=state if jax.tree.leaves(state) else {},
    )
    predictor.members = tuple(_member(name, run) for name, run in zip(names, runs, strict=True))
    return predictor


def read_members(names: Sequence[str], say=lambda line: None):
    """(kind, StoredRuns, task of all of them) of runs that predict together; UserError as of `load_ensemble`."""
    check_names(names)
    runs = [read_run(workdir, say=say) for workdir in names]
    kind, *others = [kinds.of_system(run.config.model.name) for run in runs]
    if different := [name for name, other in zip(names[1:], others, strict=True) if other is not kind]:
        raise UserError(
            f"{names[0]} holds a run of {kind.name}, and {', '.join(different)} of another kind of work: these cannot "
            "predict together."
        )
    if kind.ensembles is None:
        raise UserError(
            f"Runs of {kind.name} cannot predict together: what one network calls a direction of its embeddings, "
            "another one does not."
        )
    return kind, runs, kind.ensembles().ensemble([run.task for run in runs], [run.record for run in runs], names)


def check_names(names: Sequence[str]) -> None:
    """UserError unless there are two runs or more, each named once."""
    if len(names) < 2 or len(set(names)) < len(names):
        raise UserError(f"An ensemble is of two runs or more, each named once; found {', '.join(names)}.")


def _member(name: str, run: StoredRun):
    """What the files of an ensemble say of one of its runs."""
    config = run.config
    told = {"workdir": name, "name": config.name, "system": config.model.name, "dataset": config.data.dataset}
    return told | {"checkpoint": {"step": run.step, "sha256": run.checksum}}
