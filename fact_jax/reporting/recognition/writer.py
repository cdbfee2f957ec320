"""What an evaluation of recognised clips leaves below a folder: predictions/, tables/ and figures/."""

import pathlib

from fact_jax import files
from fact_jax.reporting.recognition import score_files, tables
from fact_jax.reporting.recognition.confusions import plot_confusions
from fact_jax.reporting.recognition.gallery import NUM_SHOWN, ShownClip, jpeg, most_wrong, plot_gallery, strip
from fact_jax.reporting.recognition.naming import class_text
from fact_jax.reporting.segmentation.confusion import plot_confusion
from fact_jax.reporting.tables import to_csv
from fact_jax.types import UserError

CLIPS_FILE = pathlib.PurePath("predictions", "clips.csv")
_PICTURES = ("confusion_matrix*.png", "confusions*.png", "errors.png", "error_*.jpg")


def write_evaluation(evaluation, folder, *, figures):
    """Writes the files of a `fact_jax.tasks.recognition.evaluation.RecognitionEvaluation` below `folder`.

    With `figures` also the confusions of every head and strips of the clips that are most confidently wrong. Nothing of
    an earlier evaluation stays beside them. Returns lines for the user: what was left out.
    """
    folder, scored = pathlib.Path(folder), scored_clips(evaluation)
    files.remove_matching(folder / "figures", _PICTURES)
    files.atomic_write_text(folder / CLIPS_FILE, to_csv(tables.per_clip(scored)))
    tables.write_tables(folder / "tables", scored)
    score_files.write_scores(folder, scored)
    if not figures:
        return ()
    _draw_confusions(scored, folder / "figures")
    return _draw_errors(scored, evaluation.protocol, folder / "figures")


def scored_clips(evaluation) -> score_files.ScoredClips:
    """What a report knows of an evaluation."""
    protocol = evaluation.protocol
    return score_files.ScoredClips(evaluation.state().scores, protocol.class_names, protocol.dataset)


def error_picture(folder, video_id) -> pathlib.Path:
    """Where the strip of a clip that is most confidently wrong lies, below the folder of an evaluation."""
    return pathlib.Path(folder) / "figures" / f"error_{files.safe_name(video_id)}.jpg"


def shown_texts(clip, class_names) -> dict:
    """What a gallery says of ClipScores: the fields of ShownClip but the frames."""
    true = 1.0
    for probability in clip.true_probabilities:
        true *= probability
    return {
        "video_id": clip.video_id,
        "predicted": class_text([classes[0] for classes in clip.classes], class_names),
        "probability": clip.confidence,
        "true": class_text(clip.labels, class_names),
        "true_probability": true,
    }


def _draw_confusions(scored, folder):
    heads = scored.metric.heads
    for place, (head, names) in enumerate(zip(heads, scored.class_names, strict=True)):
        end, what = (f"_{head}", head) if len(heads) > 1 else ("", "class")
        matrix = scored.scores.confusion(place)
        title = f"{scored.dataset}: predicted against true {what} of every clip"
        files.save_figure(
            folder / f"confusion_matrix{end}.png", plot_confusion(matrix, names, title=title, unit="clips")
        )
        if found := tables.confusions(matrix, tables.MOST_CONFUSIONS):
            title = f"{scored.dataset}: the most frequent confusions" + f" of {what}s" * (len(heads) > 1)
            files.save_figure(folder / f"confusions{end}.png", plot_confusions(found, names, title=title))


def _draw_errors(scored, protocol, folder):
    """Strips of clips; yields a line where one cannot be read any more."""
    if protocol.read_strip is None:
        return ()
    shown, lines = [], []
    for clip in most_wrong(scored.videos, protocol.max_timelines or len(scored.videos)):
        try:
            frames = protocol.read_strip(clip.video_id)
        except UserError as error:
            lines.append(f"no picture of {clip.video_id}: {error}")
            continue
        shown.append(ShownClip(frames=frames, **shown_texts(clip, scored.class_names)))
        files.atomic_write_bytes(error_picture(folder.parent, clip.video_id), jpeg(strip(frames)))
    if shown:
        title = f"{scored.dataset}: the clips that are most confidently wrong"
        files.save_figure(folder / "errors.png", plot_gallery(shown[:NUM_SHOWN], title=title))
    return tuple(lines)
