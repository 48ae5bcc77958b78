"""The figures of a simulated run, and the line that fits them into a width."""

import io

import pytest

from midaz_seed.clock import FakeClock
from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import BreakerChanged
from midaz_seed.reporting.meter import Meter
from midaz_seed.reporting.progress import Progress, Watched
from midaz_seed.reporting.progress.figures import latency_text
from midaz_seed.reporting.progress.line_progress import LineProgress
from midaz_seed.reporting.progress.sparkline import sparkline
from midaz_seed.reporting.time_series import PhaseWindow, Window
from tests.support.progress import FakeRun


def display(run: FakeRun, clock: FakeClock | None = None) -> Progress:
    return LineProgress(run.watched(), clock or FakeClock(), io.StringIO())


async def test_the_rate_is_that_of_the_last_seconds_and_not_of_the_whole_run() -> None:
    run, clock = FakeRun(), FakeClock()
    progress = display(run, clock)
    for second in range(30):
        progress.figures()
        run.record(requests=100 if second < 20 else 4)
        await clock.advance(1)
    assert progress.figures().rate == "4 requests/s"


async def test_a_run_that_is_shorter_than_a_window_has_the_rates_of_its_counters() -> None:
    run, clock = FakeRun(36), FakeClock()
    progress = display(run, clock)
    run.meter.recorder(run.phase, "", 0).count_created(24)
    await clock.advance(0.5)
    assert progress.figures().rate == "48 movements/s"


async def test_movements_have_a_rate_a_history_by_seconds_and_recent_latencies() -> None:
    run, clock = FakeRun(10_000), FakeClock()
    progress = display(run, clock)
    for second in range(70):
        run.record(movements=40 if second % 2 else 20, latency_us=2_000 if second < 50 else 8_000)
        await clock.advance(1)
    figures = progress.figures()
    assert figures.rate == "30 movements/s"
    assert figures.history == (20, 40) * 30, "the last minute"
    assert figures.latency == ("p50 8.2 ms", "p99 8.2 ms"), "not those of the first 50 seconds"
    for _ in range(10):
        run.record()
        await clock.advance(1)
    figures = progress.figures()
    assert figures.latency_ms is None, "nothing was answered within the window"
    assert figures.history[-11:] == (40, *(0,) * 10)


async def test_shards_are_added_up_and_their_breaker_is_shown() -> None:
    run = FakeRun(10_000)
    run.record(movements=7)
    one, two = run.timeline.add_shard(), run.timeline.add_shard()
    for second in range(1, 4):
        run.record()
        one.add(Window({Phase.TRANSFERS: PhaseWindow(movements=10)}), second)
        if second < 3:
            two.add(Window({Phase.TRANSFERS: PhaseWindow(movements=5)}, breaker_open_s=second - 1), second)
    figures = display(run).figures()
    assert figures.history == (7, 15, 15), "not the second that one of them has not reported"
    assert figures.breaker == "open"


def test_a_sparkline_shows_the_last_values_from_zero_to_the_highest() -> None:
    assert sparkline([9, 0, 1, 4, 8], 4) == "▁▂▅█"
    assert sparkline([0, 0], 5) == "▁▁"
    assert sparkline([0, 8], 2, ascii_only=True) == "_@"
    assert sparkline([1, 2], 0) == sparkline([], 9) == ""


async def test_remaining_time_is_unknown_while_nothing_moves_and_none_when_all_is_done() -> None:
    run, clock = FakeRun(), FakeClock()
    progress = display(run, clock)
    for _ in range(4):
        await clock.advance(5)
        stalled = progress.figures()
    assert stalled.eta_s is None
    assert "left ?" in stalled.line()
    run.advance(1000)
    for _ in range(4):
        await clock.advance(5)
        done = progress.figures()
    assert done.eta_s == 0
    assert done.line().startswith("100.0 %")


async def test_the_error_rate_is_failed_items_of_the_finished_ones() -> None:
    run = FakeRun()
    run.advance(195)
    run.advance(5, Outcome.FAILED)
    run.record(requests=1, timeout=2, rate_limited=1200)
    run.record(requests=1, timeout=1)
    figures = display(run).figures()
    assert figures.error_percent == 2.5
    assert "errors 2.50 %" in figures.line()
    assert figures.line().endswith("failed attempts: 1,200 rate limited, 3 timeout")


async def test_the_day_of_the_history_is_the_earliest_that_is_being_sent() -> None:
    run = FakeRun()
    meter = run.meter
    for number, day in enumerate((739_600, 739_590, 0)):
        recorder = meter.recorder(Phase.TRANSFERS, f"o1.l{number}", 10)
        meter.begin(recorder, 0.0)
        recorder.progress.day = day
    assert "day 2025-12-05" in display(run).figures().line()
    for number in (0, 1):
        meter.end(meter.recorder(Phase.TRANSFERS, f"o1.l{number}", 10), 1.0)
    assert "day" not in display(run).figures().line()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
@pytest.mark.parametrize("planned", [36, 1_020_000])
async def test_the_status_line_fits_and_keeps_what_matters_most(planned: int, width: int) -> None:
    """Row 7: the status line had 92 columns and wrapped at 80 and 60."""
    run, clock = FakeRun(planned), FakeClock()
    progress = display(run, clock)
    progress.figures()
    run.advance(planned // 3)
    await clock.advance(5)
    line = progress.figures().line(width)
    assert len(line) <= width
    assert line.startswith(" 33.3 %  left 0:10" if width == 20 else " 33.3 %  ")
    assert "left 0:10" in line
    assert (f"/{planned:,}" in line) is (width >= 40)
    assert ("errors 0.00 %" in line) is (width == 120), "no errors are no news"


async def test_errors_and_an_open_breaker_stay_in_a_narrow_line() -> None:
    """Row 7: what is left out is what matters least."""
    run = FakeRun()
    run.advance(95)
    run.advance(5, Outcome.FAILED)
    progress = display(run)
    progress.emit(BreakerChanged("open"))
    assert progress.figures().line(56) == " 10.0 %  100/1,000  left ?  errors 5.00 %  breaker open"


async def test_the_current_maximum_in_flight_is_shown_where_it_changes() -> None:
    """Row 7: on a terminal only the first change of `-c auto` was shown."""
    limit = 4
    progress = LineProgress(Watched(Meter({}), limit=lambda: limit), FakeClock(), io.StringIO())
    assert progress.figures().line().endswith("in flight 0/4")
    limit = 16
    assert progress.figures().line().endswith("in flight 0/16")


async def test_a_verification_alone_shows_ledgers() -> None:
    """Row 7: `verify` showed "100.0 % 0/0 items"."""
    verified = [0, 4]
    watched = Watched(Meter({}), verified=lambda: (verified[0], verified[1]))
    progress = LineProgress(watched, FakeClock(), io.StringIO())
    assert progress.figures().line().startswith("  0.0 %  0/4 ledgers  ")
    verified[0] = 4
    assert progress.figures().line().startswith("100.0 %  4/4 ledgers  ")


async def test_hours_are_shown_as_hours() -> None:
    clock = FakeClock()
    progress = display(FakeRun(), clock)
    await clock.advance(3 * 3600 + 61)
    assert "elapsed 3:01:01" in progress.figures().line()
    assert [latency_text(each) for each in (2.14, 85.4, 1234.0, 12_340.0)] == ["2.1 ms", "85 ms", "1,234 ms", "12.3 s"]
