"""Reports on runs of temporal action localization."""

import math

import numpy as np

from fact_jax.metrics.localization import AVERAGE
from fact_jax.ops.nms import Detections
from fact_jax.reporting.localization import detection_layout, detection_sets
from fact_jax.reporting.localization import tables as localization_tables
from fact_jax.reporting.report import statistics, thresholds
from fact_jax.reporting.report.detection_sample import DetectionSample
from fact_jax.reporting.report.kind import ReportKind

# Detections of a video and run that are drawn at the most, and at the least where there are very many videos.
MAX_DRAWN, MIN_DRAWN = 40, 10
# Detections on the whole page from which on fewer of each video are drawn; they take some 40 bytes each.
MAX_ON_PAGE = 300_000
# Share of the best score of a video and run that a detection needs to be drawn.
LEAST_SHARE = 0.1
# Lanes of detections beside as many as the true segments of the video take.
MORE_LANES = 2


class LocalizationReport(ReportKind):
    """Actions are found in time; scores are counted from detections and true segments."""

    task = "temporal action localization"
    file = detection_sets.DETECTIONS_FILE
    evidence, truth = "detections", "true segments"
    table_names = ("report_thresholds.csv",)
    first_score = f"mAP@{AVERAGE}"
    class_counts = ("true_segments", "detections")
    seen_by, unseen = ("true_segments",), "have no true segment"
    how_resampled = (
        "a video that is drawn twice counts as two, and scores are computed anew from the detections of each resample, "
        "without the classes of which it has no true segment"
    )
    errors = "mark wrong detections"
    styles = ("page.css", "page_detections.css")
    scripts = ("page_basics.js", "page_timelines.js", "page_detections.js", "page_controls.js")

    def read(self, workdir):
        return detection_sets.read_detections(workdir)

    def comparable(self, evaluated):
        return {
            "datasets": evaluated.dataset,
            "lists of classes": tuple(evaluated.class_names.values()),
            "numbers of the classes": tuple(evaluated.class_names),
            "tIoU of the scores": evaluated.metric.thresholds,
            "numbers of detections of recall": evaluated.metric.top_k,
            "rules for detections of classes without a true segment": _rule_for_others(evaluated),
        }

    def truth_of(self, video):
        return [video.true_labels.tolist(), video.true_segments.tolist()]

    def names(self, metric):
        return metric.main_names()

    def class_scores(self, run):
        state, class_names = run.state, run.evaluated.class_names
        table = localization_tables.per_class(state.metric, state.per_class(), class_names)
        known = {row["class_id"]: row for row in table}
        labels = np.concatenate([video.labels for video in state.videos])
        unknown = dict.fromkeys((name.replace("mAP", "AP") for name in state.metric.names()), math.nan)
        rows = []
        for class_id in class_names:
            row = known.get(class_id) or {"true_segments": 0, "detections": int(np.sum(labels == class_id)), **unknown}
            rows.append({"class_id": class_id} | {name: value for name, value in row.items() if name != "class_name"})
        return rows

    def video_scores(self, run):
        videos, columns = run.evaluated.videos, self.names(run.state.metric)
        score = self.sample(run.state, [video.video_id for video in videos])
        rows = []
        for first in range(0, len(videos), statistics.CHUNK):
            chunk = videos[first : first + statistics.CHUNK]
            for video, values in zip(chunk, score(np.eye(len(chunk), len(videos), first)), strict=True):
                counts = {"true_segments": len(video.true_labels), "detections": len(video.labels)}
                rows.append({"video_id": video.video_id, **counts, **dict(zip(columns, values.tolist(), strict=True))})
        return rows

    def sample(self, state, video_ids):
        score = DetectionSample(state, video_ids)
        places = [state.metric.names().index(name) for name in self.names(state.metric)]
        return lambda weights: score(weights)[:, places]

    def protocol(self, evaluated):
        levels = ", ".join(f"{level:g}" for level in evaluated.metric.thresholds)
        count = len(evaluated.class_names)
        sentences = " ".join(localization_tables.how_scored(evaluated.metric))
        return f"{count} class{'es' * (count != 1)}, tIoU {levels}. {sentences}"

    def classes(self, evaluated):
        return evaluated.class_names

    def page_columns(self, metric):
        return [*_recalls(metric), *(f"AP@{level:.2f}" for level in metric.thresholds), f"AP@{AVERAGE}"]

    def text_columns(self, metric):
        return (f"AP@{AVERAGE}", *_recalls(metric))

    def more_tables(self, groups):
        return dict.fromkeys(self.table_names, thresholds.threshold_rows(groups))

    def more_markdown(self, groups):
        return thresholds.markdown_lines(groups)

    def more_sections(self, groups):
        return {"overlap": thresholds.page_section(groups)}

    def how_drawn(self, groups):
        level = _error_level(groups[0].evaluated.metric)
        return (
            "True segments, and below them the best detections of every run: "
            f"at most {_num_drawn(groups)}, and none with less than {LEAST_SHARE:.0%} of the run's best score in the "
            "video. The stronger the colour, the higher the score. What overlaps a better detection lies in a further "
            "lane, of which there are few. The scores of a video are over the classes that it has. A detection is "
            f"called wrong that takes no true segment at tIoU {level:.2f}."
        )

    def page_settings(self, evaluated):
        """Times are seconds: one "frame" is one of them. "right": the tIoU from which on a detection is right."""
        return {"fps": 1, "right": f"{_error_level(evaluated.metric):.2f}"}

    def page_videos(self, run, groups):
        most, places = _num_drawn(groups), {label: place for place, label in enumerate(run.evaluated.class_names)}
        right, found, first = _right(run), {}, 0
        for video in run.evaluated.videos:
            detections = Detections(video.segments, video.scores, video.labels)
            drawn, chosen = detection_layout.best_detections(detections, most, share=LEAST_SHARE)
            order = np.argsort(video.true_segments[:, 0], kind="stable")
            truth, labels = video.true_segments[order], video.true_labels[order]
            true_lanes = detection_layout.lanes(truth, len(truth))
            lanes = detection_layout.lanes(drawn.segments, MORE_LANES + 1 + int(true_lanes.max(initial=0)))
            kept = lanes >= 0
            own = right[first : first + len(detections.labels)][chosen]
            found[video.video_id] = (
                round(detection_layout.shown_duration(run.evaluated.durations[video.video_id], drawn, truth), 3),
                _flat(places, labels, truth, true_lanes),
                _flat(places, drawn.labels[kept], drawn.segments[kept], lanes[kept], drawn.scores[kept], own[kept]),
            )
            first += len(detections.labels)
        return found


