"""What the script of the page draws from, as plain lists and dicts."""

import hashlib
import json

import numpy as np

from fact_jax.reporting import colors
from fact_jax.reporting.review.grids import FrameGrid, Media
from fact_jax.reporting.templates import address

# Points of a curve of confidence; a screen has as many columns of pixels.
MOST_POINTS = 4000
# Detections of a video that are shown at first, on average.
SHOWN_AT_FIRST = 10
# Frames per second in which boundaries move where neither the file nor its rate is known.
STEPS_PER_SECOND = 25.0


def page_data(review, media, folder):
    """The data of a page that lies in `folder`.

    Args:
      review: a Review.
      media: {video: Media}; a video may be missing.
      folder: Path, from which the addresses of the videos lead.
    """
    videos = [_video(video, media.get(video.video_id, Media()), folder) for video in review.videos]
    counts = np.bincount(
        np.concatenate([video.predicted.labels for video in review.videos] + [np.zeros(0, np.int64)]),
        minlength=len(review.class_names),
    )
    content = {
        "title": review.title,
        "classes": [
            _class_entry(label, name, review.background) | {"count": int(counts[label])}
            for label, name in enumerate(review.class_names)
        ],
        "threshold": _threshold(review.videos),
        "videos": videos,
    }
    # What somebody corrected belongs to these predictions: of others, it is kept apart.
    told = [content["classes"], [[video[key] for key in ("id", "grid", "predicted")] for video in videos]]
    return content | {"key": hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]}


def _class_entry(label, name, background):
    color, hatch = colors.class_style(label, background)
    look = {"color": color, "text": colors.text_color(color), "hatch": hatch}
    return {"name": name, **look, "background": label in background}


def _threshold(videos):
    """The score from which on detections are shown at first: that of the SHOWN_AT_FIRST-th of a video on average."""
    scores = np.concatenate([video.predicted.scores for video in videos if not video.rows] + [np.zeros(0)])
    scores = np.sort(scores[np.isfinite(scores)])[::-1]
    place = SHOWN_AT_FIRST * len(videos) - 1
    return 0.0 if len(scores) <= place + 1 else float(np.floor(scores[place] * 100) / 100)


def _video(video, media, folder):
    grid, in_seconds, notes = _grid(video, media)
    entry = {
        "id": video.video_id,
        "src": None,
        "seconds": in_seconds,
        "overlapping": not video.rows,
        "notes": [*media.notes, *notes],
    }
    # A timeline in rows is not in step with a video.
    if media.path is not None and in_seconds:
        entry["src"] = address(media.path, folder)
    if video.rows:
        edges = _row_edges(video, media, grid)
        tracks = {
            name: track and _in_frames(track, edges, grid)
            for name, track in (("truth", video.truth), ("predicted", video.predicted))
        }
        lost = len(video.predicted.labels) - len(tracks["predicted"]) // 4
        if lost:
            entry["notes"].append(
                f"{lost} predicted segments are shorter than a frame of the video; they are not shown."
            )
        curve = None if video.confidence is None else _curve(video.confidence, edges, grid)
    else:
        tracks = {"truth": video.truth and _in_seconds(video.truth), "predicted": _in_seconds(video.predicted)}
        curve = None
    return entry | {"grid": grid.encoded(), "curve": curve, **tracks}


def _grid(video, media):
    """(FrameGrid of the page, whether its seconds are known, sentences about it) of a video."""
    if media.grid is not None:
        known = media.edges is not None or not video.rows or video.rows == len(media.grid) or bool(video.fps)
        if known:
            return media.grid, True, []
        why = (
            f"The video has {len(media.grid)} frames and its features {video.rows} rows, and nothing says when the "
            "rows are: neither VIDEO.json beside the features nor the run's data.fps. Time is in rows, and nothing can "
            "be saved."
        )
        return FrameGrid.of_rate(video.rows, 1.0), False, [why]
    if video.rows and media.edges is not None:
        return FrameGrid.of_edges(media.edges), True, []
    if video.rows and video.fps:
        return FrameGrid.of_rate(video.rows, video.fps), True, []
    if video.rows:
        why = "Nothing says how long a row of the features lasts: time is in rows, and nothing can be saved."
        return FrameGrid.of_rate(video.rows, 1.0), False, [why]
    ends = [*video.predicted.bounds[:, 1], *(video.truth.bounds[:, 1] if video.truth else ())]
    duration = max([video.duration, *map(float, ends)], default=0.0)
    fps = video.fps or STEPS_PER_SECOND
    count = max(int(np.ceil(duration * fps - 1e-6)), 1)
    return FrameGrid.of_ticks(np.arange(count), (1.0, fps), duration or 1 / fps), True, []


def _row_edges(video, media, grid):
    """float64 [N + 1], where the rows of a video begin and end, in the seconds of its grid."""
    if media.edges is not None and grid is not None:
        return media.edges
    if video.rows == len(grid):
        return grid.edges
    return np.arange(video.rows + 1) / (video.fps or 1.0)


def _in_frames(track, edges, grid):
    """[class, first frame, frame behind the last, score or None, ...] of every segment that holds a frame."""
    bounds = grid.frames_from(edges[track.bounds])
    bounds[track.bounds == 0] = 0
    bounds[track.bounds == len(edges) - 1] = len(grid)
    return _flat(track, bounds, bounds[:, 1] > bounds[:, 0])


def _in_seconds(track):
    """The same with seconds."""
    return _flat(track, np.round(track.bounds, 6), np.ones(len(track.labels), bool))


def _flat(track, bounds, shown):
    flat = []
    for label, ends, score, is_shown in zip(
        track.labels.tolist(), bounds.tolist(), track.scores.tolist(), shown.tolist(), strict=True
    ):
        if is_shown:
            flat += [label, *ends, None if np.isnan(score) else round(score, 4)]
    return flat


def _curve(confidence, edges, grid):
    """Percent, int, of MOST_POINTS equal numbers of frames at most: the lowest confidence among them."""
    rows = np.searchsorted(edges, grid.times + 1e-6, side="right") - 1
    of_frame = confidence[np.clip(rows, 0, len(confidence) - 1)]
    count = min(len(of_frame), MOST_POINTS)
    starts = np.arange(count) * len(of_frame) // count
    return np.round(100 * np.minimum.reduceat(of_frame, starts)).astype(int).tolist()
