"""The text files of an EPIC-Kitchens folder: class lists, labels at the feature rate and split lists.

A file that is there already is never changed, apart from the split lists, which name the videos finished so far.
"""

from data_pipelines.core.problems import Problem, format_problems
from data_pipelines.core.text_files import read_lines
from data_pipelines.core.wording import count, verb
from data_pipelines.tools.epic_annotations import frame_labels
from fact_jax.files import atomic_write_text
from fact_jax.types import UserError

SPLIT_FILES = {"train": "split1.train", "test": "split1.test"}


def write_class_lists(output, dataset):
    """Writes mapping.txt, verb_mapping.txt and noun_mapping.txt; a UserError if lists of other classes are there."""
    lists = {"mapping.txt": dataset.class_names, "verb_mapping.txt": dataset.verbs, "noun_mapping.txt": dataset.nouns}
    texts = {name: "".join(f"{i} {entry}\n" for i, entry in enumerate(names)) for name, names in lists.items()}
    # All are looked at before the first is written.
    problems = [problem for name, text in texts.items() for problem in _differences(output / name, text)]
    if problems:
        raise UserError(
            f"{output} holds a dataset with other classes:\n{format_problems(problems)}\nChoose another --output, or "
            "leave --verb_classes and --noun_classes out to add features to it."
        )
    for name, text in texts.items():
        if not (output / name).exists():
            atomic_write_text(output / name, text)
    parts = f"{count(dataset.verbs, 'verb')} and {count(dataset.nouns, 'noun')}"
    print(f"{count(dataset.pairs, 'class')} of {parts}, background included")


def write_labels(output, dataset, lengths):
    """Writes the label files of videos, by the frames of their feature files; returns a list of Problem."""
    class_ids = {pair: class_id for class_id, pair in enumerate(dataset.pairs)}
    names, problems, num_cut = dataset.class_names, [], 0
    for video, num_frames in lengths.items():
        actions = dataset.actions[video]
        shown = frame_labels(actions, num_frames)
        classes = [0 if i < 0 else class_ids[actions[i].verb, actions[i].noun] for i in shown]
        path = output / "groundTruth" / f"{video}.txt"
        text = "".join(f"{names[class_id]}\n" for class_id in classes)
        found = _differences(path, text)
        if not found and not path.exists():
            atomic_write_text(path, text)
        problems += found
        outside = [action for action in actions if action.start > num_frames]
        num_cut += sum(action.stop > num_frames + 1 for action in actions) - len(outside)
        if outside:
            first = min(action.start for action in outside)
            of = f"{len(outside)} of {count(actions, 'action')} {verb(outside, 'start')}"
            found = f"{of} after the last frame, {num_frames} (at {first})"
            problems.append(Problem(video, 0, found, "they are not in the labels; check --fps and the features"))
    if num_cut:
        where = "beyond the last frame of the video"
        print(f"{count(num_cut, 'action')} {verb(num_cut, 'last')} {where} and {verb(num_cut, 'are')} cut there")
    return problems


def _differences(path, text):
    """A Problem if a file with other content is there."""
    if not path.exists() or read_lines(path)[0] == text.splitlines():
        return []
    return [Problem(str(path), 0, "a file with other content is there", "delete it to have it written again")]


def write_splits(output, dataset):
    """Lists the videos of either split that have features and labels."""
    for subset, name in SPLIT_FILES.items():
        folders = ((output / "features", ".npy"), (output / "groundTruth", ".txt"))
        there = [
            video
            for video in dataset.videos[subset]
            if all((folder / f"{video}{suffix}").exists() for folder, suffix in folders)
        ]
        atomic_write_text(output / name, "".join(f"{video}\n" for video in there))
        print(f"{name}: {len(there)} of {count(dataset.videos[subset], 'video')}")
