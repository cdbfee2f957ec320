"""Types shared by every layer of the library: videos, batches and errors a user can act on.

Dimensions, in docstrings and in the annotations of arrays, have one meaning everywhere; words stand for themselves:
B videos, T frames of the feature grid (after temporal down-sampling), N frames at the full label rate, C classes,
D channels that come in and E that go out, h channels of features that blocks exchange, M action tokens, S ground-truth
segments, P predicted segments or detections, F and A class channels of frames and of tokens, H attention heads,
X elements that an attention reads and Y that read them, W windows of L elements; "_" is any number, "*batch" and "..."
any axes. Float[Array, "B T D"] is an array of floating-point numbers with three axes; a letter means one number within
a call. The tests check these annotations.
"""

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np


class UserError(Exception):
    """Something the user can put right: bad input, a mistyped setting, a wrong folder.

    The message says what was found, what was expected and what to do. Programs print it alone and exit with code 2.
    """


@dataclasses.dataclass(frozen=True)
class Video:
    """One labelled video."""

    video_id: str  # unique in its dataset
    features: np.ndarray  # float32 [T, D], after temporal down-sampling; or what np.asarray turns into that
    labels: np.ndarray  # int32 [T], majority label of every down-sampled frame
    full_labels: np.ndarray  # int32 [N], labels at the full rate; N == T when the sample rate is 1


@dataclasses.dataclass(frozen=True)
class VerbNouns:
    """Actions that are pairs of a verb and a noun, as in EPIC-Kitchens: names by id, and the ids of every class."""

    verbs: tuple[str, ...]
    nouns: tuple[str, ...]
    verb_of_action: tuple[int, ...]
    noun_of_action: tuple[int, ...]


class VideoSource(Protocol):
    """A random-access collection of videos; every reader offers this and yields the same examples."""

    video_ids: Sequence[str]  # in file order
    class_names: Sequence[str]  # by class id
    feature_dim: int  # D
    lengths: np.ndarray  # int64 [len(self)], T of every video, known without reading its features

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Video: ...


@dataclasses.dataclass(frozen=True)
class Batch:
    """A padded batch on the host, before it is split over devices.

    `arrays` holds numpy arrays whose first axis is the B rows of the global batch; of several processes each holds the
    rows of its own devices only. In all of them are
      video_mask bool [B] (False: a padded row that may not count anywhere);
      row int32 [B], the row's number in the global batch, which seeds its random numbers;
    and what the task reads, for segmentation
      features float32 [B, T, D]; mask bool [B, T] (a prefix of True); labels int32 [B, T];
      segment_labels int32 [B, S] and segment_mask bool [B, S], the transcript of every video.
    `video_ids` holds one id per row of the global batch, "" for a padded row. `positions` gives the index of each such
    row's video in its source, -1 for a padded row. `first_row` is the row of the global batch that the first one of the
    arrays is. `heavy` names the arrays that hold the videos themselves, such as ("features",) or, of raw video,
    ("frames",) with uint8 [B, T, H, W, 3]: no process sends them to another, and the first one's second axis is T.
    `subset` is the evaluated set that the videos are of, where an evaluation reads several; "" in training.
    """

    arrays: Mapping[str, np.ndarray]
    video_ids: Sequence[str]
    positions: Sequence[int]
    first_row: int = 0
    heavy: tuple[str, ...] = ()
    subset: str = ""

    @property
    def length(self) -> int | None:
        """T, to which the videos are padded; None where no array is heavy."""
        return self.arrays[self.heavy[0]].shape[1] if self.heavy else None

    @property
    def held_ids(self) -> Sequence[str]:
        """The ids of the rows that the arrays hold."""
        return self.video_ids[self.first_row : self.first_row + len(self.arrays["video_mask"])]


def nearest(word: str, options: Iterable[str]) -> str:
    """Returns the option closest in spelling to `word`, or "" when none is close."""
    return next(iter(difflib.get_close_matches(str(word), map(str, options), n=1, cutoff=0.5)), "")


# A type of setting -> what a value of it is, in words.
_KINDS_OF_VALUES = {
    bool: "True or False",
    int: "a whole number",
    float: "a finite number",
    str: "text in quotes",
    tuple: "values in brackets such as (1, 2)",
}


def why_no_value(value: Any, kind: type) -> str:
    """What is expected, in words, where `value` is no value of a setting of this type; "" where it is one.

    Numbers have to be finite, a list will do for a tuple, and types of other settings take everything.
    """
    if kind not in _KINDS_OF_VALUES:
        return ""
    if kind in (int, float):
        types = (int, float) if kind is float else int
        fits = isinstance(value, types) and not isinstance(value, bool) and math.isfinite(value)
    else:
        fits = isinstance(value, (tuple, list) if kind is tuple else kind)
    return "" if fits else _KINDS_OF_VALUES[kind]


def check_choice(name: str, value: str, options: Sequence[str]) -> str:
    """Returns `value` if it is one of `options`; otherwise raises UserError with `name` and the nearest option."""
    if value in options:
        return value
    guess = nearest(value, options)
    hint = f" Did you mean {guess!r}?" if guess else ""
    raise UserError(f"{name} is {value!r}.{hint} Valid values: {', '.join(map(repr, options))}.")
