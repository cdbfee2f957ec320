"""Annotation documents of ELAN (.eaf), read.

A document has time slots in milliseconds, some of them without a time, and tiers. A tier's annotations lie between two
slots, or refer to an annotation of the tier above. What has no time of its own gets the one that ELAN shows: slots
without a time lie evenly between the next ones with one, and annotations that subdivide another share its time evenly.
The time of a document is that of its media less their own offsets (TIME_ORIGIN).

lxml reads and writes here: pympi-ling 1.71 leaves slots without a time alone, gives every subdivision the whole time of
its parent and loses references to vocabularies when it writes (findings/pympi_loses_references.sh).

Source: EAFv3.0.xsd, "The EAF annotation format" of MPI, and the document that comes with ELAN.
"""

import dataclasses

from data_pipelines.core.text_files import quote
from data_pipelines.core.wording import name_some
from data_pipelines.label_tools import timeline
from data_pipelines.label_tools.events import Event, Reading
from data_pipelines.label_tools.media import path_of, video_name
from data_pipelines.label_tools.xml_files import read_xml

RESOLUTION = 1e-3
# The kind of tier that holds confidences of the annotations of the tier above.
CONFIDENCE_TYPE = "confidence"
_EXPECTED = "a document of ELAN (.eaf)"
_ASSOCIATION = "Symbolic_Association"


@dataclasses.dataclass(frozen=True)
class Annotation:
    """An annotation of a tier: between two slots, or at another annotation, `parent`, after `previous`."""

    name: str
    value: str
    line: int
    slots: tuple = ()
    parent: str = ""
    previous: str = ""


def read(path, rules):
    """Reading of a document, see `ReadRules`."""
    reading = Reading(RESOLUTION)
    root, problems = read_xml(path, _EXPECTED)
    reading.tell(problems)
    if problems:
        return reading
    header = root.find("HEADER")
    if root.tag != "ANNOTATION_DOCUMENT" or header is None or root.find("TIME_ORDER") is None:
        reading.fault(path, 0, f"the root is {root.tag}", f"expected {_EXPECTED}")
        return reading
    if (unit := header.get("TIME_UNITS", "milliseconds")) != "milliseconds":
        reading.fault(path, header.sourceline, f"times are {unit}", "save the document in a newer ELAN: milliseconds")
        return reading
    document = Document(root, path, reading)
    piece = _piece(header, path, rules, reading)
    confidences = document.confidences()
    events = []
    for tier in document.tiers:
        if document.types.get(tier) == CONFIDENCE_TYPE:
            continue
        for annotation in document.tiers[tier]:
            span = document.span(annotation.name)
            if span is None:
                text = f"tier {tier!r}: the annotation {annotation.name}, {quote(annotation.value)}, has no time"
                expected = "align it in ELAN, or delete it"
                reading.fault(path, annotation.line, text, expected, observation="", tier=tier)
                continue
            label, confidence = annotation.value, confidences.get(annotation.name)
            event = Event(
                span[0] / 1000, span[1] / 1000, label, tier, confidence, "", f"tier {tier!r}", annotation.line
            )
            if event.is_point:
                expected = "drag it open in ELAN, or delete it"
                reading.fault(path, event.line, f"{event.text} has no length", expected, observation="", tier=tier)
            else:
                events.append(event)
    timeline.place(reading, events, [piece], path)
    return reading


