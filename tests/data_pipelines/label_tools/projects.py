"""Small files of BORIS and ELAN, written as these tools write them."""

import json

SLOTS = {"ts1": 1000, "ts2": 1000, "ts3": None, "ts4": None, "ts5": 4000, "ts6": 4000, "ts7": 9000}
CODES = {"walk": "State event", "rest": "State event", "call": "Point event"}


def boris(path, observations, codes=None):
    """A project of {name: observation}, see `observation`."""
    codes = CODES if codes is None else codes
    project = {
        "time_format": "hh:mm:ss",
        "project_format_version": "7.0",
        "subjects_conf": {"0": {"key": "1", "name": "Ada", "description": ""}},
        "behaviors_conf": {str(n): {"type": kind, "code": code} for n, (code, kind) in enumerate(codes.items())},
        "observations": observations,
    }
    path.write_text(json.dumps(project))
    return path


def observation(events, media=("day1.mp4",), lengths=None, **more):
    """An observation of player 1; `lengths` are seconds by name. Events are (seconds, subject, code[, modifiers])."""
    rows = [[*event, "", ""][:5] if len(event) < 5 else list(event) for event in events]
    info = {"length": lengths or {}, "fps": {}, "offset": {"1": 0.0, "2": 0.0}}
    info |= more.pop("info", {})
    told = {"file": {"1": list(media), "2": []}, "type": "MEDIA", "time offset": 0.0, "media_info": info}
    return told | {"events": rows} | more


def elan(path, tiers, slots, media=('<MEDIA_DESCRIPTOR MEDIA_URL="file:///v/talk%20one.mp4" MIME_TYPE="video/mp4"/>',)):
    """A document of tiers as XML text and time slots {id: milliseconds or None}."""
    times = [f'TIME_VALUE="{time}"' if time is not None else "" for time in slots.values()]
    listed = "".join(f'<TIME_SLOT TIME_SLOT_ID="{name}" {time}/>' for name, time in zip(slots, times, strict=True))
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ANNOTATION_DOCUMENT AUTHOR="" DATE="2026-12-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">\n'
        f'<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">{"".join(media)}</HEADER>\n'
        f"<TIME_ORDER>{listed}</TIME_ORDER>\n{tiers}\n"
        '<LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="free" TIME_ALIGNABLE="true"/>\n'
        '<LINGUISTIC_TYPE CONSTRAINTS="Time_Subdivision" GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="timesub" '
        'TIME_ALIGNABLE="true"/>\n'
        '<LINGUISTIC_TYPE CONSTRAINTS="Symbolic_Subdivision" GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="symsub" '
        'TIME_ALIGNABLE="false"/>\n'
        '<LINGUISTIC_TYPE CONSTRAINTS="Symbolic_Association" GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="assoc" '
        'TIME_ALIGNABLE="false"/>\n'
        + "".join(
            f'<CONSTRAINT DESCRIPTION="a" STEREOTYPE="{name}"/>\n'
            for name in ("Time_Subdivision", "Symbolic_Subdivision", "Symbolic_Association")
        )
        + "</ANNOTATION_DOCUMENT>\n"
    )
    return path


def tier(name, *annotations, kind="free", parent=None):
    """XML of a tier of (id, value, slot, slot) and (id, value, annotation above[, previous])."""
    rows = []
    for number, value, *where in annotations:
        if kind in ("free", "timesub"):
            at, tag = f'TIME_SLOT_REF1="{where[0]}" TIME_SLOT_REF2="{where[1]}"', "ALIGNABLE_ANNOTATION"
        else:
            at, tag = f'ANNOTATION_REF="{where[0]}"', "REF_ANNOTATION"
            at += f' PREVIOUS_ANNOTATION="{where[1]}"' if len(where) > 1 else ""
        value = f"<ANNOTATION_VALUE>{value}</ANNOTATION_VALUE>"
        rows.append(f'<ANNOTATION><{tag} ANNOTATION_ID="{number}" {at}>{value}</{tag}></ANNOTATION>\n')
    above = f'PARENT_REF="{parent}" ' if parent else ""
    return f'<TIER LINGUISTIC_TYPE_REF="{kind}" {above}TIER_ID="{name}">\n{"".join(rows)}</TIER>\n'
