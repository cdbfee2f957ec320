"""The parts of the benchmark: what `--parts` names, each a function from Session to its place in the report."""

import functools
import itertools
import statistics
import tempfile

import numpy as np

from fact_jax.benchmark import costs, made_files, report
from fact_jax.benchmark.kinds import LENGTHS
from fact_jax.benchmark.measure import interleave, ratios

# Logits, and offsets in strides, of the two implementations may differ by this much in float32.
LOGIT_TOLERANCE = 1e-3
CEILING_SIZE, GPU_CEILING_SIZE, CEILING_REPEATS = 2048, 8192, 5
RATE = 10  # frames per second of the video that is extracted
# Of the part "lengths": frames of the one video.
FRAMES = (256, 1024, 4096, 16384, 65536)


def measure_step(session):
    """Training step and evaluation of the batch; agreement, predicted segments, share of the matmul ceiling."""
    lengths = session.workload.lengths
    with session.workers() as workers:
        facts = session.prepare(workers, lengths)
        model = facts.pop("model")
        result = {"padding_waste": facts["padding_waste"], "buckets": facts["buckets"], "device": facts["device"]}
        result["segments"] = {name: worker.ask("inspect") for name, worker in workers.items()}
        if len(workers) > 1:
            result["agreement"] = _agreement(session.folder, len(lengths), session.names[1:])
            session.say(f"  agreement: {report.agreement_text(result['agreement'])}")
        for phase in session.phases:
            result[phase] = session.time(workers, phase, len(lengths))
        on_cpu = facts["backend"] == "cpu"
        if not on_cpu:  # where a step is over when its call is
            result["in_a_row"] = workers["ours"].ask("in_a_row", steps=session.options.repeats)
        size = CEILING_SIZE if on_cpu else GPU_CEILING_SIZE
        ceilings = {name: worker.ask("ceiling", size=size, repeats=CEILING_REPEATS) for name, worker in workers.items()}
        result["utilisation"] = _utilisation(session, model, result, ceilings)
    return result


def _agreement(folder, num_videos, others=("torch",)):
    """How far the evaluations of ours and of all others agree."""
    frames = equal = 0
    largest = {}
    for other, place in itertools.product(others, range(num_videos)):
        with np.load(folder / "ours.npz") as ours, np.load(folder / f"{other}.npz") as theirs:
            if f"labels{place}" in ours:
                labels = ours[f"labels{place}"] == theirs[f"labels{place}"]
                frames, equal = frames + labels.size, equal + int(labels.sum())
            for kind in ("logit", "offset", "embedding"):
                if (name := f"{kind}s{place}") in ours:
                    difference = float(np.abs(ours[name] - theirs[name]).max())
                    largest[kind] = max(largest.get(kind, 0.0), difference)
    return {
        **({"equal_labels": equal / frames} if frames else {}),
        **{f"largest_{kind}_difference": value for kind, value in largest.items()},
        "agree": max(largest.values()) <= LOGIT_TOLERANCE,
    }


def _utilisation(session, model, result, ceilings):
    """Operations per second of every phase as a share of the measured ceiling."""
    rows = {"ceiling": ceilings}
    workload = session.workload
    for phase in session.phases:
        factor = costs.TRAINING_FACTOR if phase == "train" else 1
        rows[phase] = {}
        for name in session.names:
            if "forward" in model:
                forward = model["forward"][phase]
            else:
                counts = result["segments"][name][phase]
                forward = costs.forward_flops(model, workload.feature_dim, workload.lengths, counts)
            flops = factor * forward
            rows[phase][name] = {"flops": flops, "share": flops / result[phase][name]["median"] / ceilings[name]}
    return rows


def measure_memory(session):
    """Peak memory of every phase and implementation, each in a process of its own."""
    result = {}
    lengths = list(session.workload.lengths)
    for phase in ("train", "evaluate"):
        result[phase] = {}
        for name in session.names:
            with session.worker(name) as worker:
                wanted = {"training": phase == "train", "evaluation": phase == "evaluate"}
                facts = worker.ask("prepare", lengths=lengths, **wanted)
                if name == "ours":
                    worker.ask("publish")
                result[phase][name] = worker.ask("peak", phase=phase)
                held = result[phase][name]["device"] or result[phase][name]["host"]
                session.say(f"  {report.PHASES[phase]}, {name}: {held / 2**20:.0f} MiB on {facts['device']}")
        held = {name: found["device"] or found["host"] for name, found in result[phase].items()}
        result[phase] |= ratios(held)
    return result


def measure_compile(session):
    """Seconds from the start of a process to the end of its first training step: with nothing compiled, and again."""
    result = {}
    with tempfile.TemporaryDirectory(prefix="fact_jax_cache_") as cache:
        environment = {"XDG_CACHE_HOME": cache, "JAX_COMPILATION_CACHE_DIR": None}
        for state in ("cold", "warm"):
            with session.worker("ours", environment) as worker:
                result[state] = worker.ask("first_step", lengths=list(session.workload.lengths), started=worker.started)
            session.say(f"  {state} cache: {result[state]['total']:.1f} s to the end of the first training step")
    return result


