"""Faulty files as a user meets them: the whole program, its exit code and what it prints."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.data_pipelines.dirty import feature_faults, other_cases, text_faults
from tests.data_pipelines.dirty.dataset import Dataset
from tests.inference import runs

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.survival


def dirty(base, **faults):
    """A dataset folder with faults: features__v0="nan", labels__w1="utf16", splits__test="crlf", mapping="bom"."""
    dataset = Dataset(base).write()
    tables = {
        "features": (feature_faults.FEATURES, dataset.feature_file),
        "labels": (text_faults.LABELS, dataset.label_file),
        "splits": (text_faults.SPLITS, dataset.split_file),
        "mapping": (text_faults.MAPPING, lambda _: dataset.mapping_file),
    }
    for key, name in faults.items():
        kind, _, target = key.partition("__")
        table, file = tables[kind]
        table[name].apply(file(target), dataset.canary)
    return dataset


def train(base, **faults):
    options = "--config configs/fact_custom.py --config.data.length_tolerance=2"
    return f"main.py {options} --config.data.dir={dirty(base, **faults).root} --workdir {base}/run"


def tool(name):
    def arguments(base, **faults):
        output = f"{base}/work/{'config.py' if name == 'write_config' else 'inspection'}"
        return f"-m data_pipelines.{name} {dirty(base, **faults).root} --output {output} --length_tolerance 2"

    return arguments


def predict(base, **files):
    """Prediction with a tiny model of 5 channels: a sound file and these, names and faults."""
    runs.write_run(base / "run", runs.make_config(), {1: 10.0})
    (base / "data").mkdir()
    rng = np.random.default_rng(0)
    for name in ("good one", *files):
        np.save(base / "data" / f"{name}.npy", rng.normal(size=(runs.FEATURE_DIM, 20)).astype(np.float32))
    for name, fault in files.items():
        feature_faults.FEATURES[fault].apply(base / "data" / f"{name}.npy", base / "CANARY")
    return f"main.py --workdir {base}/run --mode predict --input {base}/data --output {base}/predicted --figures=false"


def convert(base, fault):
    other_cases.torch_saved(other_cases.torch_tensors)(base / "weights.pth")
    other_cases.WEIGHTS[fault].apply(base / "weights.pth", base / "CANARY")
    options = "--mode convert --config configs/fact_custom.py"
    return f"main.py {options} --checkpoint {base}/weights.pth --workdir {base}/run"


def yaml(base, fault):
    (base / "theirs.yaml").write_text(other_cases.PUBLISHED)
    other_cases.YAML[fault].apply(base / "theirs.yaml", base / "CANARY")
    return f"main.py --config {base}/theirs.yaml --workdir {base}/run"


def record(base, content):
    (base / "run").mkdir()
    (base / "run" / "config.json").write_text(content)
    return f"main.py --workdir {base}/run --mode eval"


# name -> (what makes the command line, its options, exit code, what is printed).
COMMANDS = {
    "training on many faults": (
        train,
        dict(
            features__v0="fifo",
            features__w1="nan",
            features__v2="endless_header",
            labels__v1="utf16",
            labels__w0="table",
        ),
        2,
        r"(?s)has 15 problems:.*v1.txt\n +1\. text in UTF-16; save it as UTF-8.*w0.txt.*more unknown labels.*v0.npy\n"
        r" +\d+\. file cannot be read \(not a regular file\).*v2.npy\n.*4294967295 bytes.*w1.npy\n.*1 NaN value",
    ),
    "training without a class list": (
        train,
        {"mapping": "zero_byte"},
        2,
        r"mapping.txt\n +1\. line 2: control character '\\x00'; expected a text",
    ),
    "writing a config": (
        tool("write_config"),
        {"mapping": "bom_and_crlf", "labels__v1": "crlf"},
        0,
        "wrote .*config.py",
    ),
    "writing no config": (
        tool("write_config"),
        {"splits__test": "parent"},
        2,
        "'../features/w1.txt'; expected a video name without",
    ),
    "inspecting": (tool("inspect_dataset"), {"labels__v2": "million"}, 1, "41 frames of features for 1000000 labels"),
    "predicting": (
        predict,
        {"v1": "pickled_array", "v2": "device", "v3": "signs", "v4": "wide"},
        1,
        r"(?s)predicted 1 videos.*4 problems.*v1.npy: pickled Python objects, which are not loaded.*v2.npy: not a "
        r"regular file.*v3.npy: damaged .npy header.*v4.npy: 6 channels",
    ),
    "converting a pickle": (
        convert,
        {"fault": "torch_bomb"},
        2,
        "weights.pth holds objects that are not plain numbers",
    ),
    "converting an archive": (convert, {"fault": "npz_bomb"}, 2, "would take 120000128 in memory"),
    "a published config that is code": (yaml, {"fault": "python_object"}, 2, "theirs.yaml.* nested|theirs.yaml is not"),
    "a published config without end": (yaml, {"fault": "laughs"}, 2, r"theirs.yaml, line \d+: bg_class is a nested"),
    "a record that is none": (record, {"content": "[" * 100_000}, 2, "config.json cannot be read"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_program_says_what_is_wrong(tmp_path, name):
    make, options, code, words = COMMANDS[name]
    if make is convert:
        pytest.importorskip("torch")
    command = [sys.executable, *make(tmp_path, **options).split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    printed = done.stdout + done.stderr
    print(f"exit code {done.returncode}\n{printed}")  # pytest -rP shows it
    assert done.returncode == code, printed
    assert "Traceback" not in printed and re.search(words, printed), printed
    assert not list(tmp_path.rglob("CANARY"))
