"""Writing result files so that a reader never sees half of one, and opening files that others wrote.

Every file is written under a temporary name in its own folder and then moved over its name in one step: after a crash
there is the old file or the new one.
"""

import contextlib
import errno
import fcntl
import hashlib
import io
import os
import pathlib
import re
import secrets
import stat
import unicodedata

# Bytes of a file name made from another name; file systems take 255, which leaves room for a prefix and a suffix.
MAX_NAME = 150
# Largest text file that is read. The labels of 40 hours at 30 frames per second take as much.
MAX_TEXT_BYTES = 128 * 2**20
# What a name ends in that had to be changed.
_CHANGED = re.compile(r"~[0-9a-f]{16}\Z")


@contextlib.contextmanager
def atomic_file(path):
    """Yields a binary file whose content takes the place of `path` in one step when the `with` block ends well.

    Args:
      path: file name; a string or a path. Its folder is created.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile: its files are for the owner alone, a result gets the permissions any new file would have.
    temporary = path.parent / f".{path.name[:40]}.{secrets.token_hex(6)}.tmp"
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def open_data(path):
    """Opens a file that somebody else wrote, for reading.

    Args:
      path: file name; a string or a path.

    Returns:
      A binary file.

    Raises:
      OSError: it is missing, cannot be read or is no regular file: a pipe would have its reader wait for ever, and a
        device need not end. `strerror` says which.
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
    """Returns the content of a file that somebody else wrote, bytes.

    Raises:
      OSError: as `open_data`, or it has more than `limit` bytes.
    """
    with open_data(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise OSError(errno.EFBIG, f"{size} bytes; expected at most {limit}", str(path))
        return file.read(size)


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
    """Writes `content` (bytes) to `path`, creating its folder; replaces what was there in one step.

    Args:
      path: file name; a string or a path.
      content: bytes.

    Returns:
      pathlib.Path of the file.
    """
    with atomic_file(path) as file:
        file.write(content)
    return pathlib.Path(path)


def atomic_write_text(path, text):
    """Writes `text` as UTF-8 with the newlines it has. As `atomic_write_bytes`."""
    return atomic_write_bytes(path, text.encode("utf-8"))


@contextlib.contextmanager
def lock_folder(folder):
    """Keeps other processes that ask for the same folder out of it; it is created if there is none.

    The lock ends with the `with` block or the process, and leaves nothing behind. On a file system without locks there
    is none.

    Args:
      folder: a string or a path.

    Raises:
      BlockingIOError: another process has the folder.
      OSError: it cannot be created.
    """
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass  # no locks here
        yield
    finally:
        os.close(handle)


def save_figure(path, figure, *, dpi=120):
    """Writes a matplotlib Figure in the format of the suffix of `path` (.png, .pdf, .svg). As `atomic_write_bytes`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=pathlib.Path(path).suffix.lstrip(".") or "png", dpi=dpi)
    return atomic_write_bytes(path, buffer.getvalue())


def safe_name(name):
    """Returns `name` as a file name without folders; different names give different file names.

    A name that a file can have is returned as it is: at most 150 bytes as UTF-8, printable and in Unicode's form NFC,
    without "/" and "\\", not starting with "." or a space nor ending in a space. Of any other, the characters that
    cannot stay become "_", and "~" with a checksum of the whole name at the end keeps different names apart.
    """
    name = str(name)
    composed = unicodedata.normalize("NFC", name)
    kept = "".join(c if c.isprintable() and c not in "/\\" else "_" for c in composed).lstrip(". ").rstrip(" ")
    # A name that looks like a changed one could be the file name of another: it is changed, too.
    if kept == name and kept and len(kept.encode("utf-8")) <= MAX_NAME and not _CHANGED.search(kept):
        return name
    checksum = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{kept.encode('utf-8')[: MAX_NAME - 17].decode('utf-8', 'ignore')}~{checksum}"
