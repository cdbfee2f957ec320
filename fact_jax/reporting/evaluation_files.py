"""Files in which an evaluation leaves what its scores depend on, so that a report counts again with the metric itself.

They are JSON with a line per video: compact, and still something that a person can look at.
"""

import json
import pathlib

from fact_jax import files
from fact_jax.types import UserError

VERSION = 1
AGAIN = "Write it again: the command of the run with --mode eval."


def write_evaluation(path, head, videos):
    """Writes such a file: `head` holds for all `videos`, which are dicts with the key "id"; returns its path."""
    lines = ",\n".join(map(json.dumps, videos))
    text = json.dumps({"version": VERSION} | head)[:-1] + ', "videos": [\n' + lines + "\n]}\n"
    return files.atomic_write_text(path, text)


def read_evaluation(path, parse):
    """What `parse` makes of the content of such a file, a dict; whatever it raises means that it is broken.

    Raises:
      UserError: there is no such file, or it is not whole; the message says how to make it.
    """
    try:
        content = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']!r}, expected {VERSION}")
        return parse(content)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing, the run was evaluated by an older version. {AGAIN}") from error
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise UserError(f"{path} cannot be read: {type(error).__name__}: {error}. {AGAIN}") from error


def by_name(videos):
    """Videos, of which each has a `video_id`, in order of it; ValueError without one, or with one twice."""
    found = {}
    for video in videos:
        if found.setdefault(video.video_id, video) is not video:
            raise ValueError(f"video {video.video_id!r} is there twice")
    if not found:
        raise ValueError("it has no videos")
    return tuple(found[video_id] for video_id in sorted(found))
