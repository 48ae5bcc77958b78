"""Write files whole: a reader sees the old content or the new one, never a part."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

PRIVATE_FILE = 0o600
"""Mode of the files of a run, whatever the umask: its records and logs show how a server is reached."""
PRIVATE_FOLDER = 0o700


def read_regular(path: Path, *, bytes_max: int) -> bytes:
    """Read a file that another program may have put there: neither a pipe, which can make the reader wait for ever,
    nor a file that fills the memory.

    Raises:
        OSError: it cannot be read, is no regular file, or has more than `bytes_max` bytes.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    if found.st_size > bytes_max:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return path.read_bytes()


def write_atomically(path: Path, data: bytes, *, durable: bool, private: bool = False) -> None:
    """Replace the content of a file, or create it, in one step. After an error the old content is still there.

    Args:
        durable: wait until the data is on the disk, so that a crash of the machine cannot leave the file empty.
        private: only the user can read it; otherwise it gets the permissions of any new file of this process.

    Raises:
        OSError: the folder or the disk does not accept it.
    """
    temporary = temporary_path(path)
    try:
        with open(temporary, "wb", opener=_open_privately if private else None) as stream:
            stream.write(data)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):  # the first error is the one to report
            temporary.unlink(missing_ok=True)
        raise


def _open_privately(path: str, flags: int) -> int:
    """Open a file that only the user can read, if it is new: an opener for `open`. A umask only removes permissions."""
    return os.open(path, flags, PRIVATE_FILE)


def temporary_path(path: Path) -> Path:
    """Return where `write_atomically` writes before the file takes its name: hidden, in the same folder."""
    return path.with_name(f".{path.name}.{os.getpid()}")
