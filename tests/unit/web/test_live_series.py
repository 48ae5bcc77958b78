"""A live page reads only the windows that have changed, and has the same series as the run."""

from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.plan.items import Phase
from midaz_seed.reporting.time_series import PhaseWindow, Timeline, TimeSeries, Window
from midaz_seed.web.live_series import WINDOWS_MAX, LiveSeries, NewWindows, SeriesTail


def window(movements: int) -> Window:
    return Window({Phase.TRANSFERS: PhaseWindow(movements=movements, requests=movements, latency={40: movements})})


SERIES = 3
STEPS = st.lists(
    st.tuples(st.integers(0, SERIES - 1), st.integers(1, 4), st.integers(1, 9), st.booleans()), min_size=1, max_size=30
)
"""Series, windows that it gets, movements in each, whether the page reads afterwards."""


@settings(max_examples=60)
@given(STEPS, st.integers(0, 2))
def test_the_page_has_the_series_of_the_run_over_all_processes(
    steps: list[tuple[int, int, int, bool]], coarse: int
) -> None:
    timeline = Timeline(shards=[TimeSeries() for _ in range(SERIES - 1)])
    every = (timeline.own, *timeline.shards)
    tail, known = SeriesTail(timeline), TimeSeries()

    def read() -> NewWindows:
        new = tail.changes()
        if new.interval_s != known.interval_s:
            known.windows.clear()
            known.interval_s = new.interval_s
        known.replace_from(new.first, new.windows, new.interval_s)
        return new

    for index, (which, count, movements, reads) in enumerate(steps):
        series = every[which]
        for _ in range(count):
            series.add(window(movements), (len(series.windows) + 0.5) * series.interval_s)
        if index == len(steps) // 2:
            for _ in range(coarse):
                series.coarsen()
        if reads:
            read()
    read()
    whole = timeline.whole()
    assert (known.interval_s, known.windows) == (whole.interval_s, whole.windows)
    assert read().first >= len(whole.windows) - 1, "windows were read again although nothing had changed"


def test_a_long_run_is_drawn_with_few_windows_and_all_movements() -> None:
    page, run = LiveSeries(), TimeSeries()
    for second in range(2 * WINDOWS_MAX + 7):
        run.add(window(10), second + 0.5)
        page.replace(NewWindows(max(second - 1, 0), 1.0, run.windows[max(second - 1, 0) :]))
    charts = page.charts(len(run.windows))["charts"]
    assert isinstance(charts, list)
    throughput = next(chart["views"][0] for chart in charts if chart["id"] == "throughput")  # type: ignore[index,call-overload]
    assert throughput["x"]["interval_s"] == 4
    assert throughput["x"]["count"] <= WINDOWS_MAX
    rates = next(series["values"] for series in throughput["series"] if series["label"] == "movements")
    assert all(rate == 10 for rate in rates)
