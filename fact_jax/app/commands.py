"""What `main.py` does in each mode.

What training does without is imported where it is used: SciPy's statistics and FFmpeg take as long as half of JAX.
"""

import functools

from fact_jax import inference
from fact_jax.app import command_flags, config_flags, experiment, kinds
from fact_jax.app.command_flags import Options
from fact_jax.app.video_choice import VideoChoice
from fact_jax.runtime.processes import group as processes
from fact_jax.runtime.processes.joining import LaunchConfig
from fact_jax.training.logging import writers
from fact_jax.types import UserError


def run(options: Options, console: writers.Console | None = None) -> int:
    """Does what the flags ask for, which passed `command_flags.check`; returns the exit code.

    Lines go to `console`, by default standard output. Raises UserError for what the user can put right.
    """
    config, workdir = options.settings, options.workdir
    members = config_flags.workdirs(workdir)
    if len(members) > 1:
        from fact_jax.app import ensembles, extraction

        console = console or writers.Console()
        if options.mode == "predict":
            told, code = extraction.of_videos(members, command_flags.predict_config(options), console)
            return code if told is None else max(code, ensembles.predict(config, members, told, console))
        videos = VideoChoice(options.split, options.videos)
        return ensembles.evaluate(config, members, options.output or "", videos, console)
    if options.mode in ("train", "eval"):
        with processes.join(_launch(options)) as group:
            videos = VideoChoice(options.split, options.videos)
            told = {
                "step": options.step,
                "videos": videos,
                "init_from": options.init_from,
                "accept_new_features": bool(options.accept_new_features),
                "overridden": options.overridden,
                "console": console,
                "processes": group,
            }
            return experiment.run(config, workdir, options.mode, **told)
    console = console or writers.Console()
    if options.mode == "predict":
        from fact_jax.app import extraction

        told = command_flags.predict_config(options)
        told, code = extraction.of_videos([workdir], told, console)
        return code if told is None else max(code, experiment.predict(config, workdir, told, console))
    if options.mode == "extract":
        from fact_jax.app import extraction

        return extraction.extract(options, console)
    if options.mode == "convert":
        from fact_jax.app import conversion

        read_classes = functools.partial(kinds.of_system(config.model.name).runs().read_classes, config)
        told = {"read_classes": read_classes, "explicit": _explicit(options, console), "console": console}
        conversion.convert(config, workdir, options.checkpoint, **told)
    elif options.mode == "compare":
        from fact_jax.app import comparison

        told = comparison.CompareConfig(
            systems=options.systems or "",
            folds=options.folds,
            seeds=options.seeds or 1,
            budget=options.budget,
            group_by=options.group_by,
        )
        return comparison.compare(config, workdir, told, options.overridden, console)
    elif options.mode == "export" and options.format == "jax":
        predictor = inference.load(workdir, options.step, say=console.say)
        predictor.export(options.output, options.longest, console.say)
    elif options.mode == "review":
        from fact_jax.app import review

        way = options.page_videos or "link"
        review.of_folder(options.input[0], workdir, options.videos, way, console.say)
    elif options.mode == "export":
        from fact_jax.app import conversion

        conversion.export(workdir, options.output, step=options.step, console=console)
    else:
        from fact_jax.reporting.report import write_report

        by_system = {system: kind.report()() for kind in kinds.KINDS for system in kind.systems}
        write_report(options.workdirs, options.output or "report", by_system, console.say)
    return 0


def _launch(options):
    """Which process of several this is; None: the only one."""
    if options.distributed:
        return LaunchConfig()
    if options.num_processes in (None, 1):
        return None
    return LaunchConfig(options.coordinator_address, options.num_processes, options.process_id)


def _explicit(options, console):
    """Settings that the user gave, on the command line or in a published config; what that one ignores is said."""
    if not options.reference_config:
        return set(options.overridden)
    kind = kinds.of_system(options.settings.model.name)
    if kind.read_published is None:
        raise UserError(f"--reference_config: the published code of {kind.name} has no such configs; give --config.")
    reference = kind.read_published()(options.reference_config)
    if reference.ignored:
        console.say(f"{options.reference_config}: without meaning here: {', '.join(reference.ignored)}")
    return {*reference.given, *options.overridden}
