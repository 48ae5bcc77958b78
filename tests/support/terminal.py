"""A terminal with a command in it: what it shows, also while its width changes."""

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tools.chaos.processes import COMMAND, UNMEASURED_ENVIRONMENT

HEIGHT = 30
_CODE = re.compile(r"\x1b\[(\??)(\d*(?:;\d+)*)([A-Za-z])|\x1b[^\[]|.", re.S)


class Screen:
    """Rows of text and a cursor. Like most terminals it breaks and joins long lines anew when its width changes."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.colours = 0
        """Number of codes that set a colour."""
        self._rows = [""]
        self._continued = [False]
        """Whether a row is the continuation of the line in the one before."""
        self._row = self._column = 0

    def feed(self, text: str) -> None:
        """Show what a program writes."""
        for code in _CODE.finditer(text):
            if code[3]:
                self._control(code[1], code[2], code[3])
            else:
                self._write(code[0])

    def _control(self, private: str, numbers: str, kind: str) -> None:
        count = int(numbers or 1) if numbers.isdecimal() or not numbers else 1
        if kind == "A":
            self._row = max(self._row - count, 0)
        elif kind == "K":
            self._rows[self._row] = "" if numbers == "2" else self._rows[self._row][: self._column]
        elif kind == "m":
            self.colours += any(30 <= int(number or 0) % 100 < 38 for number in numbers.split(";"))
        else:
            assert private, f"unknown control code {kind}"

    def _write(self, sign: str) -> None:
        if sign == "\r":
            self._column = 0
        elif sign == "\n":
            self._next_row(continued=False)
            self._column = 0
        else:
            assert sign.isprintable(), f"{sign!r} has reached the terminal"
            if self._column == self.columns:
                self._next_row(continued=True)
                self._column = 0
            row = self._rows[self._row].ljust(self._column)
            self._rows[self._row] = row[: self._column] + sign + row[self._column + 1 :]
            self._column += 1

    def _next_row(self, *, continued: bool) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append("")
            self._continued.append(continued)
        else:
            self._continued[self._row] = continued

    def resize(self, columns: int) -> None:
        """Change the width."""
        rows, continued = [], []
        cursor = (0, 0)
        start = 0
        while start < len(self._rows):
            end = start + 1
            while end < len(self._rows) and self._continued[end]:
                end += 1
            line = "".join(self._rows[start:end])
            if start <= self._row < end:
                offset = sum(len(row) for row in self._rows[start : self._row]) + self._column
                cursor = (len(rows) + offset // columns, offset % columns)
            pieces = [line[at : at + columns] for at in range(0, len(line), columns)] or [""]
            rows += pieces
            continued += [False, *[True] * (len(pieces) - 1)]
            start = end
        self._rows, self._continued, self.columns = rows, continued, columns
        self._row, self._column = cursor

    @property
    def rows(self) -> list[str]:
        """Everything that is shown, with what has scrolled away, without empty rows."""
        return [row.rstrip() for row in self._rows if row.strip()]

    @property
    def text(self) -> str:
        """The rows as one text."""
        return "\n".join(self.rows)


class Terminal:
    """A command with a terminal for stdin, stdout and stderr."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int, columns: int) -> None:
        self.screen = Screen(columns)
        self._process = process
        self._master = master
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def wait_until(self, condition: Callable[[Screen], bool], within_s: float = 60) -> None:
        """Read until the screen fulfils a condition."""
        ends_s = time.monotonic() + within_s
        while not condition(self.screen):
            assert time.monotonic() < ends_s, self.screen.text
            assert self._read(0.1), self.screen.text

    def _read(self, wait_s: float) -> bool:
        """Show what has been written; return False at its end."""
        if not select.select([self._master], [], [], wait_s)[0]:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # every process has closed it
            return False
        self.screen.feed(self._decoder.decode(data))
        return bool(data)

    def type(self, text: str) -> None:
        """Type text."""
        os.write(self._master, text.encode())

    def resize(self, columns: int) -> None:
        """Change the width between two writes of the command, which stands still for that."""
        self._process.send_signal(signal.SIGSTOP)
        while select.select([self._master], [], [], 0.05)[0]:
            self._read(0)
        _set_columns(self._master, columns)
        self.screen.resize(columns)
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> int:
        """Read to the end; return the exit code."""
        while self._read(60):
            pass
        return self._process.wait(60)


def _set_columns(descriptor: int, columns: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, columns, 0, 0))


@contextmanager
def terminal(
    *arguments: str, columns: int = 80, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Run the command in a terminal of this width."""
    dropped = {"NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES"}
    environment = {name: value for name, value in UNMEASURED_ENVIRONMENT.items() if name not in dropped}
    environment |= {"TERM": "xterm-256color", "PYTHONUTF8": "1", **(environ or {})}
    master, slave = pty.openpty()
    _set_columns(slave, columns)
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=cwd,
        env=environment,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master, columns)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        os.close(master)
