"""Progress of a simulated run: lines where nobody watches, a display that stays in place on a terminal."""

import io

import anyio
import anyio.lowlevel
import pytest
from rich.console import Console

from midaz_seed.clock import FakeClock
from midaz_seed.model.outcomes import ErrorClass, Outcome
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import (
    BreakerChanged,
    Draining,
    ErrorSeen,
    Event,
    PhaseFinished,
    PhaseStarted,
    RunStarted,
    Settled,
)
from midaz_seed.reporting.meter import Meter
from midaz_seed.reporting.progress import LineProgress, LiveProgress, Progress, describe, make_progress

STARTED = RunStarted("r1", "abc", "http://127.0.0.1:3002", "v3.8.0", 4, {})


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def advance(meter: Meter, items: int, outcome: Outcome = Outcome.CREATED) -> None:
    meter.recorder(Phase.ACCOUNTS, "", 0).count(outcome, items)
    meter.phases[Phase.ACCOUNTS].requests += 2 * items


async def settle() -> None:
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


@pytest.fixture
def meter() -> Meter:
    return Meter({Phase.ACCOUNTS: 1000})


@pytest.fixture(autouse=True)
def _a_plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")


async def test_progress_lines_of_a_run_show_rate_and_remaining_time(meter: Meter) -> None:
    clock, stream = FakeClock(), io.StringIO()
    progress = LineProgress(meter, clock, stream)
    async with anyio.create_task_group() as group:
        group.start_soon(progress.run)
        await settle()
        for _ in range(3):
            advance(meter, 100)
            await clock.advance(5)
        group.cancel_scope.cancel()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5, "at the beginning, every five seconds, and at the end"
    assert lines[0].startswith("  0.0 %  0/1,000 items  0 requests/s  elapsed 0:00  left ?")
    assert lines[3].startswith(" 30.0 %  300/1,000 items  40 requests/s  elapsed 0:15  left 0:35")


async def test_the_rate_is_that_of_the_last_seconds_and_not_of_the_whole_run(meter: Meter) -> None:
    clock = FakeClock()
    progress = LineProgress(meter, clock, io.StringIO())
    for items in (100, 100, 1, 1, 1):
        progress.numbers()
        advance(meter, items)
        await clock.advance(5)
    assert progress.numbers().rate_per_s == pytest.approx(0.4)


async def test_remaining_time_is_unknown_while_nothing_moves_and_none_when_all_is_done(meter: Meter) -> None:
    clock = FakeClock()
    progress = LineProgress(meter, clock, io.StringIO())
    for _ in range(4):
        await clock.advance(5)
        stalled = progress.numbers()
    assert stalled.eta_s is None
    assert "left ?" in str(stalled)
    advance(meter, 1000)
    for _ in range(4):
        await clock.advance(5)
        done = progress.numbers()
    assert done.eta_s == 0
    assert str(done).startswith("100.0 %")


async def test_the_error_rate_is_failed_items_of_the_finished_ones(meter: Meter) -> None:
    advance(meter, 195)
    advance(meter, 5, Outcome.FAILED)
    numbers = LineProgress(meter, FakeClock(), io.StringIO()).numbers()
    assert numbers.error_percent == 2.5
    assert "errors 2.50 %" in str(numbers)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
