"""What this process finds itself in: the platform, the standard descriptors, the processor cores."""

import io
import os
import select
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from midaz_seed.errors import ResultNotWrittenError, UnsupportedPlatformError


def check_platform(platform: str = sys.platform) -> None:
    """Raise UnsupportedPlatformError on Windows, which lacks the file locks and the signals that runs need."""
    if platform == "win32":
        raise UnsupportedPlatformError(
            "midaz-seed runs on Linux and macOS, not on Windows",
            hint="run it in the Windows Subsystem for Linux (WSL) or in a Linux container",
        )


def open_standard_descriptors() -> None:
    """Open the descriptors 0, 1 and 2 on the null device where the caller closed them.

    Otherwise the next file or connection gets such a number: what is printed then goes into it, and libraries that
    close or replace descriptors abort the process. Call it before anything else is opened.
    """
    streams = (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_WRONLY, "w"), ("stderr", os.O_WRONLY, "w"))
    for number, (name, flags, mode) in enumerate(streams):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)  # the lowest free number, which is this one
            os.set_inheritable(opened, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open until the process ends


MESSAGE_WAITS_S = 2.0
"""How long a message waits for a reader of standard error that takes nothing, before messages are lost."""


def can_write(descriptor: int, within_s: float = 0.0) -> bool:
    """Return whether a descriptor accepts up to `select.PIPE_BUF` bytes without blocking, within a time."""
    return bool(select.select([], [descriptor], [], within_s)[1])


class _Unblocked(io.FileIO):
    """A descriptor for messages: what its reader does not take within `MESSAGE_WAITS_S`, and after it at once, is lost.

    A full pipe that is not read, or a terminal stopped with Ctrl-S, would otherwise block the event loop, and with it
    signals and time limits. The descriptor itself stays blocking, because other processes share it.
    """

    _is_stuck = False

    def write(self, data: Any) -> int:
        """Write the data as far as the reader takes it."""
        view = memoryview(data).cast("B")
        for start in range(0, len(view), select.PIPE_BUF):
            self._is_stuck = not can_write(self.fileno(), 0.0 if self._is_stuck else MESSAGE_WAITS_S)
            if self._is_stuck:
                break
            super().write(view[start : start + select.PIPE_BUF])
        return len(view)


class _Messages(io.TextIOWrapper):
    """Standard error: a message that cannot be written, such as on a full disk, is lost and ends nothing."""

    def write(self, text: str) -> int:
        """Write a text as far as possible."""
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Flush as far as possible."""
        with suppress(OSError):
            super().flush()


class _Results(io.TextIOWrapper):
    """Standard output: a result that cannot be written is an error of ours. A closed pipe stays BrokenPipeError."""

    def write(self, text: str) -> int:
        """Write a text. Raises ResultNotWrittenError."""
        try:
            return super().write(text)
        except OSError as error:
            raise _not_written(error) from error

    def flush(self) -> None:
        """Flush what was written. Raises ResultNotWrittenError."""
        try:
            super().flush()
        except OSError as error:
            raise _not_written(error) from error


def _not_written(error: OSError) -> OSError | ResultNotWrittenError:
    if isinstance(error, BrokenPipeError):
        return error
    return ResultNotWrittenError(
        f"the result cannot be written to standard output: {error.strerror or error}",
        hint="check where standard output goes, and the free disk space",
    )


def guard_standard_streams() -> None:
    """Replace the streams of this process by ones that say what failed; leave those that a caller replaced."""
    for name, guard in (("stdout", _Results), ("stderr", _Messages)):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper and stream is getattr(sys, f"__{name}__"):
            buffer: BinaryIO = stream.buffer
            if guard is _Messages:
                buffer = io.BufferedWriter(_Unblocked(stream.fileno(), "wb", closefd=False))
            setattr(sys, name, guard(buffer, stream.encoding, stream.errors, line_buffering=stream.line_buffering))


def write_utf8_to_stdout() -> None:
    """Write UTF-8 to stdout from now on, whatever the locale: JSON (RFC 8259, section 8.1) and our pages are UTF-8."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors=sys.stdout.errors)


def usable_cores(root: Path = Path("/")) -> int:
    """Return the number of whole cores that this process may use: at least 1.

    That is the least of its CPU affinity (`taskset`) and the CPU quotas of its control groups (containers), version 1
    and 2. A quota of 2.5 cores counts as 2.

    Args:
        root: where /proc and /sys are.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([cores, *(int(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> list[float]:
    """Return the CPU quotas, in cores, of the control groups of this process and of those above them."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    found: list[float] = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        mounts = [root / "sys/fs/cgroup"]
        if controllers:
            mounts = [mounts[0] / controllers, mounts[0] / "cpu"]
        for mount in mounts:
            # inside a container the path can be the host's, which is not mounted: then the mount itself has the quota
            path = mount / group.strip("/")
            for folder in (path, *path.parents):
                quota = _quota(folder)
                found += [quota] if quota else []
                if folder == mount:
                    break
    return found


def _quota(group: Path) -> float | None:
    """Return the quota of one control group in cores; None when it has none."""
    for files in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            quota, period = " ".join((group / file).read_text(encoding="ascii") for file in files).split()
            return int(quota) / int(period) if int(quota) > 0 else None
        except (OSError, ValueError, ZeroDivisionError):  # absent, or "max 100000"
            continue
    return None
