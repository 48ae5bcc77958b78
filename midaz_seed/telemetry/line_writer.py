"""Write lines to a file or to stdout without ever waiting for it: a thread writes, and what it cannot write is lost.

A run must not stop or slow down because of who reads its events: a full pipe, a full disk, a reader that has gone.
"""

import errno
import os
import queue
import select
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from midaz_seed.errors import OutputError
from midaz_seed.telemetry import CLOSE_S
from midaz_seed.wording import counted

QUEUE_LINES = 10_000
"""Lines that wait for a slow reader, some 3 MB; further ones are lost."""
BATCH_BYTES = 65_536
"""Bytes that are written at once when lines wait: the size of a pipe on Linux."""


class LineWriter:
    """Writes lines in a thread of its own."""

    def __init__(self, path: Path | None) -> None:
        """Open the file, whose content is replaced.

        Args:
            path: the file, or a pipe, which is opened as soon as it has a reader; None: stdout.

        Raises:
            OutputError: it cannot be written.
        """
        self.name = str(path) if path is not None else "stdout"
        self._open = self._opener(path)
        self._lines: queue.Queue[bytes | None] = queue.Queue(QUEUE_LINES)
        self._given = 0
        self._sink: _Sink | None = None
        self._error = ""
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Write a line, which ends with a line feed, as soon as the reader takes it. Never waits."""
        self._given += 1
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._error = self._error or "its reader is too slow"

    def close(self, last: bytes, wait_s: float = CLOSE_S) -> str:
        """Write the last line and stop.

        Args:
            last: the line.
            wait_s: seconds to wait at most for what is not yet written.

        Returns:
            What was lost, as a clause; "" when nothing was.
        """
        self._given += 1
        threading.Thread(target=self._end, args=(last,), daemon=True).start()
        self._thread.join(wait_s)
        lost = self._given - (self._sink.lines if self._sink is not None else 0)
        if not lost:
            return ""
        reason = self._error or f"its reader took nothing for {wait_s:g} s"
        return f"{lost:,} of {counted(self._given, 'line')} of events were lost ({self.name}: {reason})"

    def _end(self, last: bytes) -> None:
        """Append the last line, which waits for a place where other lines do not."""
        self._lines.put(last)
        self._lines.put(None)

    def _opener(self, path: Path | None) -> "Callable[[], _Sink]":
        """Return what opens the sink in the thread: a file is opened already."""
        if path is None:
            sink = _stdout()
            return lambda: sink
        try:
            if path.exists() and stat.S_ISFIFO(path.stat().st_mode):
                return lambda: _Sink(os.open(path, os.O_WRONLY))  # waits for a reader
            sink = _Sink(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666))
        except (OSError, ValueError) as error:
            raise OutputError(
                f"the events cannot be written: {getattr(error, 'strerror', None) or error}",
                where=str(path),
                hint="check the directory, its permissions and the free disk space; --events - writes to stdout",
            ) from error
        return lambda: sink

    def _run(self) -> None:
        try:
            self._sink = sink = self._open()
            try:
                while batch := self._next():
                    sink.write(batch)
            finally:
                sink.close()
        except OSError as error:
            gone = error.errno == errno.EPIPE
            self._error = "its reader has gone" if gone else error.strerror or str(error)

    def _next(self) -> bytes:
        """Wait for lines; b"" at the end."""
        line = self._lines.get()
        batch, size = [], 0
        while line is not None:
            batch.append(line)
            size += len(line)
            if size >= BATCH_BYTES or self._lines.empty():
                break
            line = self._lines.get()
        else:
            self._lines.put(None)  # for the next call
        return b"".join(batch)


class _Sink:
    """A descriptor for lines."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self.lines = 0
        """Whole lines that were written."""

    def write(self, data: bytes) -> None:
        """Write whole lines. A file on a full disk keeps only whole ones."""
        view, done = memoryview(data), 0
        try:
            while done < len(view):
                try:
                    done += os.write(self._descriptor, view[done:])
                except BlockingIOError:  # another process made the shared descriptor non-blocking
                    select.select([], [self._descriptor], [])
        except OSError:
            if self._is_file:
                whole = data.rfind(b"\n", 0, done) + 1
                os.ftruncate(self._descriptor, os.lseek(self._descriptor, 0, os.SEEK_CUR) - (done - whole))
            raise
        finally:
            self.lines += data.count(b"\n", 0, done)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


class _StreamSink(_Sink):
    """A stream that a calling program put in the place of stdout."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.lines = 0

    def write(self, data: bytes) -> None:
        self._stream.write(data)
        self._stream.flush()
        self.lines += data.count(b"\n")

    def close(self) -> None:
        """Leave the stream to its owner."""


def _stdout() -> _Sink:
    sys.stdout.flush()
    try:
        return _Sink(os.dup(sys.stdout.fileno()))
    except (OSError, ValueError):
        return _StreamSink(sys.stdout.buffer)
