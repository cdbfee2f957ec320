"""The report: benchmark.json, and the same as tables."""

import json
import math

from fact_jax import files

NAMES = {"ours": "fact_jax", "torch": "PyTorch", "fused": "PyTorch, fused attention"}
RATIOS = tuple("ratio" if name == "torch" else f"ratio_{name}" for name in NAMES if name != "ours")
CLOCKS = {"wall": "", "processor": " Seconds are those of all threads of a process together."}
PHASES = {"train": "training step", "evaluate": "evaluation"}
# Timed of networks of raw video beside them.
TITLES = PHASES | {"trunk": "frozen part alone"}


def write(folder, result, text):
    """Writes benchmark.json and benchmark.md into `folder`."""
    files.atomic_write_text(folder / "benchmark.json", json.dumps(result, indent=1) + "\n")
    files.atomic_write_text(folder / "benchmark.md", text)


def agreement_text(agreement):
    """One line about it."""
    verdict = "the same numbers" if agreement["agree"] else "DIFFERENT NUMBERS"
    if "equal_labels" not in agreement:
        kind = next(kind for kind in ("embedding", "logit") if f"largest_{kind}_difference" in agreement)
        return f"{verdict}: {kind}s differ by at most {agreement[f'largest_{kind}_difference']:.1e}"
    text = (
        f"{verdict}: {100 * agreement['equal_labels']:.2f} % equal labels, logits differ by at most "
        f"{agreement['largest_logit_difference']:.1e}"
    )
    offsets = agreement.get("largest_offset_difference")
    return text if offsets is None else f"{text}, offsets by {offsets:.1e} strides"


def ratio_text(timing, before="", digits=3):
    """The ratios to all others, in the order of NAMES, behind `before`; "" where there are none."""
    found = ", ".join(f"{timing[name]:.{digits}f}" for name in RATIOS if name in timing)
    return found and before + found


