"""What .github/SECURITY.md says: nothing is pickled, evaluated or sent, and caches are private."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from fact_jax import files
from tests.data_pipelines import folders

ROOT = pathlib.Path(__file__).resolve().parents[1]


def test_a_result_takes_the_place_of_a_link(tmp_path):
    (tmp_path / "elsewhere").write_text("untouched")
    (tmp_path / "result.txt").symlink_to("elsewhere")
    files.atomic_write_text(tmp_path / "result.txt", "new")
    assert (tmp_path / "elsewhere").read_text() == "untouched"
    assert (tmp_path / "result.txt").read_text() == "new" and not (tmp_path / "result.txt").is_symlink()


PROGRAM = """
import pickle, runpy, sys
from tests.data_pipelines.dirty import watch

def note(*arguments, **options):
    watch._seen.append("something was pickled")

if sys.argv[1] == "watched":
    pickle.load = pickle.loads = pickle.dump = pickle.dumps = note
    watch._allowed = ("/",)
sys.argv[:] = ["main.py", *sys.argv[2:]]
code = 0
try:
    runpy.run_path("main.py", run_name="__main__")
except SystemExit as stop:
    code = stop.code or 0
assert not watch._seen, watch._seen
sys.exit(code)
"""


def without_network():
    """The start of a command line that has no network, or []."""
    unshare = shutil.which("unshare")
    works = unshare and subprocess.run([unshare, "-rn", "true"], capture_output=True).returncode == 0
    return [unshare, "-rn"] if works else []


COPY = """
import sys
from tests.data_pipelines import folders
from tests.data_pipelines.dirty import watch
from data_pipelines.segmentation.sources import open_sources

watch._allowed = ("/",)
sources = open_sources(folders.settings(sys.argv[1], reader="tfds", tfds_dir=f"{sys.argv[1]}/tfds", memory_gb=0.0))
assert len([sources.train[index].features for index in range(3)]) == 3
assert not watch._seen, watch._seen
"""


@pytest.mark.slow
def test_a_prepared_copy_needs_no_network(tmp_path):
    folders.write_folder(tmp_path)
    done = subprocess.run(
        [*without_network(), sys.executable, "-c", COPY, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.survival
def test_a_run_and_a_prediction_pickle_nothing_and_need_no_network(tmp_path):
    videos = folders.make_videos([(f"v{index}", 30 + index) for index in range(5)])
    folders.write_folder(tmp_path / "data", videos)
    # TensorBoard's writer hands events from thread to thread as pickles, which reach no file.
    settings = {"data.dir": tmp_path / "data", "train.epochs": 2, "eval.figures": False, "log.tensorboard": False}
    settings |= {"train.batch_size": 2, "model.num_tokens": 40, "model.blocks": "iu"}
    sizes = {"hidden_dim": 16, "frame_dim": 8, "action_dim": 8, "action_ff_dim": 8}
    sizes |= {"frame_layers": 2, "action_layers": 1, "action_heads": 2}
    settings |= {f"model.input_block.{name}": size for name, size in sizes.items()}
    flags = [f"--config.{name}={value}" for name, value in settings.items()]
    run = ["--workdir", str(tmp_path / "run")]
    train = ["--config", "configs/fact_custom.py", *run, *flags]
    predict = [*run, "--mode", "predict", "--input", str(tmp_path / "data" / "features"), "--figures=false"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    for arguments in (train, [*run, "--mode", "eval"], predict):
        done = subprocess.run(
            [*without_network(), sys.executable, "-c", PROGRAM, "watched", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix in (".pkl", ".pickle", ".pt")]
    assert not written and len(list((tmp_path / "run" / "predictions").glob("v*.json"))) == 5
    # Results are JSON, text, NumPy's arrays and Orbax's; none begins as a pickle does.
    for path in (tmp_path / "run").rglob("*"):
        if path.is_file() and "checkpoints" not in path.parts:
            assert not path.read_bytes().startswith(b"\x80\x04")
