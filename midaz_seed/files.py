"""Write files whole: a reader sees the old content or the new one, never a part."""

import os
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace the content of a file, or create it, in one step.

    The file gets the permissions of any new file of this process. After an error the old content is still there.

    Args:
        durable: wait until the data is on the disk, so that a crash of the machine cannot leave the file empty.

    Raises:
        OSError: the folder or the disk does not accept it.
    """
    temporary = temporary_path(path)
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):  # the first error is the one to report
            temporary.unlink(missing_ok=True)
        raise


def temporary_path(path: Path) -> Path:
    """Return where `write_atomically` writes before the file takes its name: hidden, in the same folder."""
    return path.with_name(f".{path.name}.{os.getpid()}")
