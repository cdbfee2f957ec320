"""Weight files: what is read is what was written, and every file that cannot be used says why."""

import pickle
import sys
import warnings
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from fact_jax.models.weights import weight_files
from fact_jax.types import UserError

TENSORS = {
    "b.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a.bias": np.array([1.5, -0.0, 3e-45], np.float32),
    "count": np.array(7, np.int64),
}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype and found[name].shape == tensor.shape
        assert found[name].tobytes() == tensor.tobytes(), name


def save_torch(path, content, **options):
    torch = pytest.importorskip("torch")
    torch.save(content, path, **options)
    return path


def torch_tensors():
    torch = pytest.importorskip("torch")
    return {name: torch.from_numpy(tensor.copy()) for name, tensor in TENSORS.items()}


@pytest.mark.parametrize("suffix", weight_files.SUFFIXES)
def test_round_trip_keeps_every_bit(tmp_path, suffix):
    if suffix in weight_files.TORCH_SUFFIXES:
        pytest.importorskip("torch")
    path = tmp_path / "below" / f"weights{suffix}"
    transposed = {**TENSORS, "b.weight": np.asfortranarray(TENSORS["b.weight"])}
    assert weight_files.write_state_dict(path, transposed) == path
    state = weight_files.read_state_dict(path)
    assert_same(state.tensors, TENSORS)
    if suffix in weight_files.TORCH_SUFFIXES:
        assert list(state.tensors) == list(TENSORS)
    assert state.notes == () and [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_content_decides_not_the_name(tmp_path):
    path = weight_files.write_state_dict(tmp_path / "weights.safetensors", TENSORS)
    assert_same(weight_files.read_state_dict(path.rename(tmp_path / "weights.pth")).tensors, TENSORS)


def test_wrapped_and_nested_state_dicts(tmp_path):
    for wrapper in ("module.", "module._orig_mod."):
        tensors = {f"{wrapper}{name}": tensor for name, tensor in torch_tensors().items()}
        content = {"epoch": 3, "optimizer": {"state": {}}, "state_dict": tensors}
        state = weight_files.read_state_dict(save_torch(tmp_path / "checkpoint.tar", content))
        assert_same(state.tensors, TENSORS)
        assert "below 'state_dict'" in state.notes[0] and "epoch, optimizer" in state.notes[1]
        assert "removed 'module.' from every name" in state.notes[2]


def test_a_prefix_that_only_some_names_have_stays(tmp_path):
    tensors = {"module.a": np.zeros(1), "b": np.zeros(1)}
    path = weight_files.write_state_dict(tmp_path / "weights.npz", tensors)
    assert_same(weight_files.read_state_dict(path).tensors, tensors)


def test_old_torch_format_parameters_and_entries_that_are_no_tensors(tmp_path):
    torch = pytest.importorskip("torch")
    content = {**torch_tensors(), "b.weight": torch.nn.Parameter(torch_tensors()["b.weight"]), "best": 0.5}
    path = save_torch(tmp_path / "weights.prm", content, _use_new_zipfile_serialization=False)
    state = weight_files.read_state_dict(path)
    assert_same(state.tensors, TENSORS)
    assert state.notes == ("left out what is no tensor: best (float)",)


@pytest.mark.parametrize("kind", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_short_float_types_become_float32(tmp_path, kind):
    torch = pytest.importorskip("torch")
    safetensors_torch = pytest.importorskip("safetensors.torch")
    values = torch.tensor([1.0, -0.5, 448.0]).to(getattr(torch, kind))
    files = [save_torch(tmp_path / "weights.pth", {"x": values})]
    if kind == "bfloat16":  # safetensors gives NumPy no numbers of 8 bits
        files.append(tmp_path / "weights.safetensors")
        safetensors_torch.save_file({"x": values}, files[1])
    for path in files:
        found = weight_files.read_state_dict(path).tensors["x"]
        assert found.dtype == np.float32 and found.tolist() == values.float().tolist()


@pytest.mark.parametrize(
    "strange",
    [np.array(["a"]), np.zeros(2, [("re", "<f4"), ("im", "<f4")]), np.zeros(2, np.complex64), np.zeros(2, "V2")],
    ids=lambda tensor: tensor.dtype.kind,
)
def test_entries_that_are_no_real_numbers_are_all_named(tmp_path, strange):
    np.savez(tmp_path / "weights.npz", good=np.zeros(2), first=strange, second=strange)
    with pytest.raises(UserError, match=r"weights.npz has .*: first \(.*\), second \(.*\); expected real numbers"):
        weight_files.read_state_dict(tmp_path / "weights.npz")


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@pytest.mark.parametrize("kind", ["complex32", "complex64"])
def test_complex_numbers_of_pytorch_are_refused(tmp_path, kind):
    torch = pytest.importorskip("torch")
    path = save_torch(tmp_path / "weights.pth", {"x": torch.zeros(2, dtype=getattr(torch, kind))})
    with pytest.raises(UserError, match=f"weights.pth.*x .*{kind}.*expected real numbers"):
        weight_files.read_state_dict(path)


class Model:
    """Stands for a network that was saved whole."""


def test_pickled_objects_are_refused_and_not_run(tmp_path):
    path = save_torch(tmp_path / "model.pth", Model())
    with pytest.raises(UserError, match=r"holds objects that are not plain numbers \(tests\.models\..*Model\)"):
        weight_files.read_state_dict(path)


NUMPY_VALUES = [
    np.float64(3.0),
    np.float32(0.1),
    np.int64(-7),
    np.bool_(True),
    np.arange(6, dtype="<f4").reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(3, dtype=">i2"),
    np.array(2.5),
    np.zeros((0, 3)),
]


@pytest.mark.parametrize("zipped", [True, False])
def test_numpy_values_beside_the_weights(tmp_path, zipped):
    content = {"state_dict": torch_tensors(), "dtype": np.dtype("f4")}
    content |= {f"value {k}": value for k, value in enumerate(NUMPY_VALUES)}
    state = weight_files.read_state_dict(
        save_torch(tmp_path / "weights.pth", content, _use_new_zipfile_serialization=zipped)
    )
    assert_same(state.tensors, TENSORS)
    assert state.notes[0] == "the weights lie below 'state_dict'"


def test_numpy_arrays_as_weights(tmp_path):
    arrays = {str(k): value for k, value in enumerate(NUMPY_VALUES) if isinstance(value, np.ndarray)}
    state = weight_files.read_state_dict(save_torch(tmp_path / "weights.pth", {**arrays, "best": np.float64(3.0)}))
    assert state.notes == ("left out what is no tensor: best (float64)",)
    assert state.tensors.keys() == arrays.keys()
    for name, array in arrays.items():
        assert type(state.tensors[name]) is np.ndarray
        assert state.tensors[name].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(state.tensors[name], array)


def test_settings_beside_weights_are_read_without_their_class(tmp_path, monkeypatch):
    class EasyDict(dict):
        """As that of the package, whose entries are attributes too."""

        def __init__(self, entries):
            super().__init__(entries)
            self.__dict__.update(entries)

        def __setstate__(self, state):
            raise AssertionError("this ran")

    EasyDict.__module__, EasyDict.__qualname__ = "easydict", "EasyDict"
    monkeypatch.setitem(sys.modules, "easydict", SimpleNamespace(EasyDict=EasyDict))
    settings = EasyDict({"MODEL": EasyDict({"LAYER": 3, "FC": [[256, True]]}), "NAME": "carl"})
    content = {"epoch": 3, "model_state": torch_tensors(), "optimizer_state": {"state": {}}, "cfg": settings}
    state = weight_files.read_state_dict(save_torch(tmp_path / "checkpoint_epoch_00003.pth", content))
    assert_same(state.tensors, TENSORS)
    assert state.notes[-1] == "left out what lies beside them: epoch, optimizer_state, cfg"


@pytest.mark.parametrize("value", [np.array([{}], object), np.zeros(2, "f4,i4"), np.float32, Model])
def test_other_numpy_objects_are_refused(tmp_path, value):
    path = save_torch(tmp_path / "weights.pth", {"state_dict": torch_tensors(), "value": value})
    with pytest.raises(UserError, match="weights.pth holds objects that are not plain numbers"):
        weight_files.read_state_dict(path)


def test_the_state_of_a_dtype_cannot_be_forged(tmp_path):
    class Forged:
        """A float of 8 bytes that says it is a reference to an object, in the descriptor that all float64 share."""

        def __reduce__(self):
            return np.dtype, ("f8",), (3, "<", None, ("a",), {"a": (np.dtype("f8"), 1000)}, 1000, 1, 63)

    state = weight_files.read_state_dict(save_torch(tmp_path / "weights.pth", {**torch_tensors(), "dtype": Forged()}))
    assert_same(state.tensors, TENSORS)
    assert np.dtype("f8").fields is None and not np.dtype("f8").hasobject


def test_a_refusal_is_one_message(tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps({"a": Model()}, protocol=4))
    with warnings.catch_warnings(record=True) as caught, pytest.raises(UserError, match="not plain numbers"):
        warnings.simplefilter("always")
        weight_files.read_state_dict(path)
    assert [str(entry.message) for entry in caught] == []


def test_a_pickle_that_would_run_a_command(tmp_path):
    pytest.importorskip("torch")
    marker = tmp_path / "ran"

    class Attack:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps({"a": Attack()}, protocol=2))
    with pytest.raises(UserError, match="weights.pth"):
        weight_files.read_state_dict(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"epoch,loss\n1,0.5\n", "begins with b'epoch,loss"),
        (b"PK\x03\x04 and no more", "cut short or damaged"),
        (b"\xff\x00\x00\x00\x00\x00\x00\x00{ no header", "cannot be read as a safetensors file"),
    ],
)
def test_files_of_another_kind(tmp_path, content, words):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match="weights.pth") as caught:
        weight_files.read_state_dict(path)
    assert words in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(UserError, match="nowhere.pth does not exist; expected a state dict"):
        weight_files.read_state_dict(tmp_path / "nowhere.pth")
    with pytest.raises(UserError, match="is a folder"):
        weight_files.read_state_dict(tmp_path)


