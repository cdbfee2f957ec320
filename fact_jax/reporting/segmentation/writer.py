"""What an evaluation of segmented videos leaves below a folder: predictions/, tables/ and figures/."""

from pathlib import Path

import numpy as np

from fact_jax import files
from fact_jax.reporting.segmentation import segment_files, tables, timelines
from fact_jax.reporting.segmentation.confusion import plot_confusion
from fact_jax.types import UserError

_PICTURES = ("timeline_*.png", "confusion_matrix.png")


def write_evaluation(evaluation, folder, *, figures):
    """Writes the files of a `fact_jax.tasks.segmentation.evaluation.SegmentationEvaluation` below `folder`.

    With `figures` also the timelines and the confusion matrix. Nothing of an earlier evaluation stays beside them.
    Returns lines for the user: what was left out.
    """
    folder, protocol, state = Path(folder), evaluation.protocol, evaluation.state()
    _remove_earlier(folder, evaluation)
    (folder / "predictions").mkdir(parents=True, exist_ok=True)
    names = files.file_names(evaluation.predictions, folder / "predictions")
    for video_id, labellings in evaluation.predictions.items():
        lines = "".join(f"{protocol.class_names[label]}\n" for label in labellings["labels"])
        files.atomic_write_text(folder / "predictions" / f"{names[video_id]}.txt", lines)
    tables.write_tables(folder / "tables", state, protocol.class_names)
    segment_files.write_segments(folder, _segmented(evaluation))
    return _draw(evaluation, state, names, folder / "figures") if figures else ()


def _remove_earlier(folder, evaluation):
    """Removes what this evaluation does not replace: pictures of other videos, labels of videos that it has not."""
    files.remove_matching(folder / "figures", _PICTURES)
    try:
        earlier = segment_files.read_segments(folder).videos
    except UserError:
        return  # there was none, or it cannot tell
    for video in earlier:
        if video.video_id not in evaluation.predictions:
            (folder / "predictions" / f"{files.safe_name(video.video_id)}.txt").unlink(missing_ok=True)


def _segmented(evaluation):
    protocol, to_runs = evaluation.protocol, segment_files.to_runs
    videos = tuple(
        segment_files.SegmentedVideo(name, to_runs(protocol.full_labels(name)), to_runs(labellings["labels"]))
        for name, labellings in sorted(evaluation.predictions.items())
    )
    names = protocol.class_names, protocol.background_ids, protocol.dataset, protocol.split
    return segment_files.SegmentedSet(protocol.metric, *names, protocol.fps, videos)


def _draw(evaluation, state, names, folder):
    protocol, videos = evaluation.protocol, state.per_video()
    drawn = _spread(videos, protocol.max_timelines or len(videos))
    for scores in drawn:
        video_id = scores["video_id"]
        figure = timelines.plot_timeline(
            {"ground truth": protocol.full_labels(video_id)} | timelines.strips(evaluation.predictions[video_id]),
            protocol.class_names,
            fps=protocol.fps,
            title=f"{protocol.dataset} · {video_id}",
            metrics_text="   ".join(f"{name} {scores[name]:.1f}" for name in ("Acc", "Edit", "F1@0.50")),
            background_ids=protocol.background_ids,
        )
        files.save_figure(folder / f"timeline_{names[video_id]}.png", figure)
    title = f"{protocol.dataset}, {protocol.split}: predicted against true class of every frame"
    picture = plot_confusion(state.confusion(), protocol.class_names, title=title)
    files.save_figure(folder / "confusion_matrix.png", picture)
    if len(drawn) == len(videos):
        return ()
    return (
        f"drew the timelines of {len(drawn)} of {len(videos)} videos, from the worst to the best; "
        "--config.eval.max_timelines=0 draws all",
    )


def _spread(videos, count):
    """Rows of at most `count` videos, evenly over their order by correct frames, as sorted as they came."""
    if count >= len(videos):
        return videos
    ranked = np.argsort([scores["AccB"] for scores in videos], kind="stable")
    places = np.linspace(0, len(videos) - 1, count).round().astype(int)
    return [videos[place] for place in sorted(ranked[places])]
