"""Lines for logs: what they show, and that they become rarer."""

import io
from collections.abc import Callable

import anyio
import pytest

from midaz_seed.clock import FakeClock
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import (
    BreakerChanged,
    ErrorSeen,
    Event,
    PhaseFinished,
    PhaseStarted,
    RunStarted,
    Settled,
)
from midaz_seed.reporting.progress import Progress, describe, make_progress
from midaz_seed.reporting.progress.line_progress import EVENT_LINES_MAX, LineProgress
from midaz_seed.reporting.progress.live_progress import LiveProgress
from tests.support.progress import FakeRun, TerminalStream, let_others_run

STARTED = RunStarted("r1", "abc", "http://127.0.0.1:3002", "v3.8.0", 4, {})


async def lines_of(run: FakeRun, duration_s: float, each_step: Callable[[LineProgress], None]) -> list[str]:
    """Return the lines of a run of this length, in which something happens every five seconds."""
    clock, stream = FakeClock(), io.StringIO()
    progress = LineProgress(run.watched(), clock, stream)
    async with anyio.create_task_group() as group:
        group.start_soon(progress.run)
        await let_others_run()
        for _ in range(int(duration_s / 5)):
            each_step(progress)
            await clock.advance(5)
        group.cancel_scope.cancel()
    return stream.getvalue().splitlines()


async def test_progress_lines_of_a_run_show_rate_and_remaining_time() -> None:
    run = FakeRun()

    def step(_: LineProgress) -> None:
        run.advance(100)
        for _ in range(5):
            run.record(requests=40)

    lines = await lines_of(run, 15, step)
    assert len(lines) == 4, "at the beginning and every five seconds; nothing is new at the end"
    assert lines[0] == "  0.0 %  0/1,000 items  0 movements/s  elapsed 0:00  left ?  errors 0.00 %  in flight 0"
    assert lines[3].startswith(" 30.0 %  300/1,000 items  40 requests/s  elapsed 0:15  left 0:35")


async def test_the_log_of_an_hour_with_fifty_ledgers_has_less_than_400_lines() -> None:
    """Nine phases of each ledger alone would be 450 lines."""
    run = FakeRun(1_000_000)
    ledgers = iter(range(50 * 9))

    def step(progress: LineProgress) -> None:
        run.advance(1000)
        number = next(ledgers, None)
        if number is not None:
            progress.emit(PhaseFinished(Phase.ACCOUNTS, f"o1.l{number // 9}", 10, 0, 0, 1.0))
        if number == 300:
            progress.emit(BreakerChanged("open"))

    lines = await lines_of(run, 3600, step)
    assert len(lines) < 400
    about_ledgers = [line for line in lines if line.startswith("o1.")]
    assert len(about_ledgers) == EVENT_LINES_MAX
    assert lines.count("further lines about single events are left out") == 1
    assert any("breaker open" in line for line in lines), "what concerns the whole run has a line always"
    elapsed = [line.partition("elapsed ")[2].split()[0] for line in lines if "elapsed" in line]
    assert elapsed[:4] == ["0:00", "0:05", "0:10", "0:15"]
    assert elapsed[-1] == "1:00:00"
    assert len(elapsed) < 220


async def test_lines_are_rarer_while_nothing_changes_and_a_change_has_one_at_once() -> None:
    run = FakeRun()
    steps = iter(range(1000))

    def step(_: LineProgress) -> None:
        if next(steps) in (0, 50):
            run.advance(10)

    lines = await lines_of(run, 300, step)
    assert len(lines) <= 14
    assert [line.partition("elapsed ")[2].split()[0] for line in lines][:4] == ["0:00", "0:05", "0:35", "1:05"]
    assert any("20/1,000" in line and "elapsed 4:15" in line for line in lines)


def test_hostile_texts_in_events_are_escaped() -> None:
    """H9: a server's version in the line about the start."""
    line = describe(RunStarted("r1", "abc", "http://x/", "v3\x1b[2J\n", 1, {}))
    assert line == r"run r1: 1 ledger on http://x/ (Midaz v3\x1b[2J\n)"


async def test_an_open_breaker_is_shown_until_it_closes() -> None:
    clock, stream = FakeClock(), io.StringIO()
    progress = LineProgress(FakeRun().watched(), clock, stream)
    for state in ("open", "half-open", "closed"):
        progress.emit(BreakerChanged(state))
        progress.show()
        await clock.advance(5)
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


def test_a_stream_that_cannot_be_written_does_not_end_the_run() -> None:
    with open("/dev/full", "w", encoding="utf-8", buffering=1) as full:
        progress = LineProgress(FakeRun().watched(), FakeClock(), full)
        for _ in range(3):
            progress.emit(STARTED)
            progress.show()


@pytest.mark.parametrize(
    ("stream", "variables", "kind"),
    [
        (TerminalStream(), {}, LiveProgress),
        (TerminalStream(), {"NO_COLOR": ""}, LiveProgress),
        (TerminalStream(), {"NO_COLOR": "1"}, LiveProgress),
        (TerminalStream(), {"TERM": "dumb"}, LineProgress),
        (io.StringIO(), {}, LineProgress),
    ],
    ids=["terminal", "empty NO_COLOR", "NO_COLOR", "dumb terminal", "no terminal"],
)
def test_only_a_terminal_that_wants_it_gets_the_live_display(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, variables: dict[str, str], kind: type[Progress]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert type(make_progress(stream, FakeRun().watched(), FakeClock())) is kind
