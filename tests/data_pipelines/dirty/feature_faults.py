"""What can be wrong with a .npy file: each fault rewrites a sound one."""

import dataclasses
import os
import zipfile
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a file.

    Attributes:
      apply: called with (path, canary): rewrites the file; `canary` is a file that must not come to be.
      refused: regular expression of what has to be said of the file; "" = it is accepted.
      reads: from the values of the sound file to those that the reader gives.
      values: only whoever reads the values can know.
      relative: the fault is one beside the labels or the other files only.
      unprivileged: a fault for whoever is not root only.
      tools: what the tools that look for split lists say instead; see `Dataset.refuse`.
    """

    apply: Callable
    refused: str = ""
    reads: Callable = lambda values: values
    values: bool = False
    relative: bool = False
    unprivileged: bool = False
    tools: str | None = None


def saved(change, refused="", **options):
    """A fault that saves other values: `change` gets float32 [D, N]."""

    def apply(path, canary):
        values = np.load(path)
        path.unlink()
        np.save(path, change(values), allow_pickle=True)

    return Fault(apply, refused, **options)


def rewritten(change, refused="", **options):
    """A fault that writes other bytes: `change` gets those of the file."""

    def apply(path, canary):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(change(content))

    return Fault(apply, refused, **options)


def replaced(make, refused="", **options):
    """A fault that puts something else in the place of the file."""

    def apply(path, canary):
        path.unlink()
        make(path)

    return Fault(apply, refused, **options)


def moved_outside(path, canary):
    """The file lies elsewhere, and a link in its place."""
    target = canary.with_name(f"moved_{path.name}")
    path.rename(target)
    path.symlink_to(target)


def header(text, version=1, size=None, data=b"\0" * 600):
    """A .npy file with a header of one's own; `size` is the length that it claims."""

    def make(path):
        encoded = text.encode()
        length = (len(encoded) if size is None else size).to_bytes(2 * version, "little")
        path.write_bytes(b"\x93NUMPY" + bytes([version, 0]) + length + encoded + data)

    return make


def second_version(path, canary):
    values = np.load(path)
    with open(path, "wb") as file:
        np.lib.format.write_array(file, values, (2, 0))


def described(shape, descr="'<f4'", order="False"):
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n")


def sparse(num_bytes, start=b""):
    """A file of that size that takes no room."""

    def make(path):
        path.write_bytes(start)
        os.truncate(path, num_bytes)

    return make


def code_header(path, canary):
    code = f"__import__('builtins').open({str(canary)!r}, 'w')"
    header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {code}, }}\n")(path)


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def pickle_bomb(path, canary):
    path.unlink()
    np.save(path, np.array([[Bomb(canary)]], object), allow_pickle=True)


def pickle_instead(path, canary):
    import pickle

    path.write_bytes(pickle.dumps(Bomb(canary)))


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../escaped.npy", b"x")


def archived(path):
    with open(path, "wb") as file:
        np.savez(file, a=np.zeros((6, 22)))


