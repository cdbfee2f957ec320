"""--mode extract of the command line: from its flags to what makes the features; and --mode predict on videos."""

import dataclasses
import importlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
from ml_collections import ConfigDict

from fact_jax import inference, run_record
from fact_jax.app import command_flags, feature_record, kinds
from fact_jax.app.experiment import PREDICTION_NEUTRAL, set_up_jax
from fact_jax.app.kinds.base import ExtractConfig, PredictConfig, PredictFeaturesConfig
from fact_jax.inference.ensemble import check_names, read_members
from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.signals import StopRequest
from fact_jax.types import UserError

FEATURES = "features"  # folder of the features of videos that are predicted, below the output
# What schedulers call the number of a process on its machine.
_LOCAL_RANKS = ("SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK")


def extract(options: command_flags.Options, console) -> int:
    """Extracts what the flags ask for, which passed `command_flags.check`; returns the exit code."""
    _check_network(options)
    told = command_flags.extract_config(options)
    # Only runs know the data; this one is asked for by its name because it belongs to no kind alone.
    runs = importlib.import_module("fact_jax.app.runs.extraction")
    if options.extractor:
        function = importlib.import_module("fact_jax.app.runs.function_extraction")
        extractor = function.FunctionExtractor(options.extractor, told)
    else:
        if options.distributed:
            choose_device(os.environ)
        extractor = open_extractor(options.settings, options.workdir, told, console)
    output = Path(told.output).expanduser()
    with StopRequest(console.say) as stop:
        return runs.extract(extractor, told.input, output, overwrite=told.overwrite, console=console, stop=stop)


def of_videos(workdirs: Sequence, told: PredictConfig, console) -> tuple[PredictConfig | None, int]:
    """What a prediction is told, with the features of the videos that it was told of; and an exit code.

    Where a run of a kind that reads features, or several together, are to predict videos, the features are made by what
    made those that they were trained with, in the folder `features` beside the predictions. None: it was stopped.

    UserError: nobody knows what made them, they were made by different things, or it is gone or another by now.
    """
    runs = importlib.import_module("fact_jax.app.runs.extraction")
    if not isinstance(told, PredictFeaturesConfig):
        return told, 0
    videos, others = runs.part_videos(told.input)
    if not videos:
        if told.extractor_workdir is not None:
            raise UserError("--extractor_workdir makes features of videos, and --input names none; leave it out.")
        return told, 0
    # Told before the features are made, not when they are there.
    if empty := [str(workdir) for workdir in workdirs if not (Path(workdir) / run_record.FILE).is_file()]:
        raise UserError(f"No run to predict with in {', '.join(empty)}. Train first, or convert published weights.")
    if len(workdirs) > 1:
        check_names([str(workdir) for workdir in workdirs])
    records = {str(workdir): feature_record.features_made_by(Path(workdir)) for workdir in workdirs}
    for workdir, found in records.items():
        if not found:
            raise UserError(
                f"--input {videos[0]} is a video, and nobody recorded what made the features that the run in {workdir} "
                "was trained with. Give feature files; or train on features of --mode extract, which says it."
            )
    first, made_by = next(iter(records.items()))
    for workdir, found in records.items():
        if words := runs.difference(made_by, found, between=f"in {workdir}"):
            raise UserError(f"{first} and {workdir} were trained with features of different make: {words}.")
    if len(workdirs) > 1:
        read_members([str(workdir) for workdir in workdirs])
    output = Path(told.output or first).expanduser() / FEATURES
    extractor = recorded_extractor(made_by, told.extractor_workdir, videos, output, console)
    with StopRequest(console.say) as stop:
        code = runs.extract(extractor, videos, output, overwrite=True, console=console, stop=stop)
        if stop.requested:
            return None, code
    made = runs.feature_files(videos, extractor, output)
    # The page of the predictions shows the videos as well.
    return dataclasses.replace(told, input=(*others, *made), videos=told.videos or videos), code