def measure_data(session):
    """Share of the time that training from feature files waits for them."""
    lengths, options = list(session.workload.lengths), session.options
    with session.worker("ours") as worker, tempfile.TemporaryDirectory(prefix="fact_jax_data_") as folder:
        sizes = {"num_videos": options.data_videos, "num_steps": options.data_steps}
        result = worker.ask("wait_for_data", folder=folder, lengths=lengths, **sizes)
    session.say(f"  waited {100 * result['data_wait']:.2f} % of {result['seconds']:.1f} s")
    return result


def measure_lengths(session):
    """Cost of one video against its length."""
    rows = []
    for frames in FRAMES:
        if frames <= session.options.max_frames:
            session.say(f" {frames} frames")
            rows.append({"frames": frames} | session.time_both([frames]))
    return rows


def measure_batches(session):
    """Cost against the number of videos in a batch, of training and of evaluation."""
    rows, batch, lengths = [], 1, session.workload.lengths
    while batch <= session.options.max_batch:
        session.say(f" batch of {batch}")
        videos = [lengths[place % len(lengths)] for place in range(batch)]
        rows.append({"batch": batch} | session.time_both(videos, eval_batch=batch))
        batch *= 2
    return rows


def measure_dataset(session):
    """An update and an evaluation of videos as long as those of the dataset, batch after batch, and all together."""
    size, known = session.options.settings.train.batch_size, LENGTHS.get(session.options.settings.data.dataset)
    lengths = session.options.frames or known or session.workload.lengths
    rows = []
    with session.workers() as workers:
        for first in range(0, len(lengths), size):
            group = list(lengths[first : first + size])
            session.say(f" {', '.join(map(str, group))} frames")
            session.prepare(workers, group)
            rows.append({"frames": group} | {phase: session.time(workers, phase, size) for phase in session.phases})
    result = {"groups": rows}
    for phase in session.phases:
        totals = {name: sum(row[phase][name]["median"] for row in rows) for name in session.names}
        result[phase] = totals | ratios(totals)
    return result


def measure_reading(session):
    """Frames of video files beside decord2 and the published augmentation; memory over many videos."""
    options = session.options
    with session.worker("reading") as worker:
        result = worker.ask("compare", repeats=options.repeats, path=options.video)
        session.say(f"  in order: {result['order']['frames'] / result['order']['ours']:.0f} frames per core-second")
    # In a process of its own: what the others read has left its traces.
    with session.worker("reading") as worker:
        opened = worker.ask("opened", count=options.opened_videos)
        result["memory"] = {"opened": opened, "long": worker.ask("long", hours=options.hours)}
    return result


def measure_augmentation(session):
    """RandAugment and crop of clips beside the published way."""
    with session.worker("augmenting") as worker:
        result = worker.ask("compare", repeats=session.options.repeats)
    session.say(f"  a clip: ours {result['ours']:.3f} s, the published way {result['other']:.3f} s")
    return result


def measure_extraction(session):
    """--mode extract of a video file beside the network alone, and beside a plain loop in PyTorch."""
    options, config = session.options, session.options.settings
    path = session.folder / "minutes.mp4"
    num_frames = options.minutes * 60 * RATE
    made_files.write(path, num_frames, size=(config.data.augmentation.size,) * 2, rate=RATE, noise=0.0)
    plain = {"num_frames": num_frames, "per_chunk": config.eval.frames_per_chunk}
    plain["crop"] = config.data.augmentation.evaluation_crop
    found = {}
    with session.workers() as workers:
        session.prepare(workers, [config.eval.frames_per_chunk], training=False)
        ask = functools.partial(workers["ours"].ask, "extract", path=str(path))
        runs = {name: functools.partial(ask, what=name) for name in ("whole", "network", "reading", "indexing")}
        if "torch" in workers:
            runs["torch"] = functools.partial(workers["torch"].ask, "extract", path=str(path), **plain)
        for run in runs.values():
            run()  # compiles, and fills caches
        for name, repeats in interleave(runs, options.repeats).items():
            found[name] = {key: statistics.median(one[key] for one in repeats) for key in repeats[0]}
        result = {"frames": num_frames, "size": config.data.augmentation.size, **found}
        if "torch" in workers:
            ours, theirs = ask(what="rows"), np.load(session.folder / "torch_rows.npy")
            result["largest_difference"] = float(np.abs(ours - theirs).max())
    session.say(f"  {report.extraction_text(result)}")
    return result


MEASURE = {
    "step": measure_step,
    "memory": measure_memory,
    "compile": measure_compile,
    "data": measure_data,
    "lengths": measure_lengths,
    "batches": measure_batches,
    "dataset": measure_dataset,
    "augmentation": measure_augmentation,
    "reading": measure_reading,
    "extraction": measure_extraction,
}
