"""Runs of the command line: the only module that knows both the data and the tasks."""

import contextlib
import dataclasses
from pathlib import Path

import jax
import numpy as np

from data_pipelines import unlabelled
from data_pipelines.batching import EvalBatches, TrainBatches
from data_pipelines.buckets import check_buckets, choose_buckets
from data_pipelines.fingerprints import labels_fingerprint, transcripts_fingerprint
from data_pipelines.sources import open_sources, read_classes
from data_pipelines.statistics import compute_statistics
from fact_jax import conversion, files, inference, modes
from fact_jax.inference import mode as prediction
from fact_jax.modes import Setup
from fact_jax.reporting import results
from fact_jax.tasks import systems
from fact_jax.training import compilation, host_memory, loop, run_record, writers
from fact_jax.training import devices as device_layout
from fact_jax.training.agreement import SharedStop
from fact_jax.training.ownership import own
from fact_jax.training.processes import Processes
from fact_jax.training.signals import StopRequest
from fact_jax.training.steps import EvalStep
from fact_jax.types import UserError, check_choice

MODES = ("train", "eval")
# Settings that may change between training and prediction.
PREDICTION_NEUTRAL = (*run_record.NEUTRAL, "eval", "train", "data.max_buckets", "data.max_padding")


def run(
    config, workdir, mode: str = "train", *, step: int | None = None, console=None, processes: Processes = Processes()
) -> int:
    """Does what the command line asks for.

    Args:
      config: locked ConfigDict of a file in configs/.
      workdir: folder of the run; created by "train".
      mode: "train" starts or resumes, and reports a finished run; "eval" evaluates a checkpoint of the workdir.
      step: for "eval": which checkpoint; None = the best.
      console: where lines go; standard output by default, of a process that is not the first warnings only.
      processes: that make the run together; every one of them calls this, and the first has the workdir.

    Returns:
      The exit code: 0, or 130 after Ctrl-C.

    Raises:
      UserError: something the user can put right.
    """
    check_choice("--mode", mode, MODES)
    console = console or (writers.Console() if processes.is_main else writers.WarningsOnly(processes.index))
    workdir = Path(workdir)
    processes.insist_on_equal("settings", config.to_dict() | {"mode": mode, "step": step, "jax": jax.__version__})
    finished = processes.from_main(lambda: _look_at(config, workdir, mode, step))
    if finished:
        console.say(results.summary(workdir, finished))
        return 0
    stop_request = StopRequest if processes.count == 1 else SharedStop
    owned = own(workdir, f"--mode {mode}") if processes.is_main else contextlib.nullcontext()
    with stop_request(console.say) as stop, owned:
        if processes.is_main:
            run_record.check(workdir, config=config.to_dict())  # again: another process may just have made its run here
        _set_up_jax(config, console)
        setup = prepare(config, workdir, mode, console, stop, processes)
        finished = modes.train(setup) if mode == "train" else modes.evaluate(setup, step)
        return 0 if finished else stop.exit_code


def _look_at(config, workdir: Path, mode: str, step: int | None):
    """Raises UserError unless the workdir goes with what is asked for; returns the results of a finished run, or None."""
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"--workdir {workdir} is a file, expected a folder.")
    exists = run_record.check(workdir, config=config.to_dict())
    if mode == "eval" and not exists:
        raise UserError(f"{workdir} holds no run to evaluate. Train first: the same command with --mode train.")
    if mode == "train" and exists and "converted" in run_record.read(workdir)["derived"]:
        raise UserError(f"{workdir} holds converted weights, for --mode eval and predict. Train in another --workdir.")
    if mode == "train" and step is not None:
        raise UserError("--step chooses the checkpoint of --mode eval; training goes on from the latest by itself.")
    if mode == "train" and exists and (finished := results.read_results(workdir)):
        return finished
    if mode == "train" and config.log.wandb:
        writers.import_wandb()
    return None


def convert(config, workdir, checkpoint, *, explicit=(), console: writers.Console) -> None:
    """Makes a workdir from published weights, see `conversion.convert`; the dataset gives the names of the classes."""
    conversion.convert(
        config, workdir, checkpoint, read_classes=lambda: read_classes(config.data), explicit=explicit, console=console
    )