def recorded_extractor(made_by: Mapping, workdir: str | None, inputs, output, console):
    """The Extractor that `made_by`, a record of features, names; `workdir` is where its run is now, if it was moved."""
    window, every, run = (made_by.get(name) for name in ("window", "every", "run"))
    told = ExtractConfig(input=tuple(inputs), output=str(output), window=window, every=every)
    if not isinstance(run, Mapping):
        if workdir is not None:
            raise UserError(f"--extractor_workdir: the features were made by {made_by.get('program')}; leave it out.")
        function = importlib.import_module("fact_jax.app.runs.function_extraction")
        extractor = function.FunctionExtractor(str(made_by.get("program")), told)
        source = "the function"
    else:
        place = Path(workdir or run.get("workdir", "")).expanduser()
        record = run_record.read(place) if place.is_dir() else None
        if record is None:
            raise UserError(
                f"{place} holds no run; the features that this run was trained with were made by the run "
                f"{run.get('name')!r} there. Name its folder: --extractor_workdir."
            )
        with run_record.trusting(place):
            config = ConfigDict(record["config"])
            for name, value in dict(made_by.get("settings", {})).items():
                _set(config, name, value)
        told = dataclasses.replace(told, step=run.get("step"))
        try:
            extractor, source = open_extractor(config, place, told, console), str(place)
        except UserError as error:
            made = f"The features that this run was trained with were made by checkpoint {run.get('step')} of the run "
            raise UserError(
                f"{error} {made}{run.get('name')!r}: put it back, or name the folder of a copy that has it: "
                "--extractor_workdir."
            ) from error
    runs = importlib.import_module("fact_jax.app.runs.extraction")
    if words := runs.difference(made_by, extractor.made_by):
        raise UserError(
            f"{source} is no longer what made the features that this run was trained with: {words}. Put the former one "
            "back, or name its folder: --extractor_workdir."
        )
    return extractor


def _set(config, name, value):
    """Sets a setting by its dotted name; an unknown one is told by the difference that it makes."""
    *groups, last = name.split(".")
    for group in groups:
        config = config.get(group) or ConfigDict()
    config[last] = value


def _check_network(options):
    """Raises UserError unless there is one network to extract with."""
    if not options.extractor:
        if not options.workdir:
            raise UserError("--workdir is missing, the run of a network; or --extractor, a function of your own.")
        return
    both = [f"--{name}" for name in ("workdir", "step", "config") if getattr(options, name) not in (None, ())]
    if both:
        raise UserError(f"--extractor is your own network, and {', '.join(both)} one of a run: give one or the other.")


def open_extractor(config, workdir, told: ExtractConfig, console):
    """The Extractor of a run; see `runs.extraction`. UserError: no such run, or none whose network sees pixels."""
    workdir = Path(workdir)
    none = f"{workdir} holds no run to extract with. Train first, or convert published weights."
    if not (workdir / run_record.FILE).is_file():
        raise UserError(none)
    kind = kinds.of_system(config.model.name)
    runs = kind.runs()
    if not hasattr(runs, "open_extractor"):
        able = [system for other in kinds.KINDS if hasattr(other.runs(), "open_extractor") for system in other.systems]
        raise UserError(
            f"{workdir} holds a run of {config.model.name}, which reads features; features of videos come from a run "
            f"of {' or '.join(able)}, or from --extractor MODULE:FUNCTION."
        )
    if not run_record.check(workdir, config=config.to_dict(), neutral=PREDICTION_NEUTRAL):
        raise UserError(none)
    set_up_jax(config, console)
    devices = device_layout.choose(config.eval.batch_size)
    predictor = inference.load(workdir, told.step, devices=devices, say=console.say, serve=runs.extraction_task)
    return runs.open_extractor(predictor, config, workdir, told, devices)


def choose_device(environment) -> None:
    """Gives a process of several on one machine a GPU of its own; they share nothing else but the list of videos.

    UserError: no scheduler says which of them this is.
    """
    ranks = [environment[name] for name in _LOCAL_RANKS if environment.get(name, "").isdigit()]
    if not ranks:
        raise UserError(
            f"--distributed: no scheduler tells which process this is ({', '.join(_LOCAL_RANKS)}). Leave it out: "
            "processes that are started by hand share the videos as well. Give each its GPU by CUDA_VISIBLE_DEVICES."
        )
    visible = [device for device in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if device]
    if len(visible) != 1:  # as SLURM has it with --gpus-per-task
        jax.config.update("jax_cuda_visible_devices", ranks[0])
