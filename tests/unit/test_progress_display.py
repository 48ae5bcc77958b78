"""What a run shows while it goes on: a line every few seconds, or a display that stays in place."""

import io

import anyio
import pytest
from rich.console import Console

from midaz_seed.clock import FakeClock
from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import BreakerChanged, Draining, PhaseFinished, RunStarted, Settled
from midaz_seed.reporting.meter import Meter
from midaz_seed.reporting.progress import LINE_EVERY_S, LineProgress, LiveProgress, make_progress


def _meter(ledgers: int = 1) -> Meter:
    meter = Meter({Phase.TRANSFERS: 1000})
    for number in range(ledgers):
        meter.begin(Phase.TRANSFERS, f"o1.l{number + 1}", 100, 0.0)
    return meter


async def test_progress_lines_of_a_run_show_rate_and_remaining_time() -> None:
    clock, meter, out = FakeClock(), _meter(), io.StringIO()
    progress = LineProgress(meter, clock, out)
    async with anyio.create_task_group() as group:
        group.start_soon(progress.run)
        await clock.advance(0)
        for _ in range(2):
            meter.phases[Phase.TRANSFERS].requests += 200
            meter.add(Phase.TRANSFERS, Outcome.CREATED, 196)
            meter.add(Phase.TRANSFERS, Outcome.FAILED, 4)
            meter.in_flight = 7
            await clock.advance(LINE_EVERY_S)
        group.cancel_scope.cancel()
    first, second, third, last = out.getvalue().splitlines()
    assert first.startswith("  0.0 %")
    assert "left ?" in first
    assert "200/1,000 items  40 requests/s  elapsed 0:05  left 0:20  errors 2.00 %  in flight 7" in second
    assert "400/1,000" in third
    assert "left 0:15" in third
    assert last == third


async def test_lines_tell_of_phases_and_of_the_breaker() -> None:
    out = io.StringIO()
    progress = LineProgress(_meter(), FakeClock(), out)
    progress.emit(RunStarted("r", "d", "http://x", "v3.8.0", 4, {}))
    progress.emit(PhaseFinished(Phase.ACCOUNTS, "o1.l1", 98, 1, 1, 2.0))
    progress.emit(PhaseFinished(Phase.VERIFY, "o1.l1", 1, 0, 0, 2.0))
    progress.emit(Settled("o1.l1", 0.5, 3))
    progress.emit(BreakerChanged("open"))
    progress.show()
    assert out.getvalue().splitlines()[:4] == [
        "run r: 4 ledgers on http://x (Midaz v3.8.0)",
        "o1.l1 accounts: 98 created, 1 existing, 1 failed in 2.0 s",
        "o1.l1 verified in 2.0 s",
        "o1.l1 settled after 0.50 s, balances read 3 times",
    ]
    assert out.getvalue().splitlines()[-1].endswith("breaker open")


def test_the_live_display_shows_ledgers_and_state_and_sums_up_what_is_too_much() -> None:
    progress = LiveProgress(_meter(13), FakeClock(), io.StringIO())
    progress.emit(BreakerChanged("half-open"))
    progress.emit(Draining("SIGINT: finishing"))
    console = Console(record=True, width=200, file=io.StringIO())
    console.print(progress.render())
    shown = console.export_text()
    assert "o1.l10" in shown
    assert "o1.l11" not in shown
    assert "and 3 more" in shown
    assert "breaker half-open" in shown
    assert "SIGINT: finishing" in shown


async def test_the_live_display_leaves_the_terminal_as_it_was() -> None:
    clock, out = FakeClock(), io.StringIO()
    progress = LiveProgress(_meter(), clock, out)
    async with anyio.create_task_group() as group:
        group.start_soon(progress.run)
        await clock.advance(1)
        group.cancel_scope.cancel()
    progress.say("afterwards")
    assert out.getvalue().endswith("afterwards\n")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variable", "value", "kind"),
    [("TERM", "xterm", LiveProgress), ("NO_COLOR", "1", LineProgress), ("TERM", "dumb", LineProgress)],
)
def test_a_terminal_that_can_show_it_gets_the_live_display(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, kind: type
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(variable, value)
    assert type(make_progress(_Terminal(), _meter(), FakeClock())) is kind


def test_anything_else_gets_lines() -> None:
    assert type(make_progress(io.StringIO(), _meter(), FakeClock())) is LineProgress
