"""What the packets of H.264 say about themselves: whether others need them, and whether decoding can begin with them.

A packet holds units, each after its length; see `length_size`.
"""

_SLICES, _IDR, _MESSAGES = range(1, 6), 5, 6
# Supplemental messages, access unit delimiter and filler: nothing that later packets need, as parameter sets are.
_HARMLESS = (_MESSAGES, 9, 12)
_RECOVERY_POINT = 6


def length_size(extradata):
    """Bytes of the length before every unit of a packet, from the codec's extra data (avcC); 0 for other layouts."""
    return (extradata[4] & 3) + 1 if extradata and len(extradata) >= 7 and extradata[0] == 1 else 0


def is_unreferenced(packet, num_bytes):
    """Whether a packet, bytes-like, holds nothing but a picture to which no other refers (nal_ref_idc 0)."""
    slices = 0
    for unit in _units(packet, num_bytes):
        kind, referenced = unit[0] & 31, unit[0] >> 5 & 3
        if kind in _SLICES and not referenced:
            slices += 1
        elif kind not in _HARMLESS:
            return False
    return slices > 0


def begins_anew(packet, num_bytes):
    """Whether all that is shown from this packet on is exact if decoding begins here.

    That is an IDR picture, or one that says so of itself. A recovery point whose pictures come right only after a
    while, as in streams that refresh column by column, is called a key frame as well, but is none.
    """
    for unit in _units(packet, num_bytes):
        kind = unit[0] & 31
        if kind == _IDR or (kind == _MESSAGES and _recovers_at_once(unit)):
            return True
    return False


def _units(packet, num_bytes):
    data, place = memoryview(packet), 0
    while place + num_bytes < len(data):
        start = place + num_bytes
        place = start + int.from_bytes(data[place:start], "big")
        if place == start:
            return
        yield data[start:place]


def _recovers_at_once(unit):
    """Whether supplemental messages have a recovery point of 0 frames that says it is exact."""
    place = 1
    while place + 2 < len(unit):
        numbers = []
        for _ in ("kind", "length"):
            number = 0
            while place < len(unit) and unit[place] == 0xFF:
                number, place = number + 255, place + 1
            numbers.append(number + (unit[place] if place < len(unit) else 0))
            place += 1
        # The first bit says 0 frames, the second one "exact".
        if numbers[0] == _RECOVERY_POINT and place < len(unit):
            return unit[place] >> 6 == 3
        place += numbers[1]
    return False