@pytest.mark.parametrize("suffix", [".pth", ".prm", ".safetensors", ".npz"])
def test_files_cut_short(tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    if suffix == ".prm":
        save_torch(path, torch_tensors(), _use_new_zipfile_serialization=False)
    else:
        if suffix == ".pth":
            pytest.importorskip("torch")
        weight_files.write_state_dict(path, TENSORS)
    whole = path.read_bytes()
    for length in (1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="weights"):
            weight_files.read_state_dict(path)


@pytest.mark.parametrize("suffix", [".pth", ".prm", ".safetensors", ".npz"])
def test_a_damaged_byte_is_never_a_traceback(tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    if suffix == ".npz":
        np.savez_compressed(path, **{name: np.tile(array, 50) for name, array in TENSORS.items()})
    elif suffix == ".safetensors":
        weight_files.write_state_dict(path, TENSORS)
    else:
        save_torch(path, torch_tensors(), _use_new_zipfile_serialization=suffix == ".pth")
    whole = path.read_bytes()
    refused = 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            weight_files.read_state_dict(path)  # some bytes are numbers, or mean nothing
        except UserError as error:
            refused += str(path) in str(error)
    assert refused > 10


@pytest.mark.parametrize("members", [("w/data.pkl", "w/data/0"), ("a.npy", "b.npy")], ids=["torch", "numpy"])
def test_bytes_that_are_not_those_of_the_checksum_and_doubled_tensors(members, tmp_path):
    """PyTorch reads the numbers of its archives without a look at their checksums."""
    path = tmp_path / "weights.pth"
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(members):
            archive.writestr(name, bytes([65 + number]) * 1000)
    whole = path.read_bytes()
    place = whole.index(b"B" * 1000) + 500
    path.write_bytes(whole[:place] + b"C" + whole[place + 1 :])
    with pytest.raises(UserError, match=rf"weights\.pth is damaged: the bytes of '{members[1]}' are not those"):
        weight_files.read_state_dict(path)
    path.write_bytes(whole)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(members[1], b"other")
    with pytest.raises(UserError, match=f"weights.pth holds '{members[1]}' twice"):
        weight_files.read_state_dict(path)


def test_archives_that_python_cannot_unpack(tmp_path):
    np.savez(tmp_path / "weights.npz", **TENSORS)
    whole = bytearray((tmp_path / "weights.npz").read_bytes())
    place = whole.index(b"PK\x01\x02")
    for offset, value in ((8, 1), (10, 99)):  # flag of encryption; AES as the way of packing
        changed = whole.copy()
        changed[place + offset] = value
        (tmp_path / "other.npz").write_bytes(changed)
        with pytest.raises(UserError, match="other.npz cannot be read as an .npz file"):
            weight_files.read_state_dict(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "has no tensors, it holds nothing"),
        ({"epoch": 1, "args": {"lr": 0.1}}, r"has no tensors, it holds epoch \(int\), args \(dict\)"),
        ([1, 2], "holds one list"),
        ({"a": {"x": np.zeros(2)}, "b": {"x": np.zeros(2)}}, "several sets of tensors: a, b"),
    ],
)
def test_torch_files_without_one_set_of_tensors(tmp_path, content, words):
    with pytest.raises(UserError, match=words):
        weight_files.read_state_dict(save_torch(tmp_path / "weights.pth", content))


def test_arrays_of_objects_are_not_loaded(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, a=np.array([{}], object))
    with pytest.raises(UserError, match="cannot be read as an .npz file"):
        weight_files.read_state_dict(path)


def test_without_pytorch_only_its_own_files_are_out_of_reach(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # what Python does for a module that cannot be imported
    path = tmp_path / "weights.pth"
    path.write_bytes(b"\x80\x02 a pickle")
    for attempt in (lambda: weight_files.read_state_dict(path), lambda: weight_files.check_output(path)):
        with pytest.raises(UserError, match="weights.pth is a PyTorch file, and PyTorch is not installed.*pip install"):
            attempt()
    other = weight_files.write_state_dict(tmp_path / "weights.safetensors", TENSORS)
    assert_same(weight_files.read_state_dict(other).tensors, TENSORS)


def test_outputs_that_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match=r"the ending of .* is '.safetensor'. Did you mean '.safetensors'"):
        weight_files.write_state_dict(tmp_path / "weights.safetensor", TENSORS)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        weight_files.check_output(tmp_path / "folder.npz")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        weight_files.write_state_dict(tmp_path / "file" / "weights.npz", TENSORS)
