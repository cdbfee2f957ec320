"""Faulty inputs of prediction, transcripts, verb lists, prepared copies, weight files and published configs.

Every function makes a Trial: something to run in a folder, the file that has to be named and what is said of it, or
nothing where the result is that of the sound input.
"""

import dataclasses
import functools
import re
import struct
import zipfile
from collections.abc import Callable

import numpy as np

from data_pipelines.segmentation.sources import open_sources
from data_pipelines.segmentation.transcripts import collect_transcripts
from data_pipelines.segmentation.unlabelled import FrameReader, open_inputs
from data_pipelines.segmentation.verb_nouns import read_verb_nouns
from fact_jax.models.fact import published_config
from fact_jax.models.weights import weight_files
from tests.data_pipelines.dirty import names, text_faults
from tests.data_pipelines.dirty.dataset import CLASS_NAMES, TEST, TRAIN, WIDTH, Dataset
from tests.data_pipelines.dirty.entries import check_sources, user_error
from tests.data_pipelines.dirty.feature_faults import FEATURES, PLACES, Bomb, Fault, replaced, rewritten, sparse

READER = FrameReader(feature_dim=WIDTH, time_axis="last", sample_rate=1, class_names=CLASS_NAMES)
PREDICTED = {name: fault for name, fault in FEATURES.items() if not fault.relative}


@dataclasses.dataclass(frozen=True)
class Trial:
    """One faulty input; `run(folder)` is a generator that makes it, yields, and then checks what comes of it."""

    name: str
    run: Callable
    unprivileged: bool = False

    def __str__(self):
        return self.name


def problems_of(problems):
    """{path: text} of a list of Problem."""
    found = {}
    for problem in problems:
        found[problem.path] = f"{found.get(problem.path, '')}{problem}\n"
    return found


def check(problems, path, words):
    """Exactly one file has problems, for the expected reason; or none."""
    found = problems_of(problems)
    assert found.keys() == ({str(path)} if words else set()), found
    assert not words or re.search(words, found[str(path)]), (words, found)


def prediction(kind, video):
    """One of six feature files is faulty, or has an odd name; the others are predicted."""
    fault = PREDICTED.get(kind)

    def run(base):
        dataset = Dataset(base).write()
        bad, words = dataset.feature_file(video), fault.refused if fault else ""
        if kind in names.UNSTORABLE:
            odd = dataset.feature_file(names.UNSTORABLE[kind])
            bad, words = ascii(str(bad.rename(odd))), "rename the file"
            dataset.videos.pop(video)
        elif kind in names.ODD:
            new = names.ODD[kind] or video.upper()
            bad.rename(dataset.feature_file(new))
            dataset.videos[new] = dataset.videos.pop(video)
        else:
            fault.apply(bad, dataset.canary)
        yield
        source = open_inputs([str(dataset.root / "features")], READER)
        served = {}
        for index, name in enumerate(source.video_ids):
            features = np.asarray(source[index].features)
            if not source.is_bad(index):
                served[name] = features
        check(source.problems, bad, words)
        expected = {name: features for name, (features, _) in dataset.videos.items()}
        if words:
            expected.pop(video, None)
        elif fault:
            expected[video] = fault.reads(expected[video])
        assert served.keys() == expected.keys()
        for name, features in expected.items():
            np.testing.assert_array_equal(served[name], features, err_msg=name)

    return Trial(f"predict-{kind}", run, bool(fault and fault.unprivileged))


def transcript(kind, video):
    """One of the transcripts of the test videos is faulty."""
    fault = text_faults.TRANSCRIPTS[kind]

    def run(base):
        dataset = Dataset(base).write()
        fault.apply(dataset.transcript_file(video), dataset.canary)
        folder, ids = dataset.root / "transcripts", dataset.splits["test"]
        yield
        found, problems = collect_transcripts(folder, ids, CLASS_NAMES)
        check(problems, dataset.transcript_file(video), fault.refused)
        expected = {name: dataset.transcript(name) for name in ids if not (fault.refused and name == video)}
        assert {name: actions.tolist() for name, actions in found.items()} == expected

    return Trial(f"transcript-{kind}", run, fault.unprivileged)


