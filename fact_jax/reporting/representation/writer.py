"""What an evaluation of embeddings leaves below a folder: predictions/, tables/ and figures/."""

from pathlib import Path

import numpy as np

from fact_jax import files
from fact_jax.reporting.representation import feature_folder, score_files, tables
from fact_jax.reporting.representation.alignment_video import write_alignment
from fact_jax.reporting.representation.embedding_map import plot_map
from fact_jax.reporting.representation.retrieval import plot_retrieval
from fact_jax.reporting.representation.shown import ShownVideo
from fact_jax.reporting.representation.similarity import plot_similarity
from fact_jax.reporting.segmentation.confusion import plot_confusion
from fact_jax.types import UserError

_PICTURES = ("confusion_phases*.png", "embedding_map*.png", "retrieval*.png", "similarity*.png", "alignment*.mp4")
MOST_NAMED = 3
MOST_FRAMES = 2000  # of a video in the pictures of several


def write_evaluation(evaluation, folder, *, figures):
    """Writes the files of a `fact_jax.tasks.representation.evaluation.RepresentationEvaluation` below `folder`.

    predictions/VIDEO.npy is float32 [T, D], also of the videos that linear models are fitted to: features with time
    first. With `figures` also pictures of the evaluated ones. Nothing of an earlier evaluation stays beside them.
    Returns lines for the user: what was left out.
    """
    folder, scored = Path(folder), scored_set(evaluation)
    known = {video.video_id: video for subset in evaluation.protocol.videos for video in evaluation.videos(subset)}
    _remove_earlier(folder, known)
    names = feature_folder.write_features(folder / "predictions", known)
    tables.write_tables(folder / "tables", scored.scores, scored.phases)
    score_files.write_scores(folder, scored)
    lines = (*_lines(evaluation), *_write_labels(evaluation, folder / "predictions", names))
    return (*lines, *(_draw(evaluation, scored, folder / "figures") if figures else ()))


def scored_set(evaluation) -> score_files.ScoredSet:
    """What a report knows of an evaluation."""
    protocol, videos = evaluation.protocol, evaluation.videos("test")
    rates = {round(float(video.video.rate), 3) for video in videos if video.video is not None}
    same = len(rates) == 1 and all(video.video is not None for video in videos)
    return score_files.ScoredSet(
        evaluation.state().scores,
        protocol.phases,
        protocol.dataset,
        protocol.stride,
        rates.pop() / protocol.stride if same else 0.0,
        {video.video_id: len(video.embeddings) for video in videos},
    )


def _remove_earlier(folder, known):
    """Removes what this evaluation does not replace: pictures, and embeddings of videos that it has not."""
    files.remove_matching(folder / "figures", _PICTURES)
    try:
        earlier = score_files.read_scores(folder).videos
    except UserError:
        return  # there was none, or it cannot tell
    for video in earlier:
        if video.video_id not in known:
            (folder / "predictions" / f"{files.safe_name(video.video_id)}.npy").unlink(missing_ok=True)


def _lines(evaluation):
    if lacking := evaluation.state().without_progress():
        named = ", ".join(list(lacking)[:MOST_NAMED]) + ", ..." * (len(lacking) > MOST_NAMED)
        yield f"{len(lacking)} videos lack a phase before the last one and count for no progress: {named}"


def _write_labels(evaluation, folder, names):
    """Makes the folder of embeddings a dataset of action segmentation, where all videos have labels."""
    subsets = {subset: evaluation.videos(subset) for subset in evaluation.protocol.videos}
    trained = {video.video_id for video in subsets["train"]}
    subsets["test"] = tuple(video for video in subsets["test"] if video.video_id not in trained)
    videos = [video for found in subsets.values() for video in found]
    if not all(subsets.values()) or any(video.labels is None for video in videos):
        return
    metric = evaluation.protocol.metric
    phases = {metric.title(number): own for number, own in enumerate(evaluation.protocol.phases)}
    feature_folder.write_labels(folder, names, subsets, phases)
    settings = {"dir": folder, "feature_dir": ".", "time_axis": "first", "evaluate_background": True}
    told = " ".join(f"--config.data.{name}={value}" for name, value in settings.items())
    yield f"the embeddings are a dataset of action segmentation: --config configs/fact_custom.py {told}"


def _draw(evaluation, scored, folder):
    """Pictures of every dataset; yields lines about those that were left out."""
    protocol, several = evaluation.protocol, len(scored.phases) > 1
    for number, phases in enumerate(scored.phases):
        name = scored.metric.title(number)
        end, title = (f"_{files.safe_name(name)}", f"{protocol.dataset}, {name}") if several else ("", protocol.dataset)
        confusion = scored.scores.confusion(number)
        if confusion.any():
            picture = plot_confusion(confusion, phases, title=f"{title}: phases that a linear model finds")
            files.save_figure(folder / f"confusion_phases{end}.png", picture)
        shown = [_shown(v) for v in evaluation.videos("test") if v.group == number and len(v.embeddings)]
        most = protocol.max_timelines or len(shown)
        if len(shown) > most:
            yield (f"pictures of {title} are of {most} of {len(shown)} videos; --config.eval.max_timelines=0 takes all")
            shown = [shown[place] for place in np.linspace(0, len(shown) - 1, most).round().astype(int)]
        _draw_together(folder, end, title, shown, phases)


def _draw_together(folder, end, title, shown, phases):
    """A map of some ShownVideos, and comparisons of them."""
    if not shown:
        return
    thinned = [video.thinned(MOST_FRAMES) for video in shown]
    files.save_figure(folder / f"embedding_map{end}.png", plot_map(thinned, phases, title=title))
    if len(shown) < 2:
        return
    files.save_figure(folder / f"similarity{end}.png", plot_similarity(*shown[:2], phases, title=title))
    if all(video.video is not None for video in shown):
        files.save_figure(folder / f"retrieval{end}.png", plot_retrieval(thinned, phases, title=title))
        write_alignment(folder / f"alignment{end}.mp4", *shown[:2], phases)


def _shown(video):
    """An EmbeddedVideo as pictures show it; without the file its frames are a second apart."""
    times = video.steps.astype(np.float64) if video.video is None else np.asarray(video.video.times)[video.steps]
    return ShownVideo(video.video_id, video.embeddings, times, video.labels, video.steps, video.video)