@pytest.mark.parametrize("planned", [36, 1_020_000])
async def test_the_status_line_fits_and_keeps_what_matters_most(planned: int, width: int) -> None:
    """Row 7: the status line had 92 columns and wrapped at 80 and 60."""
    meter, clock = Meter({Phase.ACCOUNTS: planned}), FakeClock()
    progress = LineProgress(meter, clock, io.StringIO())
    progress.numbers()
    advance(meter, planned // 3)
    await clock.advance(5)
    line = progress.numbers().line(width)
    assert len(line) <= width
    assert line.startswith(" 33.3 %  left 0:10" if width == 20 else " 33.3 %  ")
    assert "left 0:10" in line
    assert (f"/{planned:,}" in line) is (width >= 40)
    assert ("errors 0.00 %" in line) is (width == 120), "no errors are no news"


async def test_errors_and_an_open_breaker_stay_in_a_narrow_line(meter: Meter) -> None:
    """Row 7: what is left out is what matters least."""
    advance(meter, 95)
    advance(meter, 5, Outcome.FAILED)
    progress = LineProgress(meter, FakeClock(), io.StringIO())
    progress.emit(BreakerChanged("open"))
    assert progress.numbers().line(56) == " 10.0 %  100/1,000  left ?  errors 5.00 %  breaker open"


async def test_the_current_maximum_in_flight_is_shown_where_it_changes(meter: Meter) -> None:
    """Row 7: on a terminal only the first change of `-c auto` was shown."""
    limit = 4
    progress = LineProgress(meter, FakeClock(), io.StringIO(), limit=lambda: limit)
    assert str(progress.numbers()).endswith("in flight 0/4")
    limit = 16
    assert str(progress.numbers()).endswith("in flight 0/16")


async def test_a_verification_alone_shows_ledgers(meter: Meter) -> None:
    """Row 7: `verify` showed "100.0 % 0/0 items"."""
    verified = [0, 4]
    progress = LineProgress(Meter({}), FakeClock(), io.StringIO(), verified=lambda: (verified[0], verified[1]))
    assert str(progress.numbers()).startswith("  0.0 %  0/4 ledgers  ")
    verified[0] = 4
    assert str(progress.numbers()).startswith("100.0 %  4/4 ledgers  ")


def test_hostile_texts_in_events_are_escaped() -> None:
    """H9: a server's version in the line about the start."""
    line = describe(RunStarted("r1", "abc", "http://x/", "v3\x1b[2J\n", 1, {}))
    assert line == r"run r1: 1 ledger on http://x/ (Midaz v3\x1b[2J\n)"


async def test_hours_are_shown_as_hours(meter: Meter) -> None:
    clock = FakeClock()
    progress = LineProgress(meter, clock, io.StringIO())
    await clock.advance(3 * 3600 + 61)
    assert "elapsed 3:01:01" in str(progress.numbers())


async def test_an_open_breaker_is_shown_until_it_closes(meter: Meter) -> None:
    stream = io.StringIO()
    progress = LineProgress(meter, FakeClock(), stream)
    for state in ("open", "half-open", "closed"):
        progress.emit(BreakerChanged(state))
        progress.show()
    opened, tried, closed = stream.getvalue().splitlines()
    assert opened.endswith("breaker open")
    assert tried.endswith("breaker half-open")
    assert "breaker" not in closed


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (STARTED, "run r1: 4 ledgers on http://127.0.0.1:3002 (Midaz v3.8.0)"),
        (PhaseFinished(Phase.ACCOUNTS, "o1.l1", 1200, 0, 0, 2.5), "o1.l1 accounts: 1,200 created in 2.5 s"),
        (
            PhaseFinished(Phase.ACCOUNTS, "o1.l1", 90, 7, 3, 2.5),
            "o1.l1 accounts: 90 created, 7 existing, 3 failed in 2.5 s",
        ),
        (PhaseFinished(Phase.REFUSALS, "o1.l1", 0, 0, 1, 0.5, 39), "o1.l1 refusals: 39 refused, 1 failed in 0.5 s"),
        (PhaseFinished(Phase.VERIFY, "o1.l1", 1, 0, 0, 0.25), "o1.l1 verified in 0.2 s"),
        (PhaseFinished(Phase.VERIFY, "o1.l1", 0, 0, 0, 0.25), "o1.l1 not verified, stopped after 0.2 s"),
        (PhaseFinished(Phase.SETTLEMENT, "o1.l1", 0, 0, 0, 0.25), ""),
        (Settled("o1.l1", 0.25, 3), "o1.l1 settled after 0.25 s, balances read 3 times"),
        (PhaseStarted(Phase.ACCOUNTS, "o1.l1", 100), ""),
        (ErrorSeen(ErrorClass.SERVER, Phase.ACCOUNTS, "o1.l1.a1", "", "told by the log"), ""),
    ],
)
def test_an_event_is_one_line_or_none(event: Event, line: str) -> None:
    assert describe(event) == line