def fifo(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def dangling(path):
    path.symlink_to("nowhere")


def loop(path):
    path.symlink_to(path.name)


def missing(path):
    """Nothing is put in its place."""


def spoil(value, place):
    def change(values):
        values[place] = value
        return values

    return change


DAMAGED = r"damaged \.npy header"
NO_NPY = r"not a \.npy file"
# What is wrong with any file, whatever it should hold.
PLACES = {
    "missing": replaced(missing, "file is missing"),
    "folder": replaced(lambda path: path.mkdir(), r"file cannot be read \(Is a directory\)|not a regular file"),
    "fifo": replaced(fifo, "not a regular file"),
    "device": replaced(device, "not a regular file"),
    "dangling_link": replaced(dangling, "file is missing"),
    "link_loop": replaced(loop, "Too many levels of symbolic links"),
    "unreadable": Fault(lambda path, canary: path.chmod(0), r"cannot be read \(Permission denied\)", unprivileged=True),
    "link_outside": Fault(moved_outside),
}
FEATURES = PLACES | {
    # Read as they are.
    "float16": saved(lambda values: values.astype(np.float16)),
    "float64": saved(lambda values: values.astype(np.float64)),
    "big_endian": saved(lambda values: values.astype(">f4")),
    "long_double": saved(lambda values: values.astype(np.longdouble)),
    "fortran": saved(np.asfortranarray),
    "int16": saved(lambda values: values.astype(np.int16), reads=np.trunc),
    "uint8": saved(lambda values: values.astype(np.int8).view(np.uint8), reads=lambda v: np.trunc(v) % 256),
    "bool": saved(lambda values: values > 0, reads=lambda v: (v > 0).astype(np.float32)),
    "version_2": Fault(second_version),
    "trailing_bytes": rewritten(lambda content: content + b"rest"),
    "spaced_header": rewritten(lambda content: content.replace(b"'fortran_order'", b'"fortran_order"')),
    "tolerated_longer": saved(lambda v: np.pad(v, ((0, 0), (0, 2)), "edge"), relative=True),
    # Refused by their header.
    "truncated": rewritten(lambda content: content[:-1], r"truncated: \d+ of \d+ bytes"),
    "half": rewritten(lambda content: content[: len(content) // 2], r"truncated: \d+ of \d+ bytes"),
    "header_only": rewritten(lambda content: content[:128], r"truncated: 128 of \d+ bytes"),
    "cut_header": rewritten(lambda content: content[:40], DAMAGED),
    "cut_magic": rewritten(lambda content: content[:5], NO_NPY),
    "empty": rewritten(lambda content: b"", NO_NPY),
    "text": rewritten(lambda content: b"0.5 0.25\n", NO_NPY),
    "npz": replaced(archived, NO_NPY),
    "zip": replaced(zipped, NO_NPY),
    "version_3": rewritten(lambda content: content[:6] + b"\x03" + content[7:], r"\.npy format 3\.0"),
    "version_255": rewritten(lambda content: content[:6] + b"\xff" + content[7:], r"\.npy format 255\.0"),
    "pickle": Fault(pickle_instead, NO_NPY),
    "pickled_array": Fault(pickle_bomb, "pickled Python objects, which are not loaded"),
    "complex": saved(lambda values: values.astype(np.complex64), "values of type complex64"),
    "strings": saved(lambda values: values.astype(str), "values of type <U"),
    "byte_strings": saved(lambda values: values.astype("S8"), r"values of type \|S8"),
    "dates": saved(lambda values: values.astype("M8[s]"), "values of type datetime64"),
    "structured": saved(lambda values: np.zeros(values.shape, "f4,i4"), "values of type"),
    "void": saved(lambda values: np.zeros(values.shape, "V4"), r"values of type \|V4"),
    "one_axis": saved(lambda values: values.ravel(), r"shape \(\d+,\); expected two axes"),
    "three_axes": saved(lambda values: values[None], r"shape \(1, 6, \d+\); expected two axes"),
    "no_axis": saved(lambda values: values[0, 0], r"shape \(\); expected two axes"),
    "no_frames": saved(lambda values: values[:, :0], r"shape \(6, 0\) is empty"),
    "no_channels": saved(lambda values: values[:0], r"shape \(0, \d+\) is empty"),
    "declares_much": replaced(described("(6, 1000000000000)"), r"truncated: \d+ of 24000000000\d+ bytes"),
    "declares_more": replaced(described("(9223372036854775807, 9223372036854775807)"), DAMAGED),
    "declares_most": replaced(described("(0x" + "f" * 9000 + ", 6)"), DAMAGED),
    "negative": replaced(described("(-6, 22)"), r"shape \(-6, 22\) is empty"),
    "fractional": replaced(described("(6.0, 22)"), DAMAGED),
    "negative_order": replaced(described("(6, 22)", order="-1"), DAMAGED),
    "huge_item": replaced(described("(6, 22)", "'V2000000000'"), "values of type"),
    "unknown_type": replaced(described("(6, 22)", "'quux'"), DAMAGED),
    "code": Fault(code_header, DAMAGED),
    "nested": replaced(header("{'shape': " + "(" * 9000), DAMAGED),
    "signs": replaced(described("(" + "-" * 9000 + "1, 22)"), DAMAGED),
    "calls": replaced(described("f" + "()" * 4000), DAMAGED),
    "long_header": replaced(header(" " * 60_000), r"\.npy header of 60000 bytes; expected at most"),
    "endless_header": replaced(header("", 2, 2**32 - 1), r"\.npy header of 4294967295 bytes; expected at most"),
    "endless_file": replaced(sparse(2**33, b"\x93NUMPY\x02\x00\xff\xff\xff\xff"), r"\.npy header of 4294967295 bytes"),
    "zeros": replaced(sparse(2**30), NO_NPY),
    # Refused beside the others.
    "wide": saved(lambda values: np.vstack([values, values[:1]]), "7 channels"),
    "narrow": saved(lambda values: values[:-1], "5 channels"),
    "transposed": saved(lambda values: values.T, "axes the other way round|looks transposed"),
    "shorter": saved(lambda values: values[:, :-3], "frames of features for", relative=True),
    "much_longer": saved(lambda values: np.tile(values, 9), "frames of features for", relative=True),
    "sparse": replaced(
        lambda path: (described("(6, 357913941)")(path), os.truncate(path, 2**33 + 200)),
        "frames of features for",
        relative=True,
    ),
    # Refused by their values.
    "nan": saved(spoil(np.nan, (3, 7)), "1 NaN value, the first at frame 7 of .*, channel 3", values=True),
    "inf": saved(spoil(-np.inf, (0, 0)), "1 Inf value, the first at frame 0 of .*, channel 0", values=True),
    "overflow": saved(
        lambda v: spoil(1e300, (5, 11))(v.astype(float)), "1 Inf value, the first at frame 11 of", values=True
    ),
    "all_nan": saved(lambda values: np.full_like(values, np.nan), r"\d+ NaN values", values=True),
}
