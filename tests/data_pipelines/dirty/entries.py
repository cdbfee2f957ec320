"""The ways into the program that read a dataset folder, each run on a faulty one and compared with what is expected.

What has to come out is known: exactly the values of the sound dataset, or a message that names exactly the files that
are expected to be named, each with the expected reason.
"""

import contextlib
import dataclasses
import importlib.util
import io
import re

import numpy as np

from data_pipelines import inspect_dataset, write_config
from data_pipelines.segmentation.config import SegmentationDataConfig
from data_pipelines.segmentation.sources import open_sources
from fact_jax.types import UserError
from tests.data_pipelines.dirty.dataset import TOLERANCE, WIDTH

OPTIONS = ["--time_axis", "last", "--length_tolerance", str(TOLERANCE)]


def named_files(message):
    """{path: what is said of it} of a list of problems grouped by file."""
    files, path = {}, None
    for line in message.split("\nExpected files of dataset")[0].splitlines()[1:]:
        if line.startswith("  "):
            files[path] += f"{line}\n"
        elif not line.startswith("... and"):
            path = line
            files[path] = ""
    return files


def check_named(dataset, message, *, values=True, tools=False):
    """Compares a message with the expected one; `values`, `tools`: see `Dataset.refuse`."""
    expected = [entry for entry in dataset.refused if values or not entry[2]["values"]]
    lost = [entry[2]["tools"] for entry in expected if entry[2]["tools"]]
    if tools and lost:
        assert str(dataset.root) in message and re.search(lost[0], message), message
        return
    found = named_files(message)
    for path, words, _ in expected:
        assert path in found, f"{path} is not named:\n{message[:3000]}"
        assert re.search(words, found[path]), f"{words!r} is not said:\n{found[path][:3000]}"
    surplus = found.keys() - {path for path, _, _ in expected} - set(dataset.also)
    assert not surplus, f"named without a fault: {surplus}\n{message[:3000]}"
    assert len(message) < 100_000 and not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", message)


def is_refused(dataset, *, values=True):
    return any(values or not options["values"] for _, _, options in dataset.refused)


def check_sources(dataset, sources):
    """Every number is that of the sound dataset."""
    assert list(sources.class_names) == dataset.class_names and sources.feature_dim == WIDTH
    for subset, names in dataset.splits.items():
        source = getattr(sources, subset)
        assert list(source.video_ids) == names
        for index, name in enumerate(names):
            features, labels = dataset.videos[name]
            video = source[index]
            np.testing.assert_array_equal(np.asarray(video.features), features, err_msg=name)
            np.testing.assert_array_equal(video.full_labels, labels, err_msg=name)


def train(dataset):
    """What training does first, with the .npy files."""
    _open(dataset, dataset.settings(), dataset.base / "work")


def train_from_copy(dataset):
    """The same with a prepared copy, which is written and read."""
    work = dataset.base / "work"
    _open(dataset, dataset.settings(reader="tfds", tfds_dir=str(work / "tfds")), work)


def _open(dataset, settings, workdir):
    if not is_refused(dataset):
        # Read every time, as for a dataset that does not fit into memory.
        check_sources(dataset, open_sources(dataclasses.replace(settings, memory_gb=0.0), workdir))
        return
    message = user_error(open_sources, settings, workdir)
    check_named(dataset, message)


def config(dataset):
    """data_pipelines.write_config, and then the data that the written config names."""
    output = dataset.base / "work" / "my_config.py"
    arguments = [str(dataset.root), *OPTIONS, "--output", str(output)]
    if is_refused(dataset, values=False):
        check_named(dataset, user_error(quiet, write_config.main, arguments), values=False, tools=True)
        assert not output.exists()
        return
    code, _, _ = quiet(write_config.main, arguments)
    assert code == 0
    spec = importlib.util.spec_from_file_location("my_config", output)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _open(dataset, SegmentationDataConfig.parse(module.get_config().data), dataset.base / "work")


def inspection(dataset):
    """data_pipelines.inspect_dataset."""
    output = dataset.base / "work" / "inspection"
    arguments = [str(dataset.root), *OPTIONS, "--check_values", "--output", str(output)]
    try:
        code, _, err = quiet(inspect_dataset.main, arguments)
    except UserError as error:
        # Nothing to show: no lists, or no video whose labels could be read.
        assert is_refused(dataset) and re.search("no video with sound labels|has no lists of", str(error))
        check_named(dataset, str(error), tools=True)
        return
    assert code == int(is_refused(dataset)), err
    if code:
        check_named(dataset, err)
        return
    rows = (output / "videos.csv").read_text("utf-8").splitlines()[1:]
    assert len(rows) == sum(map(len, dataset.splits.values()))
    for name in (name for names in dataset.splits.values() for name in names):
        count = len(dataset.videos[name][1])
        quoted = '"' + name.replace('"', '""') + '"' if re.search('[",\n]', name) else name
        assert any(re.match(rf"{re.escape(quoted)},(train|test),{count},", row) for row in rows), name


ENTRIES = {"train": train, "copy": train_from_copy, "config": config, "inspection": inspection}


def user_error(call, *arguments, **options):
    """The message of the UserError that a call has to raise."""
    try:
        call(*arguments, **options)
    except UserError as error:
        return str(error)
    raise AssertionError("it was accepted")


def quiet(main, arguments):
    """(exit code, standard output, standard error) of a tool."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    return code, out.getvalue(), err.getvalue()
