"""A finished run that is asked for again says which of its data are other than then."""

import re
import shutil

import numpy as np
import pytest

from tests.app.test_experiment import make_config, run, snapshot, toy_task  # noqa: F401 (a fixture)
from tests.data_pipelines import folders


@pytest.mark.parametrize("reader", ["npy", "tfds"])
def test_a_finished_run_says_which_data_are_others(reader, tmp_path):
    root, workdir = tmp_path / "data", tmp_path / "run"
    folders.write_folder(root)
    config = make_config(data__reader=reader, data__dir=str(root))
    run(workdir, config=config)
    results = (workdir / "results.json").read_bytes()

    def warnings():
        code, text = run(workdir, config=config)
        assert code == 0 and "finished: 3 steps" in text and (workdir / "results.json").read_bytes() == results
        return re.findall("warning: (.*)", text)

    before = snapshot(workdir)
    assert warnings() == [] and snapshot(workdir) == before
    other, same = root / "features" / "v1.npy", root / "features" / "v2.npy"
    np.save(other, np.load(other) * np.float32(1.5))
    np.save(same, np.load(same))
    what = "the data are not those of this finished run, whose scores follow"
    found = f"{what}: 1 of 5 videos have other features than the run in {workdir} was trained with: v1"
    assert warnings() == [found]
    label = root / "groundTruth" / "v0.txt"
    label.write_text("\n".join(reversed(label.read_text().splitlines())) + "\n")
    assert warnings() == [f"{what}: 1 video with other labels, or in another list (v0)", found]
    (root / "groundTruth" / "v3.txt").unlink()
    [line] = warnings()
    assert line == (
        "the data of this finished run cannot be compared with its record: "
        f"The synthetic dataset in {root}, split1, has 1 problem: {root / 'groundTruth' / 'v3.txt'} "
        "1. file is missing; expected one .txt file per video of the split lists"
    )
    shutil.rmtree(root)
    [line] = warnings()
    assert f"config.data.dir is '{root}', which is missing" in line