class Document:
    """Tiers of a document, and when their annotations are."""

    def __init__(self, root, path, reading):
        """Reads slots and tiers; what is wrong with them goes to a Reading as Faults."""
        self._path, self._reading = path, reading
        self._slots = {slot.get("TIME_SLOT_ID"): self._time(slot) for slot in root.iterfind("TIME_ORDER/TIME_SLOT")}
        constraints = {
            kind.get("LINGUISTIC_TYPE_ID"): kind.get("CONSTRAINTS") for kind in root.iterfind("LINGUISTIC_TYPE")
        }
        self.types, self.tiers, self._of = {}, {}, {}
        self._constraints = {}
        for tier in root.iterfind("TIER"):
            name = tier.get("TIER_ID")
            if name is None:
                reading.fault(path, tier.sourceline, "a tier without TIER_ID", "save the document in ELAN again")
                continue
            self.types[name] = tier.get("LINGUISTIC_TYPE_REF")
            self._constraints[name] = constraints.get(self.types[name])
            self.tiers[name] = [self._annotation(node, name) for node in tier.iterfind("ANNOTATION/*")]
            self._of |= {annotation.name: (name, annotation) for annotation in self.tiers[name]}
        self._spread_slots()
        self._spans, self._parts = {}, self._divisions()

    def confidences(self):
        """{name of an annotation: confidence} of tiers that hold them."""
        found = {}
        for tier, annotations in self.tiers.items():
            if self.types[tier] != CONFIDENCE_TYPE:
                continue
            for annotation in annotations:
                try:
                    found[annotation.parent] = float(annotation.value)
                except ValueError:
                    text = f"tier {tier!r}: the confidence is {quote(annotation.value)}"
                    self._reading.fault(self._path, annotation.line, text, "expected a number", observation="")
        return found

    def span(self, name):
        """(start, end) in milliseconds of an annotation, or None where it has no time."""
        if name not in self._spans:
            self._spans[name] = None  # of one that refers to itself
            self._spans[name] = self._find_span(name)
        return self._spans[name]

    def _find_span(self, name):
        tier, annotation = self._of.get(name, (None, None))
        if annotation is None:
            return None
        if annotation.slots:
            times = [self._slots.get(slot) for slot in annotation.slots]
            return None if None in times else tuple(times)
        parent = self.span(annotation.parent)
        if parent is None or self._constraints[tier] == _ASSOCIATION:
            return parent
        siblings = self._parts[tier, annotation.parent]
        place, width = siblings.index(name), (parent[1] - parent[0]) / len(siblings)
        return parent[0] + place * width, parent[0] + (place + 1) * width

    def _time(self, slot):
        text = slot.get("TIME_VALUE")
        if text is None:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 12:
            found = f"the time slot {slot.get('TIME_SLOT_ID')} is at {quote(text)}"
            self._reading.fault(self._path, slot.sourceline, found, "expected whole milliseconds of 0 or more")
            return None
        return int(text)

    def _annotation(self, node, tier):
        name, value = node.get("ANNOTATION_ID"), node.findtext("ANNOTATION_VALUE") or ""
        if node.tag == "ALIGNABLE_ANNOTATION":
            slots = (node.get("TIME_SLOT_REF1"), node.get("TIME_SLOT_REF2"))
            if missing := [slot for slot in slots if slot not in self._slots]:
                found = f"tier {tier!r}: the annotation {name} refers to {name_some(map(str, missing))}"
                self._reading.fault(self._path, node.sourceline, found, "no such time slot", observation="", tier=tier)
            return Annotation(name, value, node.sourceline, slots)
        parent, previous = node.get("ANNOTATION_REF", ""), node.get("PREVIOUS_ANNOTATION", "")
        return Annotation(name, value, node.sourceline, (), parent, previous)

    def _spread_slots(self):
        """Gives slots without a time one between their neighbours in the chain of a tier's annotations."""
        for annotations in self.tiers.values():
            after = dict(annotation.slots for annotation in annotations if annotation.slots)
            ends = set(after.values())
            for first in [slot for slot in after if self._slots.get(slot) is not None or slot not in ends]:
                chain = [first]
                while chain[-1] in after and (len(chain) == 1 or self._slots.get(chain[-1]) is None):
                    chain.append(after[chain[-1]])
                    if len(chain) > len(after) + 1:
                        break
                low, high = self._slots.get(chain[0]), self._slots.get(chain[-1])
                if len(chain) > 2 and low is not None and high is not None:
                    step = (high - low) / (len(chain) - 1)
                    self._slots |= {slot: low + number * step for number, slot in enumerate(chain[1:-1], 1)}

    def _divisions(self):
        """{(tier, annotation above): names of the annotations that divide it, in order}."""
        groups = {}
        for tier, annotations in self.tiers.items():
            for annotation in annotations:
                if annotation.parent:
                    groups.setdefault((tier, annotation.parent), []).append(annotation)
        return {key: _in_order(group) for key, group in groups.items()}


def _in_order(annotations):
    """Names of annotations, each after its previous one; those that tell none keep their order."""
    after = {annotation.previous: annotation.name for annotation in annotations if annotation.previous}
    names = {annotation.name for annotation in annotations}
    ordered = []
    for annotation in annotations:
        name = annotation.name if annotation.previous not in names else None
        while name and name not in ordered:
            ordered.append(name)
            name = after.get(name)
    return ordered + [annotation.name for annotation in annotations if annotation.name not in ordered]


def videos_of(header):
    """The media descriptors of a document, those of videos first."""
    found = list(header.iterfind("MEDIA_DESCRIPTOR"))
    return sorted(found, key=lambda one: not one.get("MIME_TYPE", "").startswith("video"))


def media_of(descriptor):
    """The path of the file of a media descriptor."""
    return path_of(descriptor.get("MEDIA_URL") or descriptor.get("RELATIVE_MEDIA_URL") or "")


def _piece(header, path, rules, reading):
    """The Piece of the video of a document; without media it is called as the document."""
    found = videos_of(header)
    if not found:
        reading.notes.append(f"{path}: no media are linked: the video is called as the document")
        return timeline.Piece(path.name.removesuffix(".gz").removesuffix(".eaf"))
    if rules.media > len(found):
        names = ", ".join(f"{number}: {media_of(one)}" for number, one in enumerate(found, 1))
        reading.fault(path, header.sourceline, f"no medium {rules.media}", f"--media chooses one: {names}")
        return timeline.Piece(video_name(media_of(found[0])))
    chosen = found[max(rules.media, 1) - 1]
    if len(found) > 1 and not rules.media:
        reading.notes.append(f"{path}: {len(found)} media are linked; the video is {media_of(chosen)!r} (--media)")
    try:
        origin = int(chosen.get("TIME_ORIGIN", "0"))
    except ValueError:
        text = f"the offset of {media_of(chosen)} is {chosen.get('TIME_ORIGIN')!r}"
        reading.fault(path, chosen.sourceline, text, "expected whole milliseconds")
        origin = 0
    media = media_of(chosen)
    return timeline.Piece(video_name(media), -origin / 1000, rules.length_of(media), media)
