"""Writing result files so that a reader never sees half of one, and opening files that others wrote.

Every file is written under a temporary name in its own folder and then moved over its name in one step: after a crash
there is the old file or the new one.
"""

import collections
import contextlib
import errno
import fcntl
import hashlib
import io
import os
import re
import secrets
import shutil
import stat
import unicodedata
from pathlib import Path

import numpy as np

from fact_jax.types import UserError

# Bytes of a file name made from another name; file systems take 255, which leaves room for a prefix and a suffix.
MAX_NAME = 150
# Largest text file that is read. The labels of 40 hours at 30 frames per second take as much.
MAX_TEXT_BYTES = 128 * 2**20
# Names of our own files in folders in which others are named after videos, without their endings.
OWN_NAMES = frozenset({"detections", "submission"})
# What a name ends in that had to be changed.
_CHANGED = re.compile(r"~[0-9a-f]{16}\Z")
# What a process that was killed while it wrote leaves behind.
_LEFTOVER = re.compile(r"\..*\.[0-9a-f]{12}\.tmp")
# Bytes that a compressed file may unpack to for every one of its own, and as many as do not matter. Weights and
# features hardly shrink; what does is made to fill the memory.
MOST_UNPACKED = 100
_ANY_SIZE = 64 * 2**20
# No room on the disk, or none left for this user.
FULL = (errno.ENOSPC, errno.EDQUOT)


class WriteError(UserError, OSError):
    """A file that cannot be written: the disk is full, the folder is not ours, ... The old file is as it was."""

    def __init__(self, path, error: OSError):
        OSError.__init__(self, error.errno, error.strerror, str(path))
        self._text = f"{path} cannot be written: {error.strerror or error}{_room(path, error)}."

    def __str__(self):
        return self._text


def _room(path, error):
    """Returns " (12.3 KiB free)" where `error` says that there is no room, else ""."""
    if error.errno not in FULL:
        return ""
    folder = next(parent for parent in Path(path).absolute().parents if parent.exists())
    return f" ({readable_size(shutil.disk_usage(folder).free)} free)"


@contextlib.contextmanager
def atomic_file(path):
    """Yields a binary file whose content takes the place of `path` in one step when the `with` block ends well.

    Its folder is created. Raises WriteError, which is a UserError and an OSError, if it cannot be written.
    """
    path = Path(path)
    # Not tempfile: its files are for the owner alone, a result gets the permissions any new file would have.
    temporary = path.parent / f".{path.name[:40]}.{secrets.token_hex(6)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise WriteError(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def open_data(path):
    """Opens a file that somebody else wrote, for reading bytes.

    Raises OSError, whose `strerror` says why, if it is missing, cannot be read or is no regular file: a pipe would have
    its reader wait for ever, and a device need not end.
    """
    try:
        # Without O_NONBLOCK the opening of a pipe waits for somebody who writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError:
        raise OSError(errno.EINVAL, "zero byte in its name", str(path)) from None
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_data(path, limit=MAX_TEXT_BYTES):
    """Returns the bytes of a file that somebody else wrote; raises OSError as `open_data`, or for more than `limit`."""
    with open_data(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise OSError(errno.EFBIG, f"{size} bytes; expected at most {limit}", str(path))
        return file.read(size)


def unpacks_to_too_much(num_bytes, file_bytes):
    """Whether numbers of `num_bytes` are more than a file of `file_bytes` holds, unless it was made to fill the memory.

    More than MOST_UNPACKED times as many are, beyond 64 MiB.
    """
    return num_bytes > _ANY_SIZE and num_bytes > MOST_UNPACKED * file_bytes


def doubled_member(archive):
    """The name that two members of a zipfile.ZipFile have, of which readers take one in silence, or ""."""
    counts = collections.Counter(archive.namelist())
    return next((name for name, count in counts.items() if count > 1), "")


def readable_size(num_bytes):
    """Bytes in the largest unit of which there is one: "1 byte", "512 bytes", "3.4 MiB", "1.2 GiB"."""
    if num_bytes < 1024:
        return f"{num_bytes} byte{'' if num_bytes == 1 else 's'}"
    size, units = num_bytes / 1024, ["KiB", "MiB", "GiB", "TiB"]
    # From 1023.95 on, 1024.0 would be shown.
    while size >= 1023.95 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.1f} {units[0]}"


