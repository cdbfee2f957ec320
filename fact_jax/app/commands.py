"""What `main.py` does in each mode."""

from fact_jax.app import command_flags, conversion, experiment, kinds
from fact_jax.app.command_flags import Options
from fact_jax.models.fact import published_config
from fact_jax.reporting.report import write_report
from fact_jax.runtime.processes import group as processes
from fact_jax.runtime.processes.joining import LaunchConfig
from fact_jax.training.logging import writers


def run(options: Options, console: writers.Console | None = None) -> int:
    """Does what the command line asks for; returns the exit code.

    Args:
      options: flags that passed `command_flags.check`.
      console: where lines go; standard output by default.

    Raises:
      UserError: something the user can put right.
    """
    config, workdir = options.settings, options.workdir
    if options.mode in ("train", "eval"):
        with processes.join(_launch(options)) as group:
            return experiment.run(config, workdir, options.mode, step=options.step, console=console, processes=group)
    console = console or writers.Console()
    if options.mode == "predict":
        return experiment.predict(config, workdir, command_flags.predict_config(options), console)
    if options.mode == "convert":
        conversion.convert(
            config,
            workdir,
            options.checkpoint,
            read_classes=lambda: kinds.of_system(config.model.name).runs().read_classes(config),
            explicit=_explicit(options, console),
            console=console,
        )
        return 0
    if options.mode == "export":
        conversion.export(workdir, options.output, step=options.step, console=console)
        return 0
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
    reference = published_config.read(options.reference_config)
    if reference.ignored:
        console.say(f"{options.reference_config}: without meaning here: {', '.join(reference.ignored)}")
    return {*reference.given, *options.overridden}
