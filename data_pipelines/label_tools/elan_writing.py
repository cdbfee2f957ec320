"""Annotation documents of ELAN (.eaf), written: new ones, and tiers beside those of a document.

In a document of somebody else nothing is changed but what is added: tiers, their type and vocabulary, time slots in the
order of time, and the number of the last annotation.
"""

import datetime
import re

from lxml import etree

from data_pipelines.label_tools.choice import lane_name, lanes, tiers_of
from data_pipelines.label_tools.elan import CONFIDENCE_TYPE
from data_pipelines.video.checks import VIDEO_SUFFIXES

AUTHOR = "data_pipelines.export_labels"
# What may follow what in a document (EAFv3.0.xsd).
_ORDER = (
    "LICENSE", "HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LOCALE", "LANGUAGE", "CONSTRAINT",
    "CONTROLLED_VOCABULARY", "LEXICON_REF", "REF_LINK_SET", "EXTERNAL_REF",
)  # fmt: skip
_MIME = {".mp4": "video/mp4", ".mpg": "video/mpeg", ".mpeg": "video/mpeg", ".mov": "video/quicktime"}
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_SEGMENT_TYPE, _ASSOCIATION, _LANGUAGE = "segments", "Symbolic_Association", "und"


def new_document(media):
    """The root element of a document without tiers, of one media file, "" for none."""
    root = etree.Element("ANNOTATION_DOCUMENT", nsmap={"xsi": _XSI})
    root.set(f"{{{_XSI}}}noNamespaceSchemaLocation", "http://www.mpi.nl/tools/elan/EAFv3.0.xsd")
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    for name, value in (("AUTHOR", AUTHOR), ("DATE", now), ("FORMAT", "3.0"), ("VERSION", "3.0")):
        root.set(name, value)
    header = etree.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    if media:
        suffix = media[media.rfind(".") :].lower()
        usual = "video/*" if suffix in VIDEO_SUFFIXES else "unknown"
        where = {"MEDIA_URL": address(media), "MIME_TYPE": _MIME.get(suffix, usual)}
        if where["MEDIA_URL"].startswith("./"):
            where["RELATIVE_MEDIA_URL"] = where["MEDIA_URL"]
        etree.SubElement(header, "MEDIA_DESCRIPTOR", where)
    etree.SubElement(root, "TIME_ORDER")
    return root


def address(media):
    """What a document calls a file: the address of a path, with "./" before one that is not absolute."""
    if re.match(r"[a-z]{2,}:", media):
        return media
    path = re.sub(r"[^A-Za-z0-9_./:~-]", _escaped, media.replace("\\", "/"))
    if path.startswith("/"):
        return f"file://{path}"
    return f"file:///{path}" if re.match(r"[A-Za-z]:/", path) else f"./{path.replace(':', '%3A')}"


def _escaped(found):
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def add_tiers(root, recording, origin=0):
    """Adds the events of a Recording to a document, one tier for each of theirs; returns names of tiers that exist.

    Nothing is added where there are such. `origin` are milliseconds to take off. Annotations of a tier never overlap:
    what does goes to further tiers. Confidences become tiers below.
    """
    document = _Growing(root, origin)
    wanted = [tier or "labels" for tier in tiers_of([recording])]
    if there := [tier for tier in wanted if tier in document.tier_names]:
        return there
    for tier in tiers_of([recording]):
        events = [event for event in recording.events if event.tier == tier]
        document.add(tier or "labels", events)
    document.finish()
    return []


