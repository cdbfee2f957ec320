"""Names of the files of features: where they are, which other one may be meant, and which are not read."""

import collections
import dataclasses
import os

from data_pipelines.core.feature_files import FeatureFileError
from data_pipelines.core.missing_files import HintedFolder
from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count, name_some, verb
from data_pipelines.localization.features import NPZ_ARRAY, other_arrays

SUFFIXES = (".npy", ".npz")
# Videos that are looked for under other names, and those found so from which on all are told together.
_MAX_LOOKED_FOR, _ENOUGH = 50, 2
# .npz files that are opened to see what else is in them.
_MAX_OPENED = 100
_MISSING = "file is missing"


def array_lines(paths):
    """A line about what .npz files of features hold beside the array that is read; others are passed over."""
    paths = [path for path in paths if str(path).endswith(".npz")]
    holding, examples = collections.Counter(), {}
    for path in paths[:_MAX_OPENED]:
        for name, value in other_arrays(path).items():
            holding[name] += 1
            examples.setdefault(name, f"{name!r}" + f" ({value} in {os.path.basename(path)})" * bool(value))
    if holding:
        number = max(holding.values())
        first = f"the first {_MAX_OPENED} of " * (len(paths) > _MAX_OPENED)
        of = f"{number} of {first}{count(paths, 'file')} of features {verb(number, 'hold')} more than {NPZ_ARRAY!r}"
        yield f"{of}, which alone is read: {name_some([examples[name] for name, _ in holding.most_common()])}"


def place_of(store, video_id):
    """Where the features of a video are, for messages."""
    streams = getattr(store, "streams", ())
    return next((stream.name(video_id) for stream in streams), video_id)


def place_of_fault(store, video_id):
    """As `place_of`: of several streams the first one whose features of a video cannot be used."""
    for stream in getattr(store, "streams", ()):
        try:
            stream.shape(video_id)
        except FeatureFileError:
            return stream.name(video_id)
    return place_of(store, video_id)


def all_missing(store, videos):
    """The Problem of a subset without any features; `videos` are their names."""
    places = {place_of_fault(store, name): name for name in videos}
    told = hint_at_missing(store, [Problem(place, 0, _MISSING) for place in places], places)
    if len(told) == 1:
        return told[0]
    hint = "see config.data.feature_places, feature_prefix and feature_suffix"
    return Problem(next(iter(places)), 0, f"{_MISSING}, as that of all videos", hint)


def hint_at_missing(store, problems, names, found=()):
    """The list of Problem with what is there instead of missing files; others stay as they are.

    `store` is a FeatureStore, `names` are the videos of the problems by path, and `found` those with features. Where
    most of the missing files of a folder would be there with one other beginning or ending, they are one problem.
    """
    missing = [problem for problem in problems if problem.found == _MISSING]
    for stream in getattr(store, "streams", ()) if missing else ():
        own = {p.path: names[p.path] for p in missing if p.path == str(stream.path(names[p.path]))}
        if stream.is_hdf5 or not own:
            continue
        forms = _other_forms(stream, list(own.values()))
        if forms and forms.most_common(1)[0][1] >= max(_ENOUGH, min(len(own), _MAX_LOOKED_FOR) / 2):
            found = (
                f"the files of {count(own, 'video')} are missing, such as {_name(stream, next(iter(own.values())))!r}"
            )
            told = Problem(str(stream.place), 0, found, _remedy(stream, forms.most_common(1)[0][0]))
            first = next(problem for problem in problems if problem.path in own)
            problems = [told if p is first else p for p in problems if p is first or p.path not in own]
        else:
            otherwise = "see config.data.feature_prefix and feature_suffix"
            folder = HintedFolder(stream.place, stream.suffix, otherwise, {_name(stream, video) for video in found})
            problems = [_hint_at_one(stream, folder, p, own) if p.path in own else p for p in problems]
    return problems


def _hint_at_one(stream, folder, problem, names):
    forms = _other_forms(stream, [names[problem.path]])
    if not forms:
        return folder.hint(problem)
    before, after = forms.most_common(1)[0][0]
    there = f"{stream.place.name} has {before + names[problem.path] + after!r}"
    return dataclasses.replace(problem, expected=there)


def _name(stream, video_id):
    return f"{stream.prefix}{video_id}{stream.suffix}"


def _other_forms(stream, videos):
    """Counter of (what comes before the name of a video, what comes after it) of the files in the folder."""
    try:
        listed = os.listdir(stream.place)
    except OSError:
        return collections.Counter()
    listed = [file for file in listed if file.endswith(SUFFIXES)]
    forms = collections.Counter()
    for video in videos[:_MAX_LOOKED_FOR]:
        found = {tuple(file.split(video, 1)) for file in listed if video in file}
        # Of "v1" a "v10.npy" says nothing.
        forms.update((b, a) for b, a in found if not (b[-1:].isalnum() or a[:1].isalnum()))
    return forms


def _remedy(stream, form):
    before, after = form
    found = f"there is {before}VIDEO{after}"
    if after not in SUFFIXES:
        return f"{found}; expected {stream.prefix}VIDEO{stream.suffix}: rename or link the files"
    changes = {"feature_prefix": (before, stream.prefix), "feature_suffix": (after, stream.suffix)}
    told = [f'config.data.{name}="{new}"' for name, (new, old) in changes.items() if new != old]
    return f"{found}: set {' and '.join(told)}"


def unread_lines(store, videos):
    """Lines about videos, by name, that have a file of the other kind beside the one that is read."""
    for stream in getattr(store, "streams", ()):
        if stream.is_hdf5:
            continue
        other = next(suffix for suffix in SUFFIXES if suffix != stream.suffix)
        both = [v for v in videos if os.path.isfile(stream.place / f"{stream.prefix}{v}{other}")]
        if both:
            of = f"{len(both)} of {count(videos, 'video')} {verb(both, 'have')} a {other} file"
            of += f" beside the {stream.suffix} one"
            chosen = f"config.data.feature_suffix={stream.suffix}"
            yield f"{stream.place}: {of}, which is not read ({chosen}): {name_some(both)}"
