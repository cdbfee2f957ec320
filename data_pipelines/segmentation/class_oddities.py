"""What is odd about the classes of a dataset: their names, and the videos that have them."""

import numpy as np

from data_pipelines.core.names import alike_lines, alike_names, means_background, slip_of, with_slips
from data_pipelines.core.text_files import quote, read_lines
from data_pipelines.core.wording import count, name_some, verb
from data_pipelines.segmentation.list_oddities import has_all_lists
from data_pipelines.segmentation.verb_nouns import KINDS


def class_notes(index, data, present):
    """Lines about classes that lists do not share, and about videos without any action."""
    names, background = index.class_names, set(data.background_ids)
    notes = _background_notes(names, data, set().union(*present.values()))
    single = {subset: min(ids) for subset, ids in present.items() if len(ids) == 1}
    notes += [f"all {subset} labels are of one class, {quote(names[only])}" for subset, only in single.items()]
    nowhere = sorted(set(range(len(names))).difference(*present.values()))
    if nowhere and has_all_lists(index, data):
        notes.append(f"{count(nowhere, 'class')} of {len(names)} in no video: {name_some(names[i] for i in nowhere)}")
    for subset, ids in present.items():
        unseen = sorted(ids - present.get("train", ids))
        if unseen:
            what = f"{count(unseen, 'class')} of the {subset} videos in no training video"
            learned = [names[i] for i in present["train"]]
            notes.append(f"{what}, cannot be learned: {name_some(with_slips([names[i] for i in unseen], learned))}")
        videos = index.splits[subset]
        idle = [video for video in videos if set(np.unique(index.common_labels(video)).tolist()) <= background]
        if idle and len(idle) < len(videos) and background and not data.evaluate_background:
            of = f"{len(idle)} of {count(videos, f'{subset} video')} {verb(idle, 'have')}"
            notes.append(f"{of} nothing but background: {name_some(idle)}")
    return notes + _slip_notes(names, present)


def _slip_notes(names, present):
    """The line, if any, about classes trained with alone that have nearly the name of one that is evaluated."""
    evaluated = set().union(*(ids for subset, ids in present.items() if subset != "train"))
    tested, alike = [names[i] for i in sorted(evaluated)], {name for group in alike_names(names) for name in group}
    if not tested:
        return []
    alone = [names[i] for i in sorted(present.get("train", set()) - evaluated) if names[i] not in alike]
    slips = [name for name in alone if slip_of(name, tested)]
    if not slips:
        return []
    of = f"{count(slips, 'class')} of training videos alone {verb(slips, 'have')} nearly the name of another"
    return [f"{of}: {name_some(with_slips(slips, tested))}"]


def _background_notes(names, data, used):
    """The line, if any, about classes that count as background and are not called so, or the other way round.

    `used` are the ids of classes that occur.
    """
    counted = [i for i in data.background_ids if 0 <= i < len(names)]
    wrong = [f"{quote(names[i])} ({i})" for i in counted if not means_background(names[i])]
    meant = [f"{quote(name)} ({i})" for i, name in enumerate(names) if means_background(name) and i not in counted]
    setting = f"config.data.background_ids={tuple(map(int, data.background_ids))}"
    if not wrong:
        # Without any, actions are meant to be all there is.
        others = [i for i in sorted(used - {*counted}) if counted and means_background(names[i])]
        if not others:
            return []
        found = ", ".join(f"{quote(names[i])} ({i})" for i in others)
        ids = tuple(sorted({*map(int, counted), *others}))
        return [
            f"{setting} leaves out {found}, learned and scored as {'an action' if len(others) == 1 else 'actions'}: "
            f"does the name mean that nothing happens? config.data.background_ids={ids} counts all as background"
        ]
    if meant:
        found = f"{name_some(wrong)} as background, and {name_some(meant)} as an action"
        return [f"{setting} counts {found}: is that meant?"]
    if data.evaluate_background or len(wrong) < len(counted):
        return []
    counts = f"{setting} counts {name_some(wrong)} as background, which Acc, Edit and F1 then leave out"
    return [f'{counts}; "()" there counts no class so']


def mapping_notes(layout):
    """Lines about the class list and those of verbs and nouns."""
    notes, files = [], {"classes": layout.mapping_file}
    files |= {f"{kind}s": file for kind, file in zip(KINDS, layout.verb_noun_files, strict=True) if file}
    for what, file in files.items():
        rows = [line.split(None, 1) for line in read_lines(file)[0]]
        notes += alike_lines(file, what, {name: number for number, (_, name) in enumerate(rows, 1)})
        if what != "classes" and any(int(text) != number for number, (text, _) in enumerate(rows)):
            notes.append(
                f"{file}: ids are not 0, 1, 2, ...; as published, the lines count: {what} are numbered by them"
            )
    return notes
