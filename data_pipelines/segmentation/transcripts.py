"""Transcripts of videos from text files: which actions a video shows, in their order.

A file VIDEO.txt holds one class name per line: the transcript itself, or the labels of all frames. The two need not be
told apart, because equal names on neighbouring lines count once. Background segments belong to a transcript as any
other class does.
"""

import dataclasses
import pathlib

import numpy as np

from data_pipelines.core.missing_files import HintedFolder
from data_pipelines.core.problems import Problem, count_problems, format_problems
from data_pipelines.segmentation.annotations import read_labels
from data_pipelines.segmentation.label_forms import ADVICE, ONE_PER_FRAME
from fact_jax.files import why_no_folder
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import UserError


def read_transcript(path, class_ids):
    """Reads the transcript of one video from a text file with one class name per line.

    Returns (int32 [S], no class twice in a row; problems). With problems, one for every unknown name, S is 0.
    """
    labels, problems = read_labels(path, class_ids)
    if not problems:
        return frames_to_segments(labels)[0].astype(np.int32), []
    of_the_file = [
        dataclasses.replace(problem, expected=_in_order(problem.expected))
        for problem in problems
        if problem.found == "no labels" or problem.expected in ADVICE
    ]
    return np.zeros(0, np.int32), of_the_file or problems


def _in_order(advice):
    """What is expected of a transcript, from the advice on a label file of the same form."""
    rest = advice.removeprefix(ONE_PER_FRAME)
    return f"expected one class name per line, in the order of the actions{',' * rest.startswith(' ')}{rest}"


def collect_transcripts(folder, video_ids, class_names):
    """Reads `folder`/VIDEO.txt of several videos, as far as they can be read: ({video id: int32 [S]}, problems)."""
    folder = pathlib.Path(folder)
    if reason := why_no_folder(folder):
        return {}, [Problem(str(folder), 0, f"folder of transcripts {reason}", "see config.data.transcript_dir")]
    hinted = HintedFolder(folder, ".txt", "expected one .txt file per video to evaluate or predict")
    class_ids = {name: class_id for class_id, name in enumerate(class_names)}
    transcripts, problems = {}, []
    for video_id in dict.fromkeys(video_ids):
        transcript, found = read_transcript(folder / f"{video_id}.txt", class_ids)
        if not found:
            transcripts[video_id] = transcript
        problems += map(hinted.hint, found)
    return transcripts, problems


def read_transcripts(folder, video_ids, class_names):
    """As `collect_transcripts`, but all must be sound: {video id: int32 [S]}; a UserError names every problem."""
    transcripts, problems = collect_transcripts(folder, video_ids, class_names)
    if problems:
        raise UserError(f"The transcripts in {folder} have {count_problems(problems)}:\n{format_problems(problems)}")
    return transcripts
