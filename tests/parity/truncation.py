"""Compares the cutting of training videos with that of the published code, driven by Python's own random numbers."""

import json
import random

import numpy as np

from data_pipelines.localization.truncation import truncate
from tests.parity.report import compare, identical


def check(npz):
    """Checks a loaded file with cases `case{i}/*`; returns a list of rows."""
    rows = []
    for number, options in enumerate(json.loads(str(npz["config"]))["cases"]):
        case = f"case{number}"
        found = truncate(
            options["feat_len"],
            npz[f"{case}/segments"],
            npz[f"{case}/labels"],
            max_length=options["max_seq_len"],
            threshold=options["trunc_thresh"],
            offset=options["feat_offset"],
            crop_ratio=options["crop_ratio"],
            draw=random.Random(options["python_random_seed"]).randint,
        )
        rows += [
            identical(f"{case}/window", np.array([found.start, found.end]), npz[f"{case}/window"]),
            compare(f"{case}/out_segments", found.segments, npz[f"{case}/out_segments"], atol=1e-5),
            identical(f"{case}/out_labels", found.labels, npz[f"{case}/out_labels"]),
        ]
    return rows
