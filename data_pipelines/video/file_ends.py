"""Tells from the sizes that a container states itself whether a file ends before it should."""

import os

from fact_jax.files import open_data

# Boxes of MP4 and MOV that stand at the top. The last three hold frames, or the table of frames.
_BOXES = {b"ftyp", b"styp", b"free", b"skip", b"wide", b"uuid", b"sidx", b"ssix", b"prft", b"emsg", b"pnot", b"meta"}
_NEEDED = {b"mdat", b"moof", b"moov"}
_MOST_BOXES = 10_000_000
_UNKNOWN_RIFF = (0, 0xFFFFFFFF)
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def why_cut_off(path):
    """Returns "" or, in words, what an MP4, MOV, AVI, MKV or WebM file lacks at its end.

    Other formats state no size, and give "". Raises OSError as `open_data`.
    """
    with open_data(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(12)
        file.seek(0)
        if start[4:8] in _BOXES | _NEEDED:
            return _of_boxes(file, size)
        if start[:4] == b"RIFF":
            length = int.from_bytes(start[4:8], "little")
            return _of_size(8 + length, size, length in _UNKNOWN_RIFF)
        return _of_ebml(file, size) if start[:4] == _EBML else ""


def _of_size(stated, size, unknown=False):
    if unknown or stated <= size:
        return ""
    return f"the file has {size} of {stated} bytes"


def _of_boxes(file, size):
    found, place = set(), 0
    for _ in range(_MOST_BOXES):
        file.seek(place)
        head = file.read(16)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if name not in _BOXES | _NEEDED:
            break  # the end, or what follows it
        found.add(name)
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0:
            break  # up to the end of the file
        if place + length > size:
            return _of_size(place + length, size) if name in _NEEDED else ""
        if length < 8:
            break
        place += length
    return "" if b"moov" in found else "the table of its frames (moov) is missing"


def _of_ebml(file, size):
    file.seek(4)
    length, _ = _read_size(file)
    file.seek(length or 0, os.SEEK_CUR)
    if file.read(4) != _SEGMENT:
        return ""
    length, unknown = _read_size(file)
    return _of_size(file.tell() + length, size, unknown)


def _read_size(file):
    """(number, whether it means "unknown") of EBML's numbers of 1 to 8 bytes."""
    first = (file.read(1) or b"\0")[0]
    num_bytes = 9 - first.bit_length()
    if num_bytes > 8:
        return 0, True
    value = int.from_bytes(bytes([first & (0xFF >> num_bytes)]) + file.read(num_bytes - 1), "big")
    return value, value == (1 << 7 * num_bytes) - 1