def _rule_for_others(evaluated):
    # Without such detections both rules give the same scores.
    published = evaluated.metric.published_classes and evaluated.state().without_truth()
    return "they count for other classes, as published" if published else "they count for nobody"


def _recalls(metric):
    return [f"Recall@{k}x@{AVERAGE}" for k in metric.top_k]


def _flat(places, labels, segments, lanes, scores=None, right=None):
    flat = []
    for row, label in enumerate(labels.tolist()):
        start, end = segments[row].tolist()
        about = [] if scores is None else [round(float(scores[row]), 3), int(right[row])]
        flat += [places[label], [round(start, 2), round(end, 2), int(lanes[row]), *about]]
    return flat


def _num_drawn(groups):
    """Detections that are drawn of every video and run."""
    total = sum(len(run.evaluated.videos) for group in groups for run in group.runs)
    return min(max(MAX_ON_PAGE // max(total, 1), MIN_DRAWN), MAX_DRAWN)


def _error_level(metric):
    """The tIoU at which errors are shown: the one nearest to a half."""
    return min(metric.thresholds, key=lambda level: abs(level - 0.5))


def _right(run):
    """bool [P], of all detections, one video after the other: whether each takes a true segment."""
    matches, metric = run.state.matches(), run.state.metric
    right = np.zeros(sum(len(video.labels) for video in run.evaluated.videos), bool)
    right[matches.indices] = matches.hits[:, metric.thresholds.index(_error_level(metric))]
    return right