def predict(config, workdir, options: prediction.Options, console: writers.Console) -> int:
    """Labels videos that have no labels; returns the exit code.

    Args:
      config: of the run; settings that change numbers must be those of the workdir.
      workdir: holds the run.
      options: see there.
      console: takes lines and progress.

    Raises:
      UserError: there is no such run, nothing to predict, or options that do not go with the model.
    """
    workdir = Path(workdir)
    if not run_record.check(workdir, config=config.to_dict(), neutral=PREDICTION_NEUTRAL):
        raise UserError(f"{workdir} holds no run to predict with. Train first, or convert published weights.")
    _set_up_jax(config, console)
    batch_size = config.eval.batch_size
    devices = device_layout.choose(batch_size)
    predictor = inference.load(workdir, options.step, devices=devices, say=console.say)
    options.check(predictor.uses_transcript)
    form = unlabelled.Form(predictor.feature_dim, config.data.time_axis, predictor.sample_rate, predictor.class_names)
    source = unlabelled.open_inputs(options.inputs, form, transcript_dir=options.transcripts)
    buckets = unlabelled.prediction_buckets(
        source.lengths, predictor.buckets, config.data.max_buckets, config.data.max_padding
    )

    def make_batches(videos):
        return EvalBatches(
            videos,
            batch_size=batch_size,
            buckets=buckets,
            max_segments=source.max_segments,
            num_rows=device_layout.num_rows(batch_size, len(devices)),
            transcripts=source.transcripts,
        )

    output = prediction.open_output(predictor, config, workdir, options)
    with StopRequest(console.say) as stop:
        return prediction.predict_videos(predictor, source, make_batches, output, console=console, stop=stop)


def _set_up_jax(config, console: writers.Console) -> None:
    """Applies the settings that hold for the whole process."""
    host_memory.keep_between_runs()
    if config.compilation_cache:
        compilation.use_cache(console.say)
    if config.matmul_precision:
        jax.config.update("jax_default_matmul_precision", config.matmul_precision)


def prepare(
    config, workdir: Path, mode: str, console: writers.Console, stop: StopRequest, processes: Processes = Processes()
) -> Setup:
    """Opens and checks the data, builds the task and, to train, writes config.json and statistics.txt.

    Of several processes every one opens the data, after the first one has checked it, and the first one writes.

    Raises:
      UserError: a problem of the data or the settings, or a workdir of another run.
    """
    check_choice("config.model.name", config.model.name, tuple(systems.BUILDERS))
    with processes.main_first():
        # What the first process notes there, the others need not check again, if they see it.
        notes = workdir if processes.is_main or workdir.is_dir() else None
        sources = open_sources(config.data, notes, memory_limit=int(config.data.memory_gb * 2**30))
    evaluations = {"test": sources.test}
    if sources.validation is not None:
        evaluations["validation"] = sources.validation
    everything = {"train": sources.train, **evaluations}
    all_statistics = {name: compute_statistics(source) for name, source in everything.items()}
    statistics = all_statistics["train"]
    labels = _label_reader(evaluations.values())
    task = systems.build(
        config, class_names=sources.class_names, statistics=statistics, full_labels=labels,
        verb_nouns=sources.verb_nouns,
    )
    buckets = _buckets(config.data, everything)
    devices = device_layout.choose(_piece_size(config.train))
    train_batches, eval_batches = _batches(
        config, sources, evaluations, all_statistics, buckets, devices, task.uses_transcript
    )
    derived = _derive(config, sources, everything, statistics, train_batches, task)
    processes.insist_on_equal("data", derived)
    processes.connect(devices)
    if processes.is_main:
        run_record.check(workdir, derived=derived)
    if mode == "train" and processes.is_main:
        run_record.write(workdir, config=config.to_dict(), derived=derived)
        tables = [f"{name} videos\n{numbers.table()}\n" for name, numbers in all_statistics.items()]
        files.atomic_write_text(workdir / "statistics.txt", "\n".join(tables))
    _describe(config, derived, train_batches.padding(), console)
    return Setup(
        config=config,
        workdir=workdir,
        task=task,
        train_batches=train_batches,
        eval_batches=eval_batches,
        selection="validation" if "validation" in evaluations else "test",
        eval_step=EvalStep(task, devices, num_buckets=len(buckets), say=console.say),
        devices=devices,
        derived=derived,
        console=console,
        stop=stop,
        processes=processes,
    )