def why_no_folder(path):
    """Returns "" if `path` is a folder, else why it cannot be used as one: "is missing", "is no folder", ..."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return "is missing"
    except (OSError, ValueError) as error:
        return f"cannot be read ({getattr(error, 'strerror', error)})"
    return "" if stat.S_ISDIR(mode) else "is no folder"


def atomic_write_bytes(path, content):
    """Writes bytes to `path` as `atomic_file`, and returns it as a Path."""
    with atomic_file(path) as file:
        file.write(content)
    return Path(path)


def atomic_write_text(path, text):
    """Writes `text` as UTF-8 with the newlines it has. As `atomic_write_bytes`; UserError for what is no text."""
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:
        found = ascii(text[max(error.start - 20, 0) : error.end + 20])
        raise UserError(f"{path} cannot be written: {found} is no text; rename the file, folder or name.") from error
    return atomic_write_bytes(path, content)


def as_text(text):
    """Returns `text` with whatever UTF-8 has not, such as bytes of a path that are no letters, as escapes."""
    return text.encode(errors="backslashreplace").decode()


def atomic_save_array(path, array):
    """Writes a .npy file. As `atomic_write_bytes`."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array))
    return atomic_write_bytes(path, buffer.getvalue())


def append_line(path, text):
    """Adds the line `text` to a file as one write; raises WriteError where that fails: the file is as before."""
    content = f"{text}\n".encode()
    try:
        with open(path, "ab", buffering=0) as file:
            start = os.fstat(file.fileno()).st_size
            try:
                if file.write(content) < len(content):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                os.ftruncate(file.fileno(), start)
                raise
    except OSError as error:
        raise WriteError(path, error) from error


def remove_leftovers(folder):
    """Removes what killed processes left of files in this folder; only for whoever has the folder to itself."""
    with contextlib.suppress(OSError):
        for path in Path(folder).iterdir():
            if _LEFTOVER.fullmatch(path.name):
                path.unlink(missing_ok=True)


def remove_matching(folder, patterns):
    """Removes the files in a folder whose names match one of these patterns, such as "timeline_*.png"."""
    for pattern in patterns:
        for path in Path(folder).glob(pattern):
            path.unlink(missing_ok=True)


def remove_tree(folder):
    """Removes a folder of ours with all that is in it, if it is there."""
    if os.path.lexists(folder):
        shutil.rmtree(folder)


@contextlib.contextmanager
def lock_folder(folder, *, wait=False):
    """Keeps other processes that ask for the same folder out of it; it is created if there is none.

    The lock ends with the `with` block or the process, and leaves nothing behind. On a file system without locks there
    is none. Raises BlockingIOError if another process has the folder, unless told to `wait` for it, and OSError if it
    cannot be created.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        flock(handle, wait=wait)
        yield
    finally:
        os.close(handle)


def flock(handle: int, *, wait: bool = False) -> bool:
    """Locks an open file for this process alone, as `lock_folder`; returns whether its file system has locks at all."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def save_figure(path, figure, *, dpi=120):
    """Writes a matplotlib Figure in the format of the suffix of `path` (.png, .pdf, .svg). As `atomic_write_bytes`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=Path(path).suffix.lstrip(".") or "png", dpi=dpi)
    return atomic_write_bytes(path, buffer.getvalue())


def safe_name(name):
    """Returns `name` as a file name without folders; different names give different file names.

    A name that a file can have is returned as it is: at most 150 bytes as UTF-8, printable and in Unicode's form NFC,
    without "/" and "\\", not starting with "." or a space nor ending in a space, and none of OWN_NAMES. Of any other,
    the characters that cannot stay become "_", and "~" with a checksum of the whole name at the end keeps different
    names apart.
    """
    name = str(name)
    composed = unicodedata.normalize("NFC", name)
    kept = "".join(c if c.isprintable() and c not in "/\\" else "_" for c in composed).lstrip(". ").rstrip(" ")
    # A name that looks like a changed one could be the file name of another: it is changed, too.
    ours = _CHANGED.search(kept) or kept.casefold() in OWN_NAMES
    if kept == name and kept and len(kept.encode("utf-8")) <= MAX_NAME and not ours:
        return name
    return _with_checksum(name, kept)


def _with_checksum(name, kept):
    checksum = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{kept.encode('utf-8')[: MAX_NAME - 17].decode('utf-8', 'ignore')}~{checksum}"


def folds_case(folder):
    """Returns whether capitals are small letters to the file system of `folder`, whose name has letters."""
    folder = Path(folder)
    other = folder.with_name(folder.name.swapcase())
    return other.exists() and other.samefile(folder)


def sharing_a_file(names):
    """Returns {name: another one} of names whose file names are the same where capitals are small letters."""
    first, shared = {}, {}
    for name in names:
        other = first.setdefault(safe_name(name).casefold(), name)
        if other != name:
            shared |= {other: shared.get(other, name), name: other}
    return shared


def file_names(names, folder):
    """Returns {name: file name} as `safe_name`, of names whose files lie in a folder that exists, each with its own.

    Those that differ in capitals alone have checksums where the file system does not tell them apart.
    """
    shared = sharing_a_file(names) if folds_case(folder) else {}
    return {name: _with_checksum(name, safe_name(name)) if name in shared else safe_name(name) for name in names}


def sha256_of(path):
    """Returns the SHA-256 of the content of a file as hexadecimal digits; raises OSError as `open_data`."""
    with open_data(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
