"""Writing result files so that a reader never sees half of one.

Every file is written under a temporary name in its own folder and then moved over its name in one step: after a crash
there is the old file or the new one.
"""

import contextlib
import fcntl
import io
import os
import pathlib
import secrets
import zlib

# Characters of a file name made from another name; at 4 bytes each they leave room for a prefix and a suffix.
MAX_NAME = 50


def atomic_write_bytes(path, content):
    """Writes `content` (bytes) to `path`, creating its folder; replaces what was there in one step.

    Args:
      path: file name; a string or a path.
      content: bytes.

    Returns:
      pathlib.Path of the file.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile: its files are for the owner alone, a result gets the permissions any new file would have.
    temporary = path.parent / f".{path.name[:40]}.{secrets.token_hex(6)}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


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
    """Returns `name` as a file name without folders.

    A name of at most 50 letters, digits, ".", "_" and "-", not starting with ".", is returned as it is. Any other
    character becomes "_", and a checksum of the whole name at the end keeps different names apart.
    """
    name = str(name)
    kept = "".join(character if character.isalnum() or character in "._-" else "_" for character in name)
    kept = kept.lstrip(".")[:MAX_NAME]
    return kept if kept == name and kept else f"{kept}-{zlib.crc32(name.encode('utf-8', 'surrogatepass')):08x}"