class _Growing:
    """A document to which tiers are added."""

    def __init__(self, root, origin):
        self._root, self._origin = root, origin
        self.tier_names = {tier.get("TIER_ID") for tier in root.iterfind("TIER")}
        ids = [node.get(key) for node in root.iter() for key in ("ANNOTATION_ID", "TIME_SLOT_ID") if node.get(key)]
        self._last = max((int(found[0]) for name in ids if (found := re.search(r"\d+", name))), default=0)
        self._slots = []  # (milliseconds, its element)
        self._has_entries = root.get("FORMAT", root.get("VERSION", "")) >= "2.8"

    def add(self, tier, events):
        """Adds a tier, with further ones for what overlaps."""
        spans = {}
        for event in events:
            start = round(event.start * 1000) - self._origin
            spans[event] = start, max(round(event.end * 1000) - self._origin, start + 1)
        segment_type, entries = self._segment_type(tier, sorted({event.label for event in events}))
        ordered = sorted(events, key=lambda event: spans[event])
        split = lanes(ordered, spans.get)
        for number, lane in enumerate(split):
            name = lane_name(tier, number)
            element = self._new("TIER", LINGUISTIC_TYPE_REF=segment_type, TIER_ID=name, ANNOTATOR=AUTHOR)
            names = [self._annotate(element, spans[event], event.label, entries.get(event.label)) for event in lane]
            if any(event.confidence is not None for event in lane):
                self._add_confidences(name, lane, names)

    def finish(self):
        """Puts the new time slots where they belong, and notes the last number."""
        order = self._root.find("TIME_ORDER")
        aligned = [
            (int(slot.get("TIME_VALUE")), slot) for slot in order if slot.get("TIME_VALUE", "").lstrip("-").isdigit()
        ]
        at = 0
        for time, slot in sorted(self._slots, key=lambda pair: pair[0]):
            while at < len(aligned) and aligned[at][0] <= time:
                at += 1
            if at < len(aligned):
                aligned[at][1].addprevious(slot)
            else:
                order.append(slot)
        header = self._root.find("HEADER")
        kept = [one for one in header.iterfind("PROPERTY") if one.get("NAME") == "lastUsedAnnotationId"]
        last = kept[0] if kept else etree.SubElement(header, "PROPERTY", NAME="lastUsedAnnotationId")
        last.text = str(self._last)

    def _annotate(self, tier, span, label, entry):
        first, second = (self._slot(time) for time in span)
        name = self._next("a")
        where = {"ANNOTATION_ID": name, "TIME_SLOT_REF1": first, "TIME_SLOT_REF2": second}
        if entry:
            where["CVE_REF"] = entry
        node = etree.SubElement(etree.SubElement(tier, "ANNOTATION"), "ALIGNABLE_ANNOTATION", where)
        etree.SubElement(node, "ANNOTATION_VALUE").text = label
        return name

    def _add_confidences(self, tier, events, names):
        self._type(CONFIDENCE_TYPE, CONSTRAINTS=_ASSOCIATION, TIME_ALIGNABLE="false")
        if not any(one.get("STEREOTYPE") == _ASSOCIATION for one in self._root.iterfind("CONSTRAINT")):
            self._new("CONSTRAINT", STEREOTYPE=_ASSOCIATION, DESCRIPTION="1-1 association with a parent annotation")
        name = self._free(f"{tier} confidence", self.tier_names)
        self.tier_names.add(name)
        element = self._new(
            "TIER", LINGUISTIC_TYPE_REF=CONFIDENCE_TYPE, PARENT_REF=tier, TIER_ID=name, ANNOTATOR=AUTHOR
        )
        for event, parent in zip(events, names, strict=True):
            if event.confidence is not None:
                where = {"ANNOTATION_ID": self._next("a"), "ANNOTATION_REF": parent}
                node = etree.SubElement(etree.SubElement(element, "ANNOTATION"), "REF_ANNOTATION", where)
                etree.SubElement(node, "ANNOTATION_VALUE").text = repr(event.confidence)

    def _segment_type(self, tier, labels):
        """(name of a type of tiers whose vocabulary are these labels, {label: id of its entry})."""
        if not self._has_entries:
            return self._type(f"{_SEGMENT_TYPE} of {tier}"), {}
        if not any(one.get("LANG_ID") == _LANGUAGE for one in self._root.iterfind("LANGUAGE")):
            self._new(
                "LANGUAGE", LANG_ID=_LANGUAGE, LANG_DEF="http://cdb.iso.org/lg/CDB-00130975-001",
                LANG_LABEL="undetermined (und)",
            )  # fmt: skip
        there = {one.get("CV_ID") for one in self._root.iterfind("CONTROLLED_VOCABULARY")}
        vocabulary = self._new("CONTROLLED_VOCABULARY", CV_ID=self._free(tier, there))
        etree.SubElement(vocabulary, "DESCRIPTION", LANG_REF=_LANGUAGE)
        entries = {}
        for label in labels:
            entries[label] = self._next("cve")
            entry = etree.SubElement(vocabulary, "CV_ENTRY_ML", CVE_ID=entries[label])
            etree.SubElement(entry, "CVE_VALUE", LANG_REF=_LANGUAGE).text = label
        name = self._type(f"{_SEGMENT_TYPE} of {tier}", CONTROLLED_VOCABULARY_REF=vocabulary.get("CV_ID"))
        return name, entries

    def _type(self, name, **attributes):
        """The name of a type of tiers, which is added where there is none."""
        if not any(one.get("LINGUISTIC_TYPE_ID") == name for one in self._root.iterfind("LINGUISTIC_TYPE")):
            alignable = {"TIME_ALIGNABLE": "true"} | attributes
            self._new("LINGUISTIC_TYPE", LINGUISTIC_TYPE_ID=name, GRAPHIC_REFERENCES="false", **alignable)
        return name

    def _new(self, tag, **attributes):
        """Adds an element behind its like, where a document may have it."""
        element = etree.Element(tag, attributes)
        before = _ORDER[: _ORDER.index(tag) + 1]
        place = max(number for number, one in enumerate(self._root, 1) if one.tag in before)
        self._root.insert(place, element)
        return element

    def _slot(self, time):
        name = self._next("ts")
        self._slots.append((time, etree.Element("TIME_SLOT", TIME_SLOT_ID=name, TIME_VALUE=str(time))))
        return name

    def _next(self, prefix):
        self._last += 1
        return f"{prefix}{self._last}"

    def _free(self, name, taken):
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name} ({number})"
        return free
