"""What is odd about the classes of annotations: their names and ids, and the videos that have them."""

import collections

from data_pipelines.core.names import DIFFER_ALIKE, alike_names, means_background, slip_of, with_slips
from data_pipelines.core.wording import count, name_some, verb


def class_notes(videos, class_ids, data):
    """Lines about classes that look like one another, and those that are evaluated and never seen in training."""
    alike = alike_names(class_ids)
    for names in alike:
        yield f"the classes {', '.join(map(repr, names))} {DIFFER_ALIKE} and are used as different ones"
    counts = [collections.Counter(int(n) for video in videos[s] for n in video.labels) for s in ("train", "test")]
    nothing = [name for name, number in class_ids.items() if means_background(name) and counts[0][number]]
    if nothing:
        names = ", ".join(map(repr, nothing))
        yield (
            f"{names} {verb(nothing, 'are')} learned and scored as {count(nothing, 'action')}: does the name mean that "
            "nothing happens? What lies between segments needs no annotation"
        )
    unseen = [name for name, number in class_ids.items() if counts[1][number] and not counts[0][number]]
    if data.num_classes == 1:
        return
    if unseen:
        segments = sum(counts[1][class_ids[name]] for name in unseen)
        of = f"{count(unseen, 'class')} of {count(segments, 'test segment')}"
        learned = [name for name, number in class_ids.items() if counts[0][number]]
        yield f"{of} {verb(unseen, 'have')} no training segment: {name_some(with_slips(unseen, learned))}"
    tested = [name for name, number in class_ids.items() if counts[1][number]]
    told = {name for names in alike for name in names}
    slips = {
        name: guess
        for name, number in class_ids.items()
        if name not in told and counts[0][number] and not counts[1][number] and (guess := slip_of(name, tested))
    }
    if slips:
        of = f"{count(slips, 'class')} without a test segment {verb(slips, 'have')} nearly the name of another"
        yield f"{of}: {name_some(with_slips(slips, tested))}"
    ids = set(class_ids.values())
    num_ids = data.num_classes or max(ids, default=-1) + 1
    empty = [str(number) for number in range(num_ids) if number not in ids]
    if empty:
        hint = "; are the ids counted from 1?" if min(ids, default=0) == 1 else ""
        of = f"{len(empty)} of {count(num_ids, 'class id')}"
        yield f"{of} {verb(empty, 'have')} no annotation: {name_some(empty)}{hint}"
