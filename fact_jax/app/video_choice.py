"""Which videos --mode eval scores, if not those of the run's own evaluations."""

import dataclasses
import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fact_jax import files
from fact_jax.types import UserError, nearest

# The name of an evaluation of named videos; that of a whole subset goes by the subset.
NAMED = "videos"
# Problems and names that are told one by one.
_MOST_TOLD = 50
_MOST_NAMED = 5
_LONGEST = 60  # characters of a name in a message


@dataclasses.dataclass(frozen=True)
class VideoChoice:
    """What --split and --videos say; nothing of both: the run's own evaluations."""

    split: str | None = None  # a subset: "train", "test", or "validation" where the run has one
    videos: tuple[str, ...] = ()  # names of videos, of that subset or of any; or files with a name in every line

    def __bool__(self):
        return self.split is not None or bool(self.videos)


class ChosenVideos(NamedTuple):
    """Videos of a run that are scored together."""

    name: str  # of the evaluation, such as "train"
    title: str  # the same in words
    folder: str  # in the workdir
    by_subset: Mapping[str, tuple[str, ...]]  # names of videos
    notes: tuple[str, ...] = ()  # for the user

    @property
    def video_ids(self) -> list[str]:
        """All of them."""
        return [video for videos in self.by_subset.values() for video in videos]


def choose(choice: VideoChoice, subsets: Mapping[str, Sequence[str]], unlike: Collection[str] = ()) -> ChosenVideos:
    """Finds what was chosen among the videos of a run, which come by subset; a UserError names all that is unknown.

    A name of several subsets is that of the first one, or refused where it is of `unlike`, see
    `app.runs.base.OtherVideos`.
    """
    split, problems = choice.split, []
    if split is not None and split not in subsets:
        guess = nearest(split, subsets)
        hint = f" Did you mean {guess!r}?" if guess else ""
        problems.append(
            f"--split is {split!r}.{hint} This run has {', '.join(map(repr, subsets))}. (Which split of the dataset a "
            "run is of stands in config.data.split.)"
        )
    elif split is not None:
        subsets = {split: subsets[split]}
        if not choice.videos:
            videos = tuple(subsets[split])
            return ChosenVideos(split, f"the {len(videos)} {split} videos", f"eval_{split}", {split: videos})
    place_of: dict[str, str] = {}
    for subset, videos in subsets.items():
        place_of |= {video: subset for video in videos if video not in place_of}
    named, more = _read_names(choice.videos, place_of)
    problems += more + ([] if split else [*_several(named, subsets, unlike)])
    problems += _unknown(named, place_of, f"{split} videos" if len(subsets) == 1 else "videos of this run")
    if problems:
        raise UserError("\n".join(problems))
    return _named(named, place_of, unlike)


def _named(named, place_of, unlike):
    """ChosenVideos of names that are all known; `place_of` gives the subset, which tells those of `unlike` apart."""
    found = list(dict.fromkeys(name for name, _ in named))
    by_subset: dict[str, list[str]] = {}
    for video in found:
        by_subset.setdefault(place_of[video], []).append(video)
    identities = (f"{place_of[video]}/{video}" if video in unlike else video for video in found)
    digest = hashlib.sha256("\n".join(sorted(identities)).encode(errors="surrogatepass")).hexdigest()[:8]
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    title = f"{len(found)} named video{'s' * (len(found) != 1)}: {', '.join(found[:_MOST_NAMED])}{more}"
    doubled = len(named) - len(found)
    notes = (f"{doubled} names of --videos are there twice; every video counts once",) if doubled else ()
    if trained := by_subset.get("train"):
        which = f"{len(trained)} of {len(found)} videos named in --videos: training videos of this run"
        more = f" and {len(trained) - _MOST_NAMED} more" if len(trained) > _MOST_NAMED else ""
        notes += (f"{which} ({', '.join(trained[:_MOST_NAMED])}{more}), whose scores say nothing of new videos",)
    videos = {subset: tuple(videos) for subset, videos in by_subset.items()}
    return ChosenVideos(NAMED, title, f"eval_{NAMED}_{digest}", videos, notes)


def _read_names(entries, known) -> tuple[list[tuple[str, str]], list[str]]:
    """([(name, where it stands)], problems) of --videos: what is no name of a video and is a file is read as a list."""
    named, problems = [], []
    for entry in entries:
        path = Path(entry).expanduser()
        if entry in known or not path.is_file():
            named.append((entry, "--videos"))
            continue
        try:
            lines = files.read_data(path).decode("utf-8-sig").split("\n")
        except OSError as error:
            problems.append(f"{path} cannot be read: {error.strerror}.")
            continue
        except UnicodeDecodeError:
            problems.append(f"{path} is not a text file in UTF-8; expected one video name per line.")
            continue
        names = [(line.strip(), number) for number, line in enumerate(lines, 1) if line.strip()]
        if not names:
            problems.append(f"{path}: no videos; expected one video name per line.")
        # As in split lists, a name may end in .txt.
        named += [(name if name in known else name.removesuffix(".txt"), f"{path}:{number}") for name, number in names]
    return named, problems


def _several(named, subsets, unlike):
    """Yields messages about names of different videos in several subsets, each at its first place."""
    places = {name: place for name, place in reversed(named) if name in unlike}
    for name in list(places)[::-1][:_MOST_TOLD]:
        owners = [subset for subset, videos in subsets.items() if name in videos]
        whose = " and of another ".join(f"{subset} video" for subset in owners)
        which = " or ".join(f"--split {subset}" for subset in owners)
        yield f"{places[name]}: {name[:_LONGEST]!r} is the name of a {whose}: {which} says which is meant."
    if len(places) > _MOST_TOLD:
        yield f"and {len(places) - _MOST_TOLD} more names of different videos"


def _unknown(named, known, what) -> list[str]:
    """Messages about names that no video has, each at its first place."""
    places = {name: place for name, place in reversed(named) if name not in known}
    unknown, problems = list(places)[::-1], []
    for name in unknown[:_MOST_TOLD]:
        guess = nearest(name, known)
        hint = f" Did you mean {guess!r}?" if guess else f" They are {', '.join(list(known)[:_MOST_NAMED])}, ..."
        is_path = places[name] == "--videos" and ("/" in name or "." in name)
        file = " There is no such file either." if is_path else ""
        problems.append(f"{places[name]}: {name[:_LONGEST]!r} is none of the {len(known)} {what}.{hint}{file}")
    if len(unknown) > _MOST_TOLD:
        problems.append(f"and {len(unknown) - _MOST_TOLD} more unknown names")
    return problems
