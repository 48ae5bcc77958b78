"""The live view: what it shows, how its tree folds, and that it fits."""

import io

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from midaz_seed.clock import FakeClock
from midaz_seed.reporting.events import BreakerChanged, Draining, RunStarted
from midaz_seed.reporting.progress.live_progress import LiveProgress
from midaz_seed.reporting.progress.tree import ORDER, Shape, tree_lines
from tests.support.progress import FakeRun, TerminalStream, let_others_run, organization

STARTED = RunStarted("r1", "abc", "http://127.0.0.1:3002", "v3.8.0", 4, {})


def shown(progress: LiveProgress) -> str:
    """What the view looks like."""
    console = Console(file=io.StringIO(), width=250)
    with console.capture() as captured:
        console.print(progress.render())
    return captured.get()


def tree(organizations: list[tuple[str, ...]], width: int = 80, rows_max: int = 20, name: str = "Banco") -> list[str]:
    """The rows of a tree of organizations whose ledgers have these statuses."""
    every = [organization(number, statuses, name) for number, statuses in enumerate(organizations, 1)]
    return [line.plain for line in tree_lines(every, Shape(width, rows_max))]


def test_one_ledger_has_two_rows() -> None:
    assert tree([("running",)]) == [
        "o1  Banco  1 ledger: 1 running",
        "  o1.l1  transfers  ━━━━━━━━────────  500/1,000  50 %",
    ]
    assert tree([("waiting", "done")]) == [
        "o1  Banco  2 ledgers: 1 done, 1 waiting",
        "  o1.l1  waiting",
        "  o1.l2  done",
    ]


def test_what_does_not_fit_is_counted_and_failed_and_running_ledgers_have_rows() -> None:
    statuses = ("done",) * 12 + ("running",) * 4 + ("failed",) + ("waiting",) * 4
    rows = tree([statuses, ("waiting",) * 21, ("done",) * 21], rows_max=12)
    assert rows[0] == "o1  Banco  21 ledgers: 1 failed, 4 running, 12 done, 4 waiting"
    assert [row.split()[0] for row in rows[1:6]] == ["o1.l13", "o1.l14", "o1.l15", "o1.l16", "o1.l17"]
    assert rows[5] == "  o1.l17  failed: its deposits are not visible"
    assert rows[6:] == ["o2  Banco  21 ledgers: 21 waiting", "o3  Banco  21 ledgers: 21 done"]
    narrow = tree([statuses, ("waiting",) * 21, ("done",) * 21], rows_max=7)
    assert narrow[-1] == "2 more organizations  42 ledgers: 21 done, 21 waiting"
    assert narrow[:6] == rows[:6]


def test_many_failed_ledgers_leave_half_of_the_rows_to_running_ones() -> None:
    rows = tree([("failed",) * 30 + ("running",) * 30], rows_max=11)
    assert sum("failed:" in row for row in rows) == 5
    assert sum("transfers" in row for row in rows) == 5


def test_a_name_is_cut_before_the_counts_are() -> None:
    name = "Farol Sereno Instituição de Pagamento S.A."
    row = tree([("running",) * 8 + ("waiting",) * 13], width=60, rows_max=9, name=name)[0]
    assert row == "o1  Farol Sereno Instituição de Paga…  8 running, 13 waiting"


STATUSES = st.lists(st.lists(st.sampled_from(ORDER), max_size=8).map(tuple), max_size=12)


@given(STATUSES, st.integers(20, 200), st.integers(0, 30), st.text(max_size=60))
def test_a_tree_fits_into_its_space_and_no_ledger_is_lost(
    organizations: list[tuple[str, ...]], width: int, rows_max: int, name: str
) -> None:
    every = [organization(number, statuses, name) for number, statuses in enumerate(organizations, 1)]
    lines = tree_lines(every, Shape(width, rows_max))
    assert len(lines) <= rows_max
    assert all(line.cell_len <= width for line in lines)
    assert all(line.plain.isprintable() for line in lines)
    if lines and width >= 120:
        counted = [line.plain for line in lines if " ledger" in line.plain and not line.plain.startswith("  ")]
        totals = [int(text.rpartition(" ledger")[0].split()[-1]) for text in counted]
        assert sum(totals) == sum(len(statuses) for statuses in organizations)


async def test_the_view_shows_rate_sparkline_latencies_errors_and_remaining_time() -> None:
    run, clock = FakeRun(), FakeClock()
    progress = LiveProgress(run.watched([organization(1, ["running"])]), clock, TerminalStream())
    for movements in (10, 20, 40, 80):
        progress.render()
        run.advance(movements)
        run.record(movements=movements, latency_us=2_500, server=3, timeout=1)
        await clock.advance(1)
    text = shown(progress)
    assert "150/1,000 items" in text
    assert "left 0:23" in text
    assert "38 movements/s  ▂▃▅█  p50 2.6 ms  p99 2.6 ms" in text
    assert "failed attempts: 12 server, 4 timeout" in text
    assert "o1  Banco Aurora S.A.  1 ledger: 1 running" in text


@pytest.mark.parametrize("columns", [30, 60, 80, 200])
async def test_no_row_of_the_view_is_wider_or_higher_than_the_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    run, clock = FakeRun(1_000_000), FakeClock()
    every = [organization(number, ("running", "failed") * 30) for number in range(1, 4)]
    progress = LiveProgress(run.watched(every), clock, TerminalStream())
    progress.emit(Draining("SIGINT: finishing what is in flight"))
    errors = {"insufficient_funds": 12_000, "foreign_replay": 3, "rate_limited": 1, "validation": 5}
    for _ in range(70):
        run.record(movements=10, latency_us=2_500, **errors)
    lines = shown(progress).splitlines()
    assert max(map(len, lines)) < columns
    assert len(lines) < 24
    assert lines[0] == "─" * min(columns - 1, 120)


def test_the_view_shows_that_the_breaker_is_open_and_that_the_run_is_ending() -> None:
    progress = LiveProgress(FakeRun().watched(), FakeClock(), TerminalStream())
    assert "breaker" not in shown(progress)
    progress.emit(BreakerChanged("open"))
    progress.emit(Draining("SIGINT: finishing what is in flight"))
    text = " ".join(shown(progress).split())
    assert "breaker open" in text
    assert "SIGINT: finishing what is in flight" in text


async def test_the_live_view_ends_cleanly_when_cancelled_and_leaves_the_cursor_visible() -> None:
    run, clock, stream = FakeRun(), FakeClock(), TerminalStream()
    progress = LiveProgress(run.watched(), clock, stream)
    async with anyio.create_task_group() as group:
        group.start_soon(progress.run)
        await let_others_run()
        for _ in range(8):
            run.advance(10)
            await clock.advance(0.25)
        progress.emit(STARTED)
        group.cancel_scope.cancel()
    assert "80/1,000 items" in stream.getvalue()
    assert "run r1: 4 ledgers" in stream.getvalue()
    assert stream.getvalue().rfind("\x1b[?25h") > stream.getvalue().rfind("\x1b[?25l")
    assert clock.slept_s == [0.25] * 9
