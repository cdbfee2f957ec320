"""Workdirs of finished runs of representation learning without any training, as `workdirs` makes them."""

from configs._base import carl_base, video_datasets
from fact_jax.reporting.representation import tables as representation_tables
from fact_jax.reporting.representation import writer
from tests.reporting import workdirs
from tests.tasks.representation import drawn


def make_run(workdir, protocol, *, noise=0.3, name="carl", seed=0, settings=None):
    """Writes what a finished run leaves for a report; returns the workdir. The noise is that of `drawn.embed`."""
    config = carl_base.base_config("carl", video_datasets.synthetic()).copy_and_resolve_references()
    evaluation = drawn.evaluate(protocol, drawn.all_chunks(protocol, noise=noise, seed=seed))
    how_scored = representation_tables.how_scored(protocol.metric, protocol.stride, "4 videos")
    overrides = {"name": name, "seed": seed, **(settings or {})}
    return workdirs.finish(workdir, config, overrides, evaluation, writer, select_metric="Tau", how_scored=how_scored)


def make_grid(folder, protocol, *, noises=(0.2, 1.5), seeds=(0, 1)):
    """Runs of several systems with several seeds, each system with so much noise; returns workdirs."""
    return [
        make_run(folder / f"system{system}_{seed}", protocol, noise=noise, name=f"system{system}", seed=seed)
        for system, noise in enumerate(noises)
        for seed in seeds
    ]
