"""TorchScript archives: tensors by the names of modules, and nothing of a file is run."""

import io
import pickle
import struct
import zipfile

import numpy as np
import pytest

from fact_jax.models.weights import weight_files
from fact_jax.types import UserError


class Written:
    """Writes the opcodes of a pickle as PyTorch's C++ code does."""

    def __init__(self):
        self.data, self.storages = io.BytesIO(b"\x80\x02"), {}
        self.data.seek(2)

    def put(self, *parts):
        for part in parts:
            self.data.write(part)

    def name(self, module, name):
        self.put(pickle.GLOBAL, f"{module}\n{name}\n".encode())

    def text(self, text):
        self.put(pickle.BINUNICODE, struct.pack("<I", len(text)), text.encode())

    def numbers(self, *numbers):
        self.put(pickle.MARK, *(pickle.BININT + struct.pack("<i", number) for number in numbers), pickle.TUPLE)

    def module(self, entries, kind="__torch__.torch.nn.modules.conv.___torch_mangle_3"):
        """entries: name -> array, dict of a module, or a function that writes something else."""
        self.name(kind, "Module")
        self.put(pickle.EMPTY_TUPLE, pickle.NEWOBJ, pickle.EMPTY_DICT, pickle.MARK)
        for name, entry in entries.items():
            self.text(name)
            if isinstance(entry, dict):
                self.module(entry)
            elif callable(entry):
                entry(self)
            else:
                self.tensor(entry)
        self.put(pickle.SETITEMS, pickle.BUILD)

    def tensor(self, array, storage=None, kind="FloatStorage", offset=0, shape=None, strides=None):
        array = np.asarray(array)
        key = str(len(self.storages))
        self.storages[key] = np.ravel(array if storage is None else storage, order="K")
        shape = array.shape if shape is None else shape
        strides = [step // array.itemsize for step in array.strides] if strides is None else strides
        self.name("torch._utils", "_rebuild_tensor_v2")
        self.put(pickle.MARK, pickle.MARK)
        self.text("storage")
        self.name("torch", {"float16": "HalfStorage", "int64": "LongStorage"}.get(str(array.dtype), kind))
        self.text(key)
        self.text("cpu")
        self.put(pickle.BININT, struct.pack("<i", self.storages[key].size), pickle.TUPLE, pickle.BINPERSID)
        self.put(pickle.BININT, struct.pack("<i", offset))
        self.numbers(*shape)
        self.numbers(*strides)
        self.put(pickle.NEWFALSE)
        self.name("collections", "OrderedDict")
        self.put(pickle.EMPTY_TUPLE, pickle.REDUCE, pickle.TUPLE, pickle.REDUCE)

    def save(self, path):
        self.put(pickle.STOP)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model/data.pkl", self.data.getvalue())
            archive.writestr("model/code/__torch__/clip.py", "raise SystemExit('the program was run')")
            archive.writestr("model/constants.pkl", b"\x80\x02).")
            for key, storage in self.storages.items():
                archive.writestr(f"model/data/{key}", storage.tobytes())
        return path


def archive(path, entries):
    written = Written()
    written.module(entries)
    return written.save(path)


def test_tensors_have_the_names_of_their_modules(tmp_path):
    half, table = np.arange(6, dtype=np.float16).reshape(2, 3), np.arange(12.0, dtype=np.float32)
    narrow = (table.view(np.uint32) >> 16).astype(np.uint16)
    entries = {
        "training": lambda written: written.put(pickle.NEWTRUE),
        "visual": {
            "weight": half,
            "turned": half.T,
            "size": np.array(224, np.int64),
            "ln": {"part": lambda written: written.tensor(table, offset=2, shape=(2, 2), strides=(4, 1))},
            "narrow": lambda written: written.tensor(table, storage=narrow, kind="BFloat16Storage"),
        },
    }
    state = weight_files.read_state_dict(archive(tmp_path / "clip.pt", entries))
    wanted = {
        "visual.weight": half,
        "visual.turned": half.T,
        "visual.size": np.array(224),
        "visual.ln.part": np.array([[2, 3], [6, 7]], np.float32),
        "visual.narrow": table,
    }
    assert list(state.tensors) == list(wanted)
    for name, array in wanted.items():
        assert state.tensors[name].dtype == array.dtype
        np.testing.assert_array_equal(state.tensors[name], array)


def nested(depth):
    return {"a": nested(depth - 1) if depth else np.zeros(1, np.float32)}


FOUR = np.zeros(4, np.float32)
BROKEN = {
    "a function": ({"a": lambda written: written.name("os", "system")}, "os.system"),
    "a builtin": ({"a": lambda written: written.name("builtins", "eval")}, "builtins.eval"),
    "beyond its storage": ({"a": lambda written: written.tensor(FOUR, shape=(5,), strides=(1,))}, "storage"),
    "a repeated number": ({"a": lambda written: written.tensor(FOUR, shape=(9,), strides=(0,))}, "storage"),
    "before its storage": ({"a": lambda written: written.tensor(FOUR, offset=-1)}, "storage"),
    "endless modules": (nested(200), "deeply"),
    "no tensors": ({"a": lambda written: written.put(pickle.NONE)}, "no tensors"),
}


@pytest.mark.parametrize(("entries", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_archives_that_hold_something_else_are_refused(tmp_path, entries, words):
    with pytest.raises(UserError, match=words) as error:
        weight_files.read_state_dict(archive(tmp_path / "odd.pt", entries))
    assert "odd.pt" in str(error.value)


def test_an_archive_that_lacks_a_storage(tmp_path):
    written = Written()
    written.module({"a": np.zeros(3, np.float32)})
    written.storages.clear()
    with pytest.raises(UserError, match="damaged"):
        weight_files.read_state_dict(written.save(tmp_path / "odd.pt"))


def test_an_archive_of_pytorch_itself(tmp_path):
    torch = pytest.importorskip("torch")

    class Tower(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.ln = torch.nn.Conv2d(3, 4, 2, bias=False), torch.nn.LayerNorm(4)

        def forward(self, x):
            return self.ln(self.conv1(x)[:, :, 0, 0])

    tower = Tower().half()
    torch.jit.save(torch.jit.script(tower), tmp_path / "tower.pt")
    found = weight_files.read_state_dict(tmp_path / "tower.pt").tensors
    assert found.keys() == tower.state_dict().keys()
    for name, tensor in tower.state_dict().items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


def test_the_flags_of_a_training_script_beside_the_weights(tmp_path):
    torch = pytest.importorskip("torch")
    import argparse

    content = {"model": {"a": torch.ones(2)}, "args": argparse.Namespace(lr=0.1), "epoch": 3}
    torch.save(content, tmp_path / "videomae.pth")
    state = weight_files.read_state_dict(tmp_path / "videomae.pth")
    assert list(state.tensors) == ["a"] and any("args" in note for note in state.notes)
