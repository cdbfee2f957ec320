"""Checksums that tell one dataset from another without reading any features."""

import hashlib

import numpy as np


def labels_fingerprint(sources):
    """SHA-256 over ids and `full_labels` of all videos of some sources."""
    digest = hashlib.sha256()
    for source in sources:
        for index, video_id in enumerate(source.video_ids):
            digest.update(f"{video_id}\n".encode())
            digest.update(np.ascontiguousarray(source.full_labels(index), np.int32).tobytes())
    return digest.hexdigest()


def label_checksums(sources):
    """Checksum by video id of its `full_labels` and of the lists that it is in, whose names are those of `sources`."""
    digests = {}
    for name, source in sources.items():
        for index, video_id in enumerate(source.video_ids):
            digest = digests.setdefault(video_id, hashlib.sha256())
            digest.update(f"{name}\n".encode())
            digest.update(np.ascontiguousarray(source.full_labels(index), np.int32).tobytes())
    return {video_id: digest.hexdigest()[:16] for video_id, digest in digests.items()}


def transcripts_fingerprint(transcripts):
    """SHA-256 over given transcripts, a dict from video id to int [S]; "" for None: they come from the labels."""
    if transcripts is None:
        return ""
    digest = hashlib.sha256()
    for video_id in sorted(transcripts):
        digest.update(f"{video_id}\n{transcripts[video_id].tolist()}\n".encode())
    return digest.hexdigest()