def verbs(kind, _):
    """The list of verbs is faulty."""
    fault = text_faults.VERBS[kind]

    def run(base):
        root = base / "data"
        for folder in (root, base / "outside", base / "work"):
            folder.mkdir(parents=True)
        (root / "splits").mkdir()
        path = root / "splits" / "verb_mapping.txt"
        path.write_text("0 background\n1 take\n2 pour\n")
        (root / "noun_mapping.txt").write_text("0 background\n1 cup\n2 milk\n")
        classes = ("background,background", "take,cup", "pour,milk", "take,milk")
        (root / "mapping.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(classes)))
        fault.apply(path, base / "outside" / "CANARY")
        yield
        found, problems = read_verb_nouns(path, root / "noun_mapping.txt", classes, root / "mapping.txt")
        if fault.relative:
            # The classes of that verb are told too; where the list itself is fine, they alone are.
            texts = problems_of(problems)
            assert bool(fault.refused) == (str(path) in texts) and found is None
            assert texts.keys() <= {str(path), str(root / "mapping.txt")} and str(problems)
            assert re.search(fault.refused or "unknown verb 'take'; the|unknown verb 'take'", "".join(texts.values()))
            return
        check(problems, path, fault.refused)
        if not fault.refused:
            assert found.verbs == ("background", "take", "pour") and found.verb_of_action == (0, 1, 2, 1)

    return Trial(f"verbs-{kind}", run, fault.unprivileged)


COPIES = {
    f"{name}-{fault}": (name, change)
    for name in ("metadata.json", "dataset_info.json", "features.json", "feature_dataset-train.array_record-00000")
    for fault, change in (
        ("half", lambda content: content[: len(content) // 2]),
        ("nested", lambda _: b"[" * 100_000),
        ("changed", lambda content: content[::-1]),
    )
} | {"features.json-class": ("features.json", lambda content: content.replace(b"text_feature.Text", b"evil.Text"))}


def prepared(kind, _):
    """One file of a prepared TFDS copy is damaged; the source is not at hand."""
    name, change = COPIES[kind]

    def run(base):
        dataset = Dataset(base).write()
        settings = dataset.settings(reader="tfds", tfds_dir=str(base / "data" / "tfds"), memory_gb=0.0)
        check_sources(dataset, open_sources(settings))
        [path] = (base / "data" / "tfds").rglob(name)
        path.write_bytes(change(path.read_bytes()))
        yield

        def read():
            source = open_sources(dataclasses.replace(settings, dir="")).train
            return [source[index] for index in range(len(source))]

        message = user_error(read)
        assert re.search("is damaged .*delete .* to have it prepared again", message) and str(path.parent) in message

    return Trial(f"copy-{kind}", run)


TENSORS = {"a.weight": np.arange(12, dtype=np.float32).reshape(3, 4) / 8, "a.bias": np.zeros(3, np.float32)}


def torch_saved(content, **options):
    def make(path):
        import torch

        with open(path, "wb") as file:
            torch.save(content(torch), file, **options)

    return make


def torch_tensors(torch, dtype=None):
    return {name: torch.from_numpy(value.copy()).to(dtype or torch.float32) for name, value in TENSORS.items()}


def npz_saved(**arrays):
    def make(path):
        with open(path, "wb") as file:
            np.savez(file, **arrays)

    return make


def npz_bomb(path):
    """120 MB of zeros that take 120 KB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "<f4", "fortran_order": False, "shape": (30_000_000,)})
        for _ in range(120):
            member.write(bytes(1_000_000))


def npz_header(text):
    def make(path):
        encoded = text.encode()
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(encoded)) + encoded + bytes(64))

    return make


def torch_bomb(path, canary, **options):
    torch_saved(lambda torch: {"a.weight": Bomb(canary)}, **options)(path)


def bare_pickle(path, canary):
    import pickle

    path.write_bytes(pickle.dumps({"a": Bomb(canary)}, protocol=2))


def object_npz(path, canary):
    np.savez(open(path, "wb"), a=np.array([Bomb(canary)], object))


def safetensors_header(text, claimed=None):
    def make(path):
        encoded = text.encode()
        path.write_bytes((len(encoded) if claimed is None else claimed).to_bytes(8, "little") + encoded + bytes(48))

    return make


def member_named(name):
    def make(path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"x")
            archive.writestr("a/data.pkl", b"\x80\x02}.")

    return make


OLD = {"_use_new_zipfile_serialization": False}
CODE = "objects that are not plain numbers"
NO_NPZ = r"cannot be read as an \.npz file"
# Faults of weight files; `reads`: the dtype of the tensors that are read.
WEIGHTS = {name: fault for name, fault in PLACES.items() if name != "link_outside"} | {
    "torch": replaced(torch_saved(torch_tensors)),
    "torch_old": replaced(torch_saved(torch_tensors, **OLD)),
    "torch_half": replaced(torch_saved(lambda torch: torch_tensors(torch, torch.float16))),
    "torch_double": replaced(torch_saved(lambda torch: torch_tensors(torch, torch.float64))),
    "torch_wrapped": replaced(
        torch_saved(
            lambda torch: {"state_dict": {f"module.{k}": v for k, v in torch_tensors(torch).items()}, "epoch": 3}
        )
    ),
    "torch_strided": replaced(
        torch_saved(
            lambda torch: {
                name: tensor.mT.contiguous().mT if tensor.ndim == 2 else tensor
                for name, tensor in torch_tensors(torch).items()
            }
        )
    ),
    "npz": replaced(npz_saved(**TENSORS)),
    "npz_fortran": replaced(npz_saved(**{name: np.asfortranarray(value) for name, value in TENSORS.items()})),
    "torch_bomb": Fault(torch_bomb, CODE),
    "torch_old_bomb": Fault(functools.partial(torch_bomb, **OLD), CODE),
    "bare_pickle": Fault(bare_pickle, CODE),
    "object_npz": Fault(object_npz, NO_NPZ),
    "npz_bomb": replaced(npz_bomb, "would take 120000128 in memory, more than 100 times"),
    "npz_declares_much": replaced(
        npz_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n"), NO_NPZ
    ),
    "npz_signs": replaced(npz_header("-" * 9000 + "1"), NO_NPZ),
    "npz_nested": replaced(npz_header("(" * 9000), NO_NPZ),
    "npz_text_inside": replaced(npz_header("not a header"), NO_NPZ),
    "torch_repeated": replaced(
        torch_saved(lambda torch: {"a.weight": torch.zeros(1).expand(1_000_000_000_000)}),
        "would take 4000000000000 in memory",
    ),
    "torch_sparse": replaced(torch_saved(lambda torch: {"a.weight": torch.eye(3).to_sparse()}), "sparse or quantised"),
    "torch_complex": replaced(
        torch_saved(lambda torch: torch_tensors(torch, torch.complex64)), "expected real numbers"
    ),
    "torch_list": replaced(torch_saved(lambda torch: [1, 2]), "holds one list"),
    "traversal": replaced(member_named("../../escaped"), "weights"),
    "cut": Fault(lambda path, canary: path.write_bytes(path.read_bytes()[:-20]), "cut short|damaged|cannot be read"),
    "empty": rewritten(lambda content: b"", "is empty"),
    "text": rewritten(lambda content: b"epoch,loss\n", "begins with b'epoch,loss"),
    "html": rewritten(lambda content: b"<!DOCTYPE html><html>Sign in</html>", "begins with b'<!DOCTYPE html>"),
    "zeros": replaced(sparse(2**32), "begins with|safetensors"),
    "safetensors_claims": replaced(safetensors_header("{", 2**62), "cannot be read as a safetensors file"),
    "safetensors_nested": replaced(safetensors_header("{" + '"a":[' * 5000), "cannot be read as a safetensors file"),
    "safetensors_beyond": replaced(
        safetensors_header('{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}'),
        "cannot be read as a safetensors file",
    ),
}


def _file_trial(name, fault, file, make, read, said, sound=None):
    """A file that is read alone; `said`: what its reader says instead of what is said of files of a dataset."""

    def run(base):
        for folder in ("data/deep/er", "outside", "work"):
            (base / folder).mkdir(parents=True)
        path = base / "data" / file
        make(path)
        expected = sound or read(path)
        fault.apply(path, base / "outside" / "CANARY")
        yield
        if not fault.refused:
            np.testing.assert_equal(read(path), expected)
            return
        message, pattern = user_error(read, path), fault.refused
        for words, other in said.items():
            pattern = pattern.replace(words, other)
        assert str(path) in message and re.search(pattern, message) and len(message) < 2000, message

    return Trial(name, run, fault.unprivileged)


def read_weights(path):
    return {name: tensor.astype(np.float32) for name, tensor in weight_files.read_state_dict(path).tensors.items()}


def weights(kind, _):
    """A weight file for --mode convert."""
    said = {
        "file is missing": "does not exist",
        r"file cannot be read \(Is a directory\)": "is a folder",
        r"read \(Permission denied\)": "read: Permission denied",
    }
    make = torch_saved(torch_tensors)
    return _file_trial(f"weights-{kind}", WEIGHTS[kind], "weights.pth", make, read_weights, said, TENSORS)


PUBLISHED = """# comment
dataset: gtea
split: split2
lr: 1e-4
FACT:
  ntoken: 90
  block: iuUU
Bi:
  f: m
"""


def added(text, refused=""):
    return rewritten(lambda content: content + text.encode(), refused)


YAML = PLACES | {
    "crlf": rewritten(lambda content: content.replace(b"\n", b"\r\n")),
    "bom": rewritten(lambda content: b"\xef\xbb\xbf" + content),
    "no_last_newline": rewritten(lambda content: content.rstrip()),
    "comments": rewritten(lambda content: content.replace(b"\n", b"  # note\n")),
    "document_marks": rewritten(lambda content: b"---\n" + content + b"...\n"),
    "meaningless": added("aux:\n  gpu: 3\n  resume: ''\n"),
    "utf16": rewritten(lambda content: content.decode().encode("utf-16"), "it is no text"),
    "latin_1": rewritten(lambda content: b"# caf\xe9\n" + content, "it is no text"),
    "zero_byte": rewritten(lambda content: content + b"\0", "is not plain YAML"),
    "empty": rewritten(lambda content: b"", "has no keys"),
    "list": rewritten(lambda content: b"- dataset\n- gtea\n", "has no keys"),
    "no_dataset": rewritten(lambda content: content.replace(b"dataset: gtea\n", b""), "names no dataset"),
    "tab": added("\tlr: 1\n", "is not plain YAML"),
    "open_bracket": added("bg_class: [1, 2\n", "is not plain YAML"),
    "python_object": added("epoch: !!python/object/apply:os.system ['touch CANARY']\n", "is not plain YAML|nested"),
    "python_name": added("epoch: !!python/name:os.system\n", "is not plain YAML|no value that YAML knows"),
    "unknown_key": added("epochs: 3\n", "line 10: the published code has no key epochs. Did you mean epoch"),
    "twice": added("lr: 1\n", "line 10: lr is given twice"),
    "number_for_group": added("BU: 3\n", "line 10: BU is a value; expected a group"),
    "text_for_number": added("epoch: many\n", "line 10: epoch is 'many', expected a whole number"),
    "infinite": added("weight_decay: .inf\n", "line 10: weight_decay is inf, expected a number"),
    "no_date": added("epoch: 2024-99-99\n", "line 10: epoch is no value that YAML knows"),
    "no_integer": added("epoch: !!int abc\n", "line 10: epoch is no value that YAML knows"),
    "no_bool": added("eval_bg: !!bool maybe\n", "line 10: eval_bg is no value that YAML knows"),
    "long_number": added("epoch: " + "9" * 5000 + "\n", "line 10: epoch is no value|line 10: epoch is a"),
    "laughs": added(
        "aux:\n  exp: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"  {key}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n"
            for i, key in enumerate(("mark", "runid", "debug", "resume", "logdir", "cfg_file", "set_cfgs", "gpu"))
        )
        + "bg_class: *a8\n",
        r"line \d+: bg_class is a nested value",
    ),
    "recursive": added("bg_class: &a [*a]\n", "line 10: bg_class is a nested value"),
    "deep": added("bg_class: " + "[" * 20_000 + "\n", "nested too deeply|is not plain YAML"),
    "long_key": added("x" * 100_000 + ": 1\n", "has no key x|is not plain YAML"),
    "large": rewritten(lambda content: content + b"# " + b"x" * 2**19, "expected at most 262144"),
}


def published(kind, _):
    """A YAML config of the published code."""
    said = {
        "file is missing": "No such file",
        r"file cannot be read \(Is a directory\)": "cannot be read: Is a directory",
        r"read \(Permission denied\)": "read: Permission denied",
    }

    def read(path):
        return published_config.read(path).settings

    return _file_trial(
        f"yaml-{kind}", YAML[kind], "deep/theirs.yaml", lambda path: path.write_text(PUBLISHED), read, said
    )


def trials(num_predictions, num_transcripts, num_verbs):
    """So many trials of every kind, and all of the weight files and the published configs."""
    kinds = (
        (prediction, (*PREDICTED, *names.ODD, *names.UNSTORABLE), (*TRAIN, *TEST), num_predictions),
        (transcript, (*text_faults.TRANSCRIPTS,), (*TEST,), num_transcripts),
        (verbs, (*text_faults.VERBS,), ("",), num_verbs),
        (prepared, (*COPIES,), ("",), len(COPIES)),
        (weights, (*WEIGHTS,), ("",), len(WEIGHTS)),
        (published, (*YAML,), ("",), len(YAML)),
    )
    found = []
    for make, faults, targets, count in kinds:
        order = np.random.default_rng(11).permutation(len(faults))[:count]
        found += [make(faults[k], targets[number % len(targets)]) for number, k in enumerate(order)]
    return found
