"""--mode extract of the command line: from its flags to what makes the features."""

import importlib
import os
from pathlib import Path

import jax

from fact_jax import inference, run_record
from fact_jax.app import command_flags, kinds
from fact_jax.app.experiment import PREDICTION_NEUTRAL, set_up_jax
from fact_jax.app.kinds.base import ExtractConfig
from fact_jax.runtime import devices as device_layout
from fact_jax.runtime.signals import StopRequest
from fact_jax.types import UserError

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
    kind = kinds.of_system(config.model.name)
    runs = kind.runs()
    if not hasattr(runs, "open_extractor"):
        able = [system for other in kinds.KINDS if hasattr(other.runs(), "open_extractor") for system in other.systems]
        raise UserError(
            f"{workdir} holds a run of {config.model.name}, which reads features; features of videos come from a run "
            f"of {' or '.join(able)}, or from --extractor MODULE:FUNCTION."
        )
    if not run_record.check(workdir, config=config.to_dict(), neutral=PREDICTION_NEUTRAL):
        raise UserError(f"{workdir} holds no run to extract with. Train first, or convert published weights.")
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