def _derive(config, sources, everything, statistics, train_batches, task):
    """What follows from data and settings, for config.json; a run with other values is another run."""
    return {
        "class_names": list(sources.class_names),
        "verb_nouns": dataclasses.asdict(sources.verb_nouns) if sources.verb_nouns else None,
        "feature_dim": sources.feature_dim,
        "num_videos": {name: len(source) for name, source in everything.items()},
        "average_transcript_length": statistics.average_transcript_length(config.loss.get("match")),
        "buckets": list(train_batches.buckets),
        "steps_per_epoch": train_batches.steps_per_epoch,
        "total_steps": loop.total_steps(config, train_batches.steps_per_epoch),
        "labels_sha256": labels_fingerprint(everything.values()),
        "transcripts_sha256": transcripts_fingerprint(sources.transcripts),
        "model": dataclasses.asdict(task.model),
        "loss": dataclasses.asdict(task.loss_config),
    }


def _batches(config, sources, evaluations, statistics, buckets, devices, uses_transcript):
    """(TrainBatches, {name: EvalBatches})."""
    max_segments = _padded_segments(uses_transcript, statistics, sources.transcripts)
    train_rows, eval_rows = (
        device_layout.num_rows(size, len(devices)) for size in (_piece_size(config.train), config.eval.batch_size)
    )
    train_batches = TrainBatches(
        sources.train,
        batch_size=config.train.batch_size,
        buckets=buckets,
        max_segments=max_segments["train"],
        seed=config.seed,
        num_rows=train_rows,
        share=device_layout.share(train_rows, devices),
        micro_batch_size=config.train.micro_batch_size,
        sampling=config.train.sampling,
    )
    eval_batches = {
        name: EvalBatches(
            source,
            batch_size=config.eval.batch_size,
            buckets=buckets,
            max_segments=max_segments[name],
            num_rows=eval_rows,
            share=device_layout.share(eval_rows, devices),
            transcripts=sources.transcripts,
        )
        for name, source in evaluations.items()
    }
    return train_batches, eval_batches


def _piece_size(train):
    """Videos that are on the devices at once."""
    return min(train.micro_batch_size or train.batch_size, train.batch_size)


def _padded_segments(uses_transcript, statistics, transcripts):
    """Segments to which the transcripts of every source are padded.

    A network that reads transcripts gets one size for all, so that a length bucket stays one program.
    """
    sizes = {name: numbers.max_segments[0] for name, numbers in statistics.items()}
    if transcripts is not None:
        longest = max(map(len, transcripts.values()))
        sizes = {name: max(size, longest) if name != "train" else size for name, size in sizes.items()}
    if uses_transcript:
        sizes = dict.fromkeys(sizes, max(sizes.values()))
    return sizes


def _buckets(data, sources):
    """The padded lengths that training and evaluation share."""
    lengths = np.concatenate([source.lengths for source in sources.values()])
    video_ids = [video_id for source in sources.values() for video_id in source.video_ids]
    buckets = data.buckets or choose_buckets(lengths, data.max_buckets, data.max_padding)
    return check_buckets(buckets, lengths, video_ids)


def _label_reader(sources):
    """Returns a function from video id to int32 [N], its labels at the full rate."""
    places = {video_id: (source, index) for source in sources for index, video_id in enumerate(source.video_ids)}

    def full_labels(video_id):
        source, index = places[video_id]
        return source.full_labels(index)

    return full_labels


def _describe(config, derived, padding, console):
    videos = ", ".join(f"{count} {name} videos" for name, count in derived["num_videos"].items())
    console.say(
        f"{config.data.dataset}, {config.data.split}: {videos}, {len(derived['class_names'])} classes, "
        f"{derived['feature_dim']} channels; padded lengths {', '.join(map(str, derived['buckets']))} "
        f"({100 * padding.waste:.0f} % of the frames computed in training are padding)"
    )
    console.say(f"on average {derived['average_transcript_length']:.1f} targets per training video; see statistics.txt")
