"""--mode compare: trains and evaluates systems over folds, reports them, and trains the best one on everything."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fact_jax import files, run_record
from fact_jax.app import kinds
from fact_jax.app.comparison import budget, child, systems
from fact_jax.app.comparison.gather import gather
from fact_jax.app.comparison.jobs import Job, Stopped, Workplace
from fact_jax.app.kinds.base import Folds
from fact_jax.reporting.comparison import Comparison, write_comparison
from fact_jax.reporting.results import read_results
from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.signals import StopRequest
from fact_jax.training.logging import writers
from fact_jax.training.ownership import own
from fact_jax.types import UserError

RECORD, LISTS, RUNS, BEST, MEASURED, DETAILS = "compare.json", "splits", "runs", "best", "measured", "details"
VERSION = 1
_NEVER = 2**30  # steps between evaluations, where only the last step is evaluated


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """What --mode compare is told."""

    systems: str  # names, with commas between
    folds: int | None = None  # None: the splits of the dataset, or five
    seeds: int = 1  # runs of every system and fold, with seeds from config.seed on
    budget: float | None = None  # hours for all of it; None: every system as long as its config says
    group_by: str | None = None  # see `data_pipelines.make_splits`


def compare(config, workdir, told: CompareConfig, overridden, console: writers.Console) -> int:
    """Compares systems, or goes on with it; returns the exit code: 0, 130 after Ctrl-C.

    Every run is a process of its own, with a workdir below `workdir/runs`; the one that is trained on all videos is
    `workdir/best`. What is finished is not done again, whatever ended the comparison.

    Args:
      config: of one of the systems, or of another one of their kind: it says what the dataset is.
      workdir: created; may hold the same comparison.
      told: see CompareConfig.
      overridden: dotted names of the settings that the command line gave; they hold for all systems that have them.
      console: takes lines for the user.

    Raises:
      UserError: systems, folds, settings or data cannot be used (all that is wrong with them), the workdir holds
        something else, or a run went wrong.
    """
    # The runs have the accelerators; here nothing is computed.
    jax.config.update("jax_platforms", "cpu")
    workdir = Path(workdir).absolute()
    if not (workdir / RECORD).exists() and (workdir / run_record.FILE).exists():
        raise UserError(f"--workdir {workdir} holds a run, expected a new folder for the comparison.")
    names, configs, folds = _checked(config, told, overridden, workdir)
    with StopRequest(console.say) as stop, own(workdir, "--mode compare"):
        stop.busy("the run at hand")
        place = Workplace(workdir, stop)
        for name, text in {**folds.texts, "all.bundle": folds.all_videos}.items():
            files.atomic_write_text(workdir / LISTS / name, text)
        for line in (*folds.notes, *systems.unused(config, overridden, configs)):
            console.say(line)
        try:
            plan = _plan(configs, folds, told, config.seed, place, console)
            report = _carry_out(plan, folds, place, console)
        except Stopped:
            console.say(f"stopped by {stop.name}; nothing is lost. Run the same command again to go on.")
            return stop.exit_code
    for line in report:
        console.say(line)
    return 0


def _checked(config, told, overridden, workdir):
    """(systems, their configs, Folds); a UserError names all that is wrong."""
    names, problems = systems.read_systems(told.systems, config)
    configs, folds = [], None
    kind = kinds.of_system(config.model.name)
    for name in names if not problems else ():
        try:
            configs.append(systems.config_of(name, config, overridden))
        except UserError as error:
            problems.append(str(error))
    if kind.folds is not None:
        try:
            folds = kind.folds()(config, told.folds, told.group_by, workdir / LISTS)
        except UserError as error:
            problems.append(str(error))
    if problems or folds is None:
        raise UserError("\n".join(problems))
    return names, configs, folds


def _plan(configs, folds: Folds, told, first_seed, place, console) -> dict[str, Any]:
    """The record of the comparison: that of the workdir, or a new one after everything was checked."""
    asked = {
        "version": VERSION,
        "systems": [config.model.name for config in configs],
        "folds": list(folds.names),
        "seeds": [first_seed + number for number in range(told.seeds)],
        "budget_hours": told.budget,
        "videos_sha256": hashlib.sha256(json.dumps([folds.texts, folds.all_videos]).encode()).hexdigest(),
        "settings": {config.model.name: _with(config, folds.settings).to_dict() for config in configs},
    }
    asked = json.loads(json.dumps(asked))
    path = place.folder / RECORD
    if path.exists():
        return _check_record(path, asked)
    totals, protocol = _check_data(configs, folds, place.folder)
    steps = dict.fromkeys(totals, 0)
    if told.budget is not None:
        steps = _steps(asked, folds, totals, told, place, console)
    record = asked | {"steps": steps, "total_steps": totals, "protocol": protocol}
    files.atomic_write_text(path, json.dumps(record, indent=2) + "\n")
    return record


def _check_record(path, asked):
    try:
        record = json.loads(files.read_data(path))
        known = {name: record[name] for name in asked}
        if not record["steps"].keys() == record["total_steps"].keys() == set(known["systems"]):
            raise ValueError("expected steps of every system")
        str.join(" ", record["protocol"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is not the record of a comparison ({error}). Use another --workdir.") from error
    neutral = tuple(f"settings.{system}.{name}" for system in asked["systems"] for name in run_record.NEUTRAL)
    if lines := run_record.differences(known, asked, neutral):
        listed = "\n".join(f"  {line}" for line in lines)
        raise UserError(
            f"{path.parent} holds another comparison:\n{listed}\nUse another --workdir, or the command of that one."
        )
    return record


def _check_data(configs, folds, folder) -> tuple[dict[str, int], list[str]]:
    """(steps of every system with its own config in the first fold, how is scored), after a look at all data."""
    runs, totals, problems = kinds.of_system(configs[0].model.name).runs(), {}, []
    protocol: list[str] = []
    for fold in folds.names:
        settings = {**folds.settings, "split": fold}
        try:
            sources = runs.open_sources(_with(configs[0], settings), folder)
        except UserError as error:
            problems.append(f"{fold}: {error}")
            continue
        for config in configs:
            try:
                parts = runs.prepare(_with(config, settings), sources, device_layout.choose(1))
                totals.setdefault(config.model.name, parts.derived["total_steps"])
                protocol = protocol or [f"Scored: {parts.how_scored[0]}.", *parts.how_scored[1:]]
            except UserError as error:
                problems.append(f"{config.model.name}, {fold}: {error}")
    if problems:
        raise UserError("\n".join(problems))
    return totals, protocol


def _steps(asked, folds, totals: Mapping[str, int], told, place, console) -> dict[str, int]:
    """Steps of every system that fit into the budget; 0 where its own config makes no more."""
    paces, spent = {}, 0.0
    for system, total in totals.items():
        console.say(f"measuring a step of {system}")
        config = asked["settings"][system]
        train = config["train"] | {"steps": min(total, budget.MEASURED_STEPS), "log_every": 1, "eval_every": _NEVER}
        config = config | {"train": train, "data": config["data"] | {"split": folds.names[0]}}
        job = Job(f"{MEASURED}/{system}", config)
        files.remove_tree(place.run_folder(job.name))  # of one that was cut short the rest would be another
        arguments = place.settings(job), str(place.run_folder(job.name))
        (seconds, steps), cost = place.process(f"the measurement of {system}", child.measure, *arguments)
        spent += cost.seconds
        paces[system] = budget.Pace(seconds, max(cost.seconds - steps * seconds, 0.0), total)
        console.say(f"{system}: {seconds:.3g} s per step, {paces[system].overhead_seconds:.1f} s for the rest of a run")
    runs_each = len(folds.names) * told.seeds
    steps = budget.plan_steps(paces, runs_each, 3600 * told.budget - spent)
    for system, own_steps in steps.items():
        seconds = paces[system].overhead_seconds + own_steps * paces[system].step_seconds
        rest = "as its config has" if own_steps == totals[system] else f"of {totals[system]}"
        console.say(f"{system}: {own_steps} steps {rest}, {writers.format_duration(seconds)} per run")
    return {system: 0 if own_steps == totals[system] else own_steps for system, own_steps in steps.items()}


def _carry_out(plan, folds, place, console) -> list[str]:
    """Does what is left of the plan; returns the report as lines."""
    configs = {system: _config_of(plan, system) for system in plan["systems"]}
    jobs = [
        Job(_name(system, fold, seed), _with(configs[system], {"split": fold}, seed).to_dict())
        for seed in plan["seeds"]
        for fold in plan["folds"]
        for system in plan["systems"]
    ]
    for number, job in enumerate(jobs, 1):
        _train(job, place, console, f"run {number} of {len(jobs)}")
    runs = {
        system: [[place.run_folder(_name(system, fold, seed)) for seed in plan["seeds"]] for fold in plan["folds"]]
        for system in plan["systems"]
    }
    comparison = gather(runs, plan, folds.notes)
    best = comparison.best.name
    console.say(f"training {best}, the best one, on all videos")
    final = _with(configs[best], folds.everything)
    with final.unlocked():
        final.train.eval_every = _NEVER  # all videos are trained on: there is nothing to choose a step by
    _train(Job(BEST, final.to_dict()), place, console, "the last run")
    return _report(comparison, runs, plan, place)


def _report(comparison: Comparison, runs, plan, place) -> list[str]:
    folders = [str(path.relative_to(place.folder)) for rows in runs.values() for row in rows for path in row]
    place.process("the report of all runs", child.report, str(place.folder), folders, DETAILS)
    costs, rows = place.costs(), []
    for system in plan["systems"]:
        names = [_name(system, fold, seed) for fold in plan["folds"] for seed in plan["seeds"]]
        own_costs = [costs[name] for name in names if name in costs]
        seconds = float(np.mean([cost.seconds for cost in own_costs])) if own_costs else float("nan")
        row = {"system": system, "runs": len(own_costs), "seconds per run": round(seconds)}
        row |= {"all runs": writers.format_duration(sum(cost.seconds for cost in own_costs))}
        rows.append(row | {"MiB of memory at most": round(max((cost.peak_mib for cost in own_costs), default=0))})
    if BEST in costs:
        row = {
            "system": f"{comparison.best.name}, on all videos",
            "runs": 1,
            "seconds per run": round(costs[BEST].seconds),
        }
        row |= {"all runs": writers.format_duration(costs[BEST].seconds)}
        rows.append(row | {"MiB of memory at most": round(costs[BEST].peak_mib)})
    lines = write_comparison(comparison, place.folder, rows, f"{DETAILS}/report.html")
    best = place.run_folder(BEST)
    return [
        *lines,
        f"wrote comparison.md, .html, .csv and .json to {place.folder}; open {place.folder / 'comparison.html'}",
        f"{comparison.best.name}, trained on all videos, is in {best}: --mode predict --workdir {best} uses it",
    ]


def _train(job, place, console, what):
    if read_results(place.run_folder(job.name)) is None:
        console.say(f"{job.name}: {what}")
        place.train(job)


def _config_of(plan, system):
    """The config of a system of a plan, with the steps that fit into its budget."""
    config = systems.from_record(plan["settings"][system])
    steps = plan["steps"][system]
    return budget.shortened(config, steps, plan["total_steps"][system]) if steps else config


def _with(config, data: Mapping[str, Any], seed: int | None = None):
    """A config with other settings of its data, and another seed."""
    config = config.copy_and_resolve_references()
    with config.unlocked():
        config.data.update(dict(data))
        if seed is not None:
            config.seed = seed
    return config.lock()


def _name(system, fold, seed):
    return f"{RUNS}/{system}/{fold}_seed{seed}"