def table(header, rows):
    """A Markdown table; cells are strings."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown(result):
    """The whole report as Markdown text."""
    workload, machine = result["workload"], result["machine"]
    lengths = workload["lengths"]
    shown = f"{lengths[0]}" if len(set(lengths)) == 1 else ", ".join(map(str, lengths))
    features = f"constant over {workload['pieces']} pieces" if workload["pieces"] else "white noise"
    made = f"{workload['classes']} classes, {workload['feature_dim']} channels, features {features}"
    parts = [
        f"# {result['config']}: {len(lengths)} video(s) of {shown} frames",
        f"{workload.get('clips') or made}; "
        + ", ".join(f"{name} {value}" for name, value in machine.items())
        + f". Medians of {result['repeats']} repeats in turns, smallest and largest in brackets."
        + CLOCKS[result.get("clock", "wall")],
    ]
    for part, write_part in SECTIONS.items():
        if part in result:
            parts.append(write_part(result[part]))
    return "\n\n".join(parts) + "\n"


def _step(part):
    rows = []
    for phase, title in TITLES.items():
        timing = part.get(phase, {})
        for name in (name for name in NAMES if name in timing):
            one = timing[name]
            share = f"{100 * part['utilisation'][phase][name]['share']:.0f} %"
            ratio = ratio_text(timing) if name == "ours" else ""
            seconds = f"{one['median']:.3f} ({one['min']:.3f} to {one['max']:.3f})"
            rows.append([title, NAMES[name], seconds, f"{one['per_video']:.3f}", ratio, share])
    lines = [table(["", "", "seconds", "per video", "ratio", "of matmul ceiling"], rows)]
    waste = f"Padding: {100 * part['padding_waste']:.1f} % of the frames; padded lengths {part['buckets']}."
    found = part["utilisation"]["ceiling"].items()
    ceilings = ", ".join(f"{NAMES[name]} {value / 1e9:.0f} GFLOP/s" for name, value in found)
    lines.append(f"{waste} Matmul ceiling: {ceilings}. Work is counted as the published network does it.")
    for name, segments in part["segments"].items():
        for phase, title in PHASES.items():
            if any(segments[phase]):
                lines.append(f"Predicted segments, {NAMES[name]}, {title}: {_segments(segments[phase])}.")
        if "detections" in segments:
            found = ", ".join(f"{kept} of {candidates}" for candidates, kept in segments["detections"])
            lines.append(f"Detections kept of the candidates of a video, {NAMES[name]}: {found}.")
    if "in_a_row" in part:
        lines.append(f"Steps handed over without waiting for the one before: {part['in_a_row']:.4f} s each.")
    if "agreement" in part:
        lines.append(f"Before timing: {agreement_text(part['agreement'])}.")
    return "\n\n".join(lines)


def _segments(segments):
    blocks = [", ".join(map(str, counts)) for counts in zip(*segments, strict=True)]
    return "; ".join(f"{counts} in block {number} over segments" for number, counts in enumerate(blocks, start=1))


def _timed(part, key, title):
    """Rows of one measurement per line: seconds of both phases, of all implementations, and the ratios."""
    names = [name for name in NAMES if any(name in row.get("train", {}) for row in part)]
    header = [title]
    for phase in PHASES.values():
        header += [f"{phase}, {NAMES[name]}" for name in names] + (["ratio"] if len(names) > 1 else [])
    rows = []
    for row in part:
        cells = [f"{row[key]:,}"]
        for phase in PHASES:
            timing = row.get(phase, {})
            for name in names:
                one = timing.get(name)
                cells.append(f"{one['median']:.3f} ({one['per_video']:.3f} per video)" if one else "failed")
            if len(names) > 1:
                cells.append(ratio_text(timing))
        rows.append(cells)
    return table(header, rows)


def _lengths(part):
    text = "Seconds for one video of so many frames:\n\n" + _timed(part, "frames", "frames")
    for phase, title in PHASES.items():
        if (found := growth(part, phase)) is not None:
            text += f"\n\nFrom {found[0]:,} to {found[1]:,} frames the {title} grows as frames ** {found[2]:.2f}."
    return text


def growth(rows, phase):
    """(frames, frames, exponent of the growth of our cost) of the two longest videos; None without two."""
    rows = [row for row in rows if phase in row]
    if len(rows) < 2:
        return None
    short, long = rows[-2], rows[-1]
    costs = long[phase]["ours"]["median"] / short[phase]["ours"]["median"]
    return short["frames"], long["frames"], math.log(costs) / math.log(long["frames"] / short["frames"])


def _batches(part):
    return "Seconds for a batch of so many videos:\n\n" + _timed(part, "batch", "videos")


def _dataset(part):
    rows = []
    for row in [*part["groups"], None]:
        cells = [", ".join(f"{frames:,}" for frames in row["frames"]) if row else "all of them"]
        for phase in PHASES:
            timing = (row or part).get(phase, {})
            found = [timing[name] for name in NAMES if name in timing]
            cells += [f"{one['median'] if row else one:.3f}" for one in found]
            cells += [ratio_text(timing)] if len(found) > 1 else []
        rows.append(cells)
    names = [title for name, title in NAMES.items() if name in part["train"]]
    header = ["frames"]
    for phase in (title for key, title in PHASES.items() if key in part):
        header += [f"{phase}, {name}" for name in names] + (["ratio"] if len(names) > 1 else [])
    text = "Seconds for videos as long as those of the dataset, an update and an evaluation each:"
    return f"{text}\n\n{table(header, rows)}"


def _memory(part):
    rows = []
    for phase, title in PHASES.items():
        for name in (name for name in NAMES if name in part[phase]):
            held = part[phase][name]
            ratio = ratio_text(part[phase], digits=2) if name == "ours" else ""
            places = (held["host"], held["libraries"], held["device"])
            cells = [f"{number / 2**20:.0f} MiB" if number else "" for number in places]
            rows.append([title, NAMES[name], *cells, ratio])
    header = ["", "", "host", "of it libraries", "device", "ratio"]
    return f"Peak memory of one run after a first one, in a process of its own:\n\n{table(header, rows)}"


def _compile(part):
    keys = {"import": "import", "init": "init", "compile": "compile", "step": "step", "total": "all"}
    rows = [[f"{state} cache", *(f"{part[state][key]:.1f}" for key in keys)] for state in part]
    text = "Seconds from the start of the process to the end of the first training step:"
    return f"{text}\n\n{table(['', *keys.values()], rows)}"


def _data(part):
    return (
        f"{part['what']} on disk ({part['videos']} videos, {part['gigabytes']:.2f} GB, read anew for every step): the "
        f"loop waited for data {100 * part['data_wait']:.2f} % of the {part['seconds']:.1f} s of {part['steps']} steps."
    )


_READ = {
    "order": "all frames in order",
    "sparse_250": "16 of 1000 frames, a key frame every 250",
    "sparse_12": "16 of 1000 frames, a key frame every 12",
    "view": "4 views of 80 frames, decoded and augmented, 2 of them with blur",
    "view_blur": "the first of them, with blur",
}


def _augmentation(part):
    what = f"A clip of {part['frames']} frames of {part['width']} x {part['height']} pixels, augmented for training"
    return (
        f"{what} (mean of {part['draws']} draws): {part['ours']:.3f} processor seconds, whole frames one by one as "
        f"published {part['other']:.3f}, ratio {part['ratio']:.2f}. Both give the same pixels but for "
        f"{part['difference']:.1e}."
    )


def _reading(part):
    rows = []
    for key, title in _READ.items():
        numbers = [f"{part[key][name]:.3f}" if name in part[key] else "" for name in ("ours", "other", "ratio")]
        rows.append([title, part[key]["beside"], *numbers])
    order = part["order"]
    rate = f"{order['frames'] / order['ours']:.0f} frames per core-second ({order['what']})"
    if "other" in order:
        rate += f", {order['other'] / order['ours']:.2f} times those of decord2"
    rate += f"; FFmpeg's decoder alone takes {order['decoder']:.3f} s"
    if "other" in order:
        rate += f", so that no reader can give more than {order['other'] / order['decoder']:.2f} times as many"
    lines = [table(["", "beside", "fact_jax", "the other", "ratio"], rows)]
    lines.append(f"Processor seconds, one thread each. In order: {rate}. {part.get('missing', '')}".rstrip())
    opened, long = part["memory"]["opened"], part["memory"]["long"]
    lines.append(
        f"Memory of the process: {opened['begin']:.1f} MiB after {opened['first']:,} opened videos, "
        f"{opened['end']:.1f} MiB after {opened['videos']:,}. Before a video of {long['hours']} hours "
        f"({long['frames']:,} frames) {long['begin']:.1f} MiB, while it is read at most {long['middle']:.1f} MiB in "
        f"the first half and {long['end']:.1f} MiB in the second."
    )
    return "\n\n".join(lines)


_EXTRACTED = {
    "whole": "--mode extract, from nothing to the file",
    "network": "its network alone, frames in memory",
    "reading": "decoding and pixels alone, one thread",
    "indexing": "finding the frames of the file",
    "torch": "plain PyTorch loop: decode, pixels, eager network",
}


def extraction_text(part):
    """One line about it."""
    clocks = {"wall": "wall", "processor": "processor"}
    texts = []
    for other, what in (("network", "the network alone"), ("torch", "the PyTorch loop")):
        if other in part:
            ratios = ", ".join(f"{part['whole'][key] / part[other][key]:.2f} by {clocks[key]} time" for key in clocks)
            texts.append(f"{what} {ratios}")
    return f"extraction takes, beside {'; beside '.join(texts)}; {part['whole']['MiB']:.0f} MiB at most"


def _extraction(part):
    rows = [
        [title, f"{part[name]['wall']:.2f}", f"{part[name]['processor']:.2f}"]
        for name, title in _EXTRACTED.items()
        if name in part
    ]
    lines = [table([f"{part['frames']:,} frames of {part['size']} pixels", "wall seconds", "processor seconds"], rows)]
    text = extraction_text(part)
    lines.append(f"{text[0].upper()}{text[1:]}.")
    if "largest_difference" in part:
        lines.append(f"Embeddings of both differ by at most {part['largest_difference']:.1e}.")
    return "\n\n".join(lines)


SECTIONS = {
    "step": _step,
    "memory": _memory,
    "compile": _compile,
    "data": _data,
    "lengths": _lengths,
    "batches": _batches,
    "dataset": _dataset,
    "augmentation": _augmentation,
    "reading": _reading,
    "extraction": _extraction,
}
