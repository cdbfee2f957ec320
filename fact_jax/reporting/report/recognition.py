"""Reports on runs that recognise clips: scores of every class, and the clips that are most confidently wrong."""

import base64

import numpy as np

from fact_jax.reporting.recognition import score_files
from fact_jax.reporting.recognition import tables as recognition_tables
from fact_jax.reporting.recognition.gallery import most_wrong
from fact_jax.reporting.recognition.naming import head_prefix
from fact_jax.reporting.recognition.writer import error_picture, shown_texts
from fact_jax.reporting.report.kind import ReportKind
from fact_jax.reporting.report.templates import render

MOST_SHOWN = 8  # clips of a run on the page; their pictures take some 30 kB each
_COLUMNS = ("precision", "F1", "Top5", "Top1")


class RecognitionReport(ReportKind):
    """Clips have a class, or a noun and a verb; scores are counted from the ranks of the true ones."""

    task = "action recognition"
    file = score_files.SCORES_FILE
    evidence, truth = "ranks", "labels"
    first_score = "Top1"
    class_counts = ("true_segments", "predicted_clips")
    seen_by, unseen = ("true_segments", "predicted_clips"), "are never true and never predicted"
    how_resampled = "a clip that is drawn twice counts twice"
    errors = "mark errors"
    item, counted = "clip", "clips"
    styles = ("page.css", "page_clips.css")
    scripts = ("page_basics.js", "page_timelines.js", "page_clips.js", "page_controls.js")

    def read(self, workdir):
        return score_files.read_scores(workdir)

    def comparable(self, evaluated):
        return {
            "datasets": evaluated.dataset,
            "things that are recognised": evaluated.metric.heads,
            "lists of classes": tuple(self.classes(evaluated).values()),
        }

    def truth_of(self, video):
        return list(video.labels)

    def names(self, metric):
        return metric.names()

    def class_scores(self, run):
        """As `RecognitionScores.per_class` of all heads; the page and its tables say "segments" for what is counted."""
        rows = []
        for place in range(len(run.evaluated.metric.heads)):
            for row in run.state.per_class(place):
                counts = {"true_segments": row["true_clips"], "predicted_clips": row["predicted_clips"]}
                rows.append({"class_id": len(rows), **counts, **{name: row[name] for name in _COLUMNS}})
        return rows

    def video_scores(self, run):
        return run.state.per_video()

    def sample(self, state, video_ids):
        return state.select(video_ids).resample

    def protocol(self, evaluated):
        metric = evaluated.metric
        titles = [f"{head}s" for head in metric.heads] if len(metric.heads) > 1 else ["classes"]
        classes = [f"{count} {title}" for count, title in zip(metric.num_classes, titles, strict=True)]
        views = sorted({clip.num_views for clip in evaluated.videos})
        seen = f"{views[0]}" if len(views) == 1 else f"{views[0]} to {views[-1]}"
        sentences = " ".join(recognition_tables.how_scored(metric))
        return f"{' and '.join(classes)}, views of a clip: {seen}. {sentences}"

    def classes(self, evaluated):
        heads = evaluated.metric.heads
        names = [
            f"{head_prefix(heads, place)}{name}" for place, own in enumerate(evaluated.class_names) for name in own
        ]
        return dict(enumerate(names))

    def page_columns(self, metric):
        return list(_COLUMNS)

    def text_columns(self, metric):
        return tuple(reversed(_COLUMNS[1:]))

    def more_sections(self, groups):
        shown = [found for group in groups if (found := _gallery(group))["clips"]]
        return {"errors": render("errors.html", galleries=shown)} if shown else {}

    def how_drawn(self, groups):
        heads = groups[0].evaluated.metric.heads
        what = "class" if len(heads) == 1 else " and ".join(heads)
        return f"The {what} of every clip, and below the answers of every run."

    def page_settings(self, evaluated):
        """Without times; "heads": what the parts of a line are."""
        return {"fps": 0, "heads": list(evaluated.metric.heads)}

    def page_videos(self, run, groups):
        offsets = np.cumsum([0, *run.evaluated.metric.num_classes]).tolist()
        found = {}
        for clip in run.evaluated.videos:
            answers = [classes[0] for classes in clip.classes]
            found[clip.video_id] = (len(answers), _line(offsets, clip.labels), _line(offsets, answers))
        return found


def _line(offsets, classes):
    """[class of the page, 1, ...]: a part of a line for every head."""
    return [number for place, label in enumerate(classes) for number in (offsets[place] + label, 1)]


def _gallery(group):
    """Values for a template: of the first run of a group the most confidently wrong clips that have a picture."""
    run, clips = group.runs[0], []
    for clip in most_wrong(run.evaluated.videos, len(run.evaluated.videos)):
        path = error_picture(run.workdir, clip.video_id)
        if path.is_file():
            picture = base64.b64encode(path.read_bytes()).decode("ascii")
            clips.append({"picture": picture, **shown_texts(clip, run.evaluated.class_names)})
        if len(clips) == MOST_SHOWN:
            break
    seed = f", {run.split}, seed {run.seed}" if len(group.runs) > 1 else ""
    return {"title": f"{group.label}{seed}", "clips": clips}
