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
    """Writes such a file; returns its path.

    Args:
      path: file name.
      head: dict, what holds for all videos.
      videos: dicts with the key "id".
    """
    lines = ",\n".join(map(json.dumps, videos))
    text = json.dumps({"version": VERSION} | head)[:-1] + ', "videos": [\n' + lines + "\n]}\n"
    return files.atomic_write_text(path, text)


def read_evaluation(path, parse):
    """Reads such a file.

    Args:
      path: file name.
      parse: takes its content, a dict; what it raises, it raises because the content is broken.

    Returns:
      What `parse` returns.

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
    """Videos, of which each has a `video_id`, in order of it; at least one.

    Raises:
      ValueError: there is none, or one of them twice.
    """
    found = {}
    for video in videos:
        if video.video_id in found:
            raise ValueError(f"video {video.video_id!r} is there twice")
        found[video.video_id] = video
    if not found:
        raise ValueError("it has no videos")
    return tuple(found[video_id] for video_id in sorted(found))
