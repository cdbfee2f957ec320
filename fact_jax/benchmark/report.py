"""The report: benchmark.json, and the same as tables."""

import json

from fact_jax import files

NAMES = {"ours": "fact_jax", "torch": "PyTorch"}
PHASES = {"train": "training step", "evaluate": "evaluation"}


def write(folder, result, text):
    """Writes benchmark.json and benchmark.md into `folder`."""
    files.atomic_write_text(folder / "benchmark.json", json.dumps(result, indent=1) + "\n")
    files.atomic_write_text(folder / "benchmark.md", text)


def agreement_text(agreement):
    """One line about it."""
    verdict = "the same numbers" if agreement["agree"] else "DIFFERENT NUMBERS"
    return (
        f"{verdict}: {100 * agreement['equal_labels']:.2f} % equal labels, logits differ by at most "
        f"{agreement['largest_logit_difference']:.1e}"
    )


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
    parts = [
        f"# {result['config']}: {len(lengths)} video(s) of {shown} frames",
        f"{workload['classes']} classes, {workload['feature_dim']} channels, features {features}; "
        + ", ".join(f"{name} {value}" for name, value in machine.items())
        + f". Medians of {result['repeats']} repeats in turns, smallest and largest in brackets.",
    ]
    for part, write_part in SECTIONS.items():
        if part in result:
            parts.append(write_part(result[part]))
    return "\n\n".join(parts) + "\n"


def _step(part):
    rows = []
    for phase, title in PHASES.items():
        timing = part[phase]
        for name in (name for name in NAMES if name in timing):
            one = timing[name]
            share = part["utilisation"][phase][name]["share"]
            ratio = f"{timing['ratio']:.3f}" if name == "ours" and "ratio" in timing else ""
            rows.append([
                title, NAMES[name], f"{one['median']:.3f} ({one['min']:.3f} to {one['max']:.3f})",
                f"{one['per_video']:.3f}", ratio, f"{100 * share:.0f} %",
            ])
    lines = [table(["", "", "seconds", "per video", "ratio", "of matmul ceiling"], rows)]
    waste = f"Padding: {100 * part['padding_waste']:.1f} % of the frames; padded lengths {part['buckets']}."
    ceilings = ", ".join(
        f"{NAMES[name]} {value / 1e9:.0f} GFLOP/s" for name, value in part["utilisation"]["ceiling"].items()
    )
    lines.append(f"{waste} Matmul ceiling: {ceilings}. Work is counted as the published network does it.")
    for name, segments in part["segments"].items():
        lines.append(f"Predicted segments, {NAMES[name]}: {_segments(segments)}.")
    if "agreement" in part:
        lines.append(f"Before timing: {agreement_text(part['agreement'])}.")
    return "\n\n".join(lines)


def _segments(segments):
    blocks = list(zip(*segments, strict=True))
    return "; ".join(
        f"block {number} over segments: {', '.join(map(str, counts))}" for number, counts in enumerate(blocks, start=1)
    )


SECTIONS = {"step": _step}
