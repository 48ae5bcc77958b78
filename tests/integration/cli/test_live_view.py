"""The live view in a pseudo-terminal: at several widths, while these change, and what is said before it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from tests.support.terminal import terminal
from tools.chaos.processes import COMMAND, UNMEASURED_ENVIRONMENT

pytestmark = pytest.mark.slow

BAR = {"━", "─"}
RUN = (
    *("run", "--target", "sandbox", "--no-journal", "--organizations", "2", "--ledgers", "12", "--accounts", "12"),
    *("--transactions", "40", "--rate", "500", "-c", "8"),
)


class Watched:
    """A run in a terminal that cuts lines where it becomes narrower, as xterm does."""

    def __init__(self, cwd: Path, columns: int) -> None:
        dropped = {"NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES"}
        environment = {name: value for name, value in UNMEASURED_ENVIRONMENT.items() if name not in dropped}
        environment |= {"TERM": "xterm-256color", "PYTHONUTF8": "1"}
        self._screen = pyte.Screen(columns, 24)
        self._stream = pyte.ByteStream(self._screen)
        command = [*COMMAND, *RUN]
        self._child = pexpect.spawn(command[0], command[1:], cwd=cwd, env=environment, dimensions=(24, columns))

    def rows(self) -> list[str]:
        return [row.rstrip() for row in self._screen.display if row.strip()]

    def wait_until(self, condition: Callable[[list[str]], bool]) -> list[str]:
        """Read until what is shown fulfils a condition; return it."""
        ends_s = time.monotonic() + 60
        while not condition(rows := self.rows()):
            assert time.monotonic() < ends_s, "\n".join(rows)
            try:
                self._stream.feed(self._child.read_nonblocking(65536, 1))
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                pytest.fail("the run has ended:\n" + "\n".join(rows))
        return rows

    def resize(self, columns: int) -> None:
        self._screen.resize(24, columns)
        self._child.setwinsize(24, columns)

    def close(self) -> None:
        self._child.close(force=True)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    run = Watched(tmp_path, 80)
    yield run
    run.close()


def test_the_view_is_a_tree_that_fits_at_three_widths_and_while_they_change(watched: Watched) -> None:
    """More ledgers than fit: those at work have rows, the others are counted."""
    for columns in (80, 200, 60, 80, 60):
        watched.resize(columns)
        rows = watched.wait_until(
            lambda rows, columns=columns: (
                [len(row) for row in rows if BAR & set(row[:1])] == [min(columns - 1, 120)]
                and any("movements/s" in row for row in rows)
                and any("transfers" in row for row in rows)
                and any("p50" in row and "p99" in row for row in rows)
            )
        )
        text = "\n".join(rows)
        assert max(map(len, rows)) < columns, text
        tree = [row for row in rows if row.startswith("  o")]
        assert 1 <= len(tree) <= 12, text
        assert sum(row.startswith("o1  ") for row in rows) == 1, text
        assert sum(row.startswith("o2  ") or "more organization" in row for row in rows) == 1, text
        assert sum("left" in row for row in rows) == 1, text
        assert ("12 ledgers: " in text) is (columns > 60), text
        assert (("Principal" in text), bool(BAR & set("".join(tree)))) == (columns == 200, columns > 60), text


def test_a_run_says_what_it_will_do_and_where_before_it_writes(tmp_path: Path) -> None:
    """And a server on this machine that does not answer is no dead end."""
    with terminal("run", "--preset", "tiny", "-u", "http://127.0.0.1:9", columns=160, cwd=tmp_path) as shown:
        assert shown.end() == 3
    expected = "Seeding the Midaz at http://127.0.0.1:9 (this machine): preset tiny, 1 ledger, 24 movements"
    assert shown.screen.rows[0] == expected
    assert shown.screen.rows[-1].endswith("; to try without a server: --target sandbox")
