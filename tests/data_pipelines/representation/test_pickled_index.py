"""Pickled lists are read without PyTorch, and nothing that a file names is run."""

import collections
import os
import pickle
import struct
import sys
import types

import numpy as np
import pytest

from data_pipelines.representation.pickled_index import read_pickle


def write(tmp_path, content):
    path = tmp_path / "list.pkl"
    path.write_bytes(content)
    return path


def refused(tmp_path, content):
    """What is said of a file."""
    value, (problem,) = read_pickle(write(tmp_path, content))
    assert value is None and "expected a list of videos" in problem.expected
    return problem.found


def stored(values):
    """Bytes of a storage as PyTorch wrote it before it had archives."""
    name = {"int64": "LongStorage", "float32": "FloatStorage"}[str(values.dtype)]
    identifier = b"(X\x07\x00\x00\x00storagectorch\n" + name.encode() + b"\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK"
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    parts = [pickle.dumps(part, protocol=2) for part in (0x1950A86A20F9469CFC6C, 1001, system)]
    parts.append(b"\x80\x02" + identifier + bytes([values.size]) + b"NtQ.")
    return b"".join([*parts, pickle.dumps(["0"], protocol=2), struct.pack("<q", values.size), values.tobytes()])


class Tensor:
    """Pickled as PyTorch pickles a tensor."""

    def __init__(self, values, offset=0, shape=None, strides=(1,)):
        self.values, self.offset, self.shape, self.strides = values, offset, shape or values.shape, strides

    def __reduce__(self):
        call = sys.modules["torch._utils"]._rebuild_tensor_v2
        return call, (Storage(self.values), self.offset, self.shape, self.strides, False, collections.OrderedDict())


class Storage:
    def __init__(self, values):
        self.values = values

    def __reduce__(self):
        return sys.modules["torch.storage"]._load_from_bytes, (stored(self.values),)


@pytest.fixture
def named_torch(monkeypatch):
    """Modules that have the names of PyTorch's, for Python's pickler to name them."""
    for module, name in (("torch._utils", "_rebuild_tensor_v2"), ("torch.storage", "_load_from_bytes")):
        made = types.ModuleType(module)
        function = lambda *_: None  # noqa: E731
        function.__module__, function.__name__, function.__qualname__ = module, name, name
        setattr(made, name, function)
        monkeypatch.setitem(sys.modules, module, made)
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_numbers_texts_and_arrays(tmp_path, protocol):
    entry = {"id": np.int64(3), "name": "é", "labels": np.arange(4), "empty": np.zeros(0), "flag": True, "none": None}
    path = write(tmp_path, pickle.dumps(([entry, entry], {0: [1, 2.5], "b": b"\xff"}), protocol=protocol))
    ((first, second), places), problems = read_pickle(path)
    assert problems == [] and places == {0: [1, 2.5], "b": b"\xff"}
    assert first["id"] == 3 and type(first["id"]) is int and first["name"] == "é" and first["flag"] is True
    assert type(first["labels"]) is np.ndarray and first["labels"].tolist() == [0, 1, 2, 3] == second["labels"].tolist()
    assert first["empty"].shape == (0,)


@pytest.mark.parametrize("protocol", [2, 4])
def test_tensors_by_hand(tmp_path, named_torch, protocol):
    tensors = {
        "a": Tensor(np.arange(5)),
        "b": Tensor(np.array([1.5, -1.0], np.float32)),
        "c": Tensor(np.arange(5), 1, (3,)),
    }
    value, problems = read_pickle(write(tmp_path, pickle.dumps(tensors, protocol=protocol)))
    assert problems == []
    assert value["a"].dtype == np.int64 and value["a"].tolist() == [0, 1, 2, 3, 4] and value["c"].tolist() == [1, 2, 3]
    assert value["b"].dtype == np.float32 and value["b"].tolist() == [1.5, -1.0]


def test_tensors_of_torch(tmp_path):
    torch = pytest.importorskip("torch")
    made = {"labels": torch.tensor([0, 0, 2]), "floats": torch.tensor([[0.5], [-1.0]]), "half": torch.arange(6)[3:]}
    for protocol in (2, 4):
        value, problems = read_pickle(write(tmp_path, pickle.dumps(made, protocol=protocol)))
        assert problems == []
        for name, tensor in made.items():
            np.testing.assert_array_equal(value[name], tensor.numpy())


def test_tensors_that_reach_beyond_their_numbers(tmp_path, named_torch):
    for tensor in (
        Tensor(np.arange(5), 3, (3,)),
        Tensor(np.arange(6), 0, (2, 2), (3, 1)),
        Tensor(np.arange(5), -1, (2,)),
    ):
        assert "a view of another one" in refused(tmp_path, pickle.dumps(tensor, protocol=2))
    cut = pickle.dumps(Tensor(np.arange(5)), protocol=2).replace(struct.pack("<q", 5), struct.pack("<q", 6))
    assert "a tensor of 5 numbers" in refused(tmp_path, cut)


class Runs:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_is_run(tmp_path, protocol):
    mark = tmp_path / "mark"
    for value in (
        Runs(os.mkdir, str(mark)),
        Runs(eval, f"__import__('os').mkdir({str(mark)!r})"),
        [Runs(open, str(mark), "w")],
    ):
        assert "which no list of videos needs" in refused(tmp_path, pickle.dumps(value, protocol=protocol))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "damaged or no pickle"),
        (b"text", "damaged or no pickle"),
        (b"PK\x03\x04", "an archive"),
        (pickle.dumps([1, "b"])[:-2], "damaged or no pickle"),
        (pickle.dumps(collections.Counter("ab")), "'collections.Counter', which"),
        (b"\x80\x04cnumpy\nndarray\n.", "a name in the place of a value"),
        (b"\x80\x04cnumpy\nndarray\n}b.", "state of an object of another class"),
        (b"\x80\x04cnumpy\nndarray\n)\x81.", "(NEWOBJ)"),
        (b"\x80\x04K\x01)R.", "no function"),
        (b"\x80\x02\x82\x01.", "(EXT1)"),
        (b"\x80\x02" + b"]" * 50 + b"a" * 49 + b".", "lists in lists"),
    ],
)
def test_files_of_another_kind(tmp_path, content, said):
    assert said in refused(tmp_path, content)


def test_a_value_that_is_there_a_million_times(tmp_path):
    value = [0]
    for _ in range(15):
        value = [value] * 100
    read, problems = read_pickle(write(tmp_path, pickle.dumps(value)))
    assert problems == [] and read[0] is read[99]


def test_a_missing_file(tmp_path):
    assert read_pickle(tmp_path / "list.pkl")[1][0].found == "file is missing"
