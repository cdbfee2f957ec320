"""How many frames every feature file of a folder has, found without labels."""

import os
import pathlib

from data_pipelines.core.feature_files import FeatureFileError, frames_and_channels, read_header
from data_pipelines.core.problems import Problem
from fact_jax.types import UserError

_SUFFIX = ".npy"


def read_lengths(folder, time_axis=None):
    """({video: frames} of the .npy files of a folder, lines for the user, problems).

    `time_axis` is "first" or "last"; None takes the axis that differs from file to file. A UserError if both do or
    neither does.
    """
    folder, shapes, problems = pathlib.Path(folder), {}, []
    for name in sorted(os.listdir(folder)):
        if not name.endswith(_SUFFIX):
            continue
        try:
            shapes[name.removesuffix(_SUFFIX)] = read_header(folder / name).shape
        except FeatureFileError as error:
            problems.append(Problem(str(folder / name), 0, str(error)))
    if not shapes:
        return {}, [], problems
    notes = []
    if time_axis is None:
        varies = [len({shape[axis] for shape in shapes.values()}) > 1 for axis in (0, 1)]
        if varies[0] == varies[1]:
            example = min(shapes)
            what = "both axes differ from file to file" if varies[0] else "all files have the same shape"
            raise UserError(
                f"{folder}: {what}; {example}{_SUFFIX} is {shapes[example]}. Say which axis is time: --time_axis first "
                "for (frames, channels), --time_axis last for (channels, frames)."
            )
        time_axis = "first" if varies[0] else "last"
        form = "(frames, channels)" if time_axis == "first" else "(channels, frames)"
        notes.append(f"feature files are {form}, as the number of channels is the same in all")
    return {video: frames_and_channels(shape, time_axis)[0] for video, shape in shapes.items()}, notes, problems
