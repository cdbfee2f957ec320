"""What an evaluation of localization leaves below a folder: predictions/, tables/ and figures/."""

from pathlib import Path

import numpy as np

from fact_jax import files
from fact_jax.reporting.localization import detection_files, detection_layout, detection_sets, tables
from fact_jax.reporting.localization import figures as pictures

_PICTURES = ("detections_*.png", "precision_recall.png", "map_against_tiou.png")
# Classes without a true segment that are named to the user.
MAX_NAMED = 5


def write_evaluation(evaluation, folder, *, figures):
    """Writes the files of a `fact_jax.tasks.localization.evaluation.LocalizationEvaluation` below `folder`.

    With `figures` also the curves, and detections of videos. No picture of an earlier evaluation stays beside them.
    Returns lines for the user: what was left out.
    """
    folder, protocol, state = Path(folder), evaluation.protocol, evaluation.state()
    files.remove_matching(folder / "figures", _PICTURES)
    detection_files.write_detections(
        folder / "predictions",
        evaluation.detections,
        protocol.class_names,
        protocol.dataset,
        external=protocol.class_scores is not None,
    )
    tables.write_tables(folder / "tables", state, protocol.class_names)
    known = {name: time.duration for name, time in protocol.times.items() if time.duration < detection_layout.ENDLESS}
    durations = dict.fromkeys(protocol.truth, 0.0) | known
    detected = detection_sets.DetectedSet(state.metric, protocol.class_names, protocol.dataset, durations, state.videos)
    detection_sets.write_detections(folder, detected)
    lines = _draw(evaluation, state.per_class(), folder / "figures") if figures else ()
    return (*_without_truth(state, protocol.class_names), *lines)


def _without_truth(state, class_names):
    """A line about detections of classes that no evaluated video has."""
    found = state.without_truth()
    if not found:
        return ()
    names = ", ".join(class_names[class_id] for class_id in list(found)[:MAX_NAMED]) + ", ..." * (
        len(found) > MAX_NAMED
    )
    others = "other classes, as published" if state.metric.published_classes else "nobody"
    count = f"{len(found)} class{'es' * (len(found) != 1)} without a true segment"
    return (f"{sum(found.values())} detections of {count} count for {others}: {names}",)


def _draw(evaluation, scores, folder):
    protocol = evaluation.protocol
    title = f"{protocol.dataset}: {len(protocol.truth)} videos"
    curves = pictures.plot_precision_recall(protocol.metric, scores, title=title)
    files.save_figure(folder / "precision_recall.png", curves)
    curves = pictures.plot_map(protocol.metric, scores, protocol.class_names, title=title)
    files.save_figure(folder / "map_against_tiou.png", curves)
    videos = sorted(evaluation.detections)
    names = files.file_names(videos, folder)
    count = min(protocol.max_timelines or len(videos), len(videos))
    for place in np.linspace(0, len(videos) - 1, count).round().astype(int):
        figure = _plot_video(evaluation, videos[place])
        files.save_figure(folder / f"detections_{names[videos[place]]}.png", figure)
    if count == len(videos):
        return ()
    return (f"drew the detections of {count} of {len(videos)} videos; --config.eval.max_timelines=0 draws all",)


def _plot_video(evaluation, video_id):
    protocol, found, truth = evaluation.protocol, evaluation.detections[video_id], evaluation.protocol.truth[video_id]
    duration = detection_layout.shown_duration(protocol.times[video_id].duration, found, truth[0])
    title = f"{protocol.dataset} · {video_id}"
    note = f"{len(truth[1])} true segments, the best of {len(found.scores)} detections"
    return pictures.plot_detections(found, protocol.class_names, duration, truth=truth, title=title, note=note)