def test_a_stream_that_cannot_be_written_does_not_end_the_run(meter: Meter) -> None:
    with open("/dev/full", "w", encoding="utf-8", buffering=1) as full:
        progress = LineProgress(meter, FakeClock(), full)
        for _ in range(3):
            progress.emit(STARTED)
            progress.show()


@pytest.mark.parametrize(
    ("stream", "variables", "kind"),
    [
        (Terminal(), {}, LiveProgress),
        (Terminal(), {"NO_COLOR": ""}, LiveProgress),
        (Terminal(), {"NO_COLOR": "1"}, LiveProgress),
        (Terminal(), {"TERM": "dumb"}, LineProgress),
        (io.StringIO(), {}, LineProgress),
    ],
    ids=["terminal", "empty NO_COLOR", "NO_COLOR", "dumb terminal", "no terminal"],
)
def test_only_a_terminal_that_wants_it_gets_the_live_display(
    meter: Meter, monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, variables: dict[str, str], kind: type[Progress]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert type(make_progress(stream, meter, FakeClock())) is kind


def shown(progress: LiveProgress) -> str:
    """What the display looks like at 80 columns."""
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as captured:
        console.print(progress.render())
    return captured.get()


def test_the_display_has_a_row_for_each_active_ledger(meter: Meter) -> None:
    for number in (1, 2, 3):
        recorder = meter.recorder(Phase.ACCOUNTS, f"o1.l{number}", 1000)
        meter.begin(recorder, 0.0)
        recorder.count(Outcome.CREATED)
    meter.end(meter.recorder(Phase.ACCOUNTS, "o1.l2", 0), 1.0)
    text = shown(LiveProgress(meter, FakeClock(), Terminal()))
    assert [line.split() for line in text.splitlines() if line.startswith("o1")] == [
        ["o1.l1", "accounts", "1", "1,000"],
        ["o1.l3", "accounts", "1", "1,000"],
    ]


def test_a_hundred_ledgers_take_ten_rows_and_one_that_sums_up_the_others(meter: Meter) -> None:
    for number in range(100):
        recorder = meter.recorder(Phase.ACCOUNTS, f"o1.l{number}", 1000)
        meter.begin(recorder, 0.0)
        recorder.count(Outcome.CREATED)
    lines = shown(LiveProgress(meter, FakeClock(), Terminal())).splitlines()
    assert sum(line.startswith("o1") for line in lines) == 10
    assert lines[-1].split() == ["...", "90", "more", "90", "90,000"]


async def test_the_display_shows_the_rate_and_the_remaining_time_of_the_whole(meter: Meter) -> None:
    clock = FakeClock()
    progress = LiveProgress(meter, clock, Terminal())
    progress.render()
    advance(meter, 100)
    await clock.advance(5)
    text = " ".join(shown(progress).split())
    assert "100/1,000 items 40 requests/s" in text
    assert "left 0:45" in text


def test_the_display_shows_that_the_breaker_is_open_and_that_the_run_is_ending(meter: Meter) -> None:
    progress = LiveProgress(meter, FakeClock(), Terminal())
    assert "breaker" not in shown(progress)
    progress.emit(BreakerChanged("open"))
    progress.emit(Draining("SIGINT: finishing what is in flight"))
    text = " ".join(shown(progress).split())
    assert "breaker open" in text
    assert "SIGINT: finishing what is in flight" in text


async def test_the_live_display_ends_cleanly_when_cancelled_and_leaves_the_cursor_visible(meter: Meter) -> None:
    clock, stream = FakeClock(), Terminal()
    progress = LiveProgress(meter, clock, stream)
    async with anyio.create_task_group() as group:
        group.start_soon(progress.run)
        await settle()
        for _ in range(8):
            advance(meter, 10)
            await clock.advance(0.25)
        progress.emit(STARTED)
        group.cancel_scope.cancel()
    assert "80/1,000 items" in stream.getvalue()
    assert "run r1: 4 ledgers" in stream.getvalue()
    assert stream.getvalue().rfind("\x1b[?25h") > stream.getvalue().rfind("\x1b[?25l")
    assert clock.slept_s == [0.25] * 9
