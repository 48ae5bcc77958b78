"""The time series: windows are added up exactly, over processes, over neighbours and over reports."""

from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.model.histogram import (
    LIMIT_US,
    Histogram,
    coarse_bucket,
    coarse_bucket_max_us,
    coarse_percentile_us,
)
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.time_series import (
    WINDOWS_MAX,
    PhaseWindow,
    Timeline,
    TimeSeries,
    Window,
    as_report,
    from_report,
)

values = st.integers(0, LIMIT_US)
counts = st.integers(0, 10**6)
phase_windows = st.builds(
    PhaseWindow, counts, counts, counts, st.integers(0, 50), st.dictionaries(st.integers(0, 400), st.integers(1, 10**6))
)
windows = st.builds(
    Window,
    st.dictionaries(st.sampled_from(Phase), phase_windows, max_size=3),
    st.dictionaries(st.sampled_from(ErrorClass), st.integers(1, 1000), max_size=2),
    st.integers(0, 500),
    st.integers(0, 8).map(lambda eighths: eighths / 8),
    st.integers(0, 16).map(lambda eighths: eighths / 8),
)
series = st.builds(TimeSeries, st.sampled_from([1.0, 2.0, 4.0]), st.lists(windows, max_size=9))


def _totals(found: TimeSeries) -> tuple[object, ...]:
    each = found.windows
    return (
        sum(phase.created for window in each for phase in window.phases.values()),
        sum(phase.movements for window in each for phase in window.phases.values()),
        sum(sum(phase.latency.values()) for window in each for phase in window.phases.values()),
        sum(sum(window.errors.values()) for window in each),
        sum(window.cpu_s for window in each),
    )


def test_the_series_of_a_busy_run_is_joined_to_fewer_windows_and_keeps_every_count() -> None:
    busy = dict.fromkeys(range(400), 1)
    found = TimeSeries(1.0, (Window({Phase.TRANSFERS: PhaseWindow(9, 9, 400, 1, dict(busy))}) for _ in range(1000)))
    report = as_report(found)
    assert (report.interval_s, report.windows) == (4.0, 250)
    assert _totals(from_report(report)) == _totals(found)
    assert (found.interval_s, len(found.windows)) == (1.0, 1000)


@given(st.lists(values), st.lists(values))
def test_coarse_counts_of_a_window_are_those_of_its_answers(before: list[int], after: list[int]) -> None:
    histogram = Histogram()
    for value in before:
        histogram.record(value)
    snapshot = histogram.snapshot()
    for value in after:
        histogram.record(value)
    found = histogram.recorded_since(snapshot)
    assert sum(found.values()) == len(after)
    expected: dict[int, int] = {}
    for value in after:
        bucket = coarse_bucket(value)
        expected[bucket] = expected.get(bucket, 0) + 1
    assert found == expected
    if after:
        assert coarse_percentile_us(found, 100) >= max(after)


@given(values)
def test_a_coarse_bucket_is_at_most_a_sixteenth_wide(value: int) -> None:
    bucket = coarse_bucket(value)
    highest = coarse_bucket_max_us(bucket)
    assert value <= highest <= value + value // 16
    assert coarse_bucket(highest) == bucket
    assert coarse_bucket(highest + 1) == bucket + 1


@given(st.lists(values), st.lists(values))
def test_histograms_of_two_reports_merge_to_that_of_all_values(first: list[int], second: list[int]) -> None:
    both = Histogram()
    for value in first + second:
        both.record(value)
    merged = Histogram()
    for part in (first, second):
        histogram = Histogram()
        for value in part:
            histogram.record(value)
        again = Histogram.from_sparse_counts(
            histogram.sparse_counts(), total_us=histogram.total_us, max_us=histogram.max_us
        )
        merged.merge(again)
    assert merged.sparse_counts() == both.sparse_counts()
    assert [merged.percentile(each) for each in (50, 99, 99.9)] == [both.percentile(each) for each in (50, 99, 99.9)]


@given(series, series)
def test_merging_adds_everything_up_whatever_the_intervals(first: TimeSeries, second: TimeSeries) -> None:
    expected = tuple(a + b for a, b in zip(_totals(first), _totals(second), strict=True))  # type: ignore[operator]
    whole = Timeline(own=first, shards=[second]).whole()
    assert _totals(whole) == expected
    assert whole.interval_s == max(first.interval_s, second.interval_s)


@given(series)
def test_a_series_survives_its_report(found: TimeSeries) -> None:
    report = as_report(found)
    assert as_report(from_report(report)) == report


def test_a_long_run_has_longer_windows_and_loses_nothing() -> None:
    found = TimeSeries()
    for second in range(3 * WINDOWS_MAX):
        found.add(Window({Phase.TRANSFERS: PhaseWindow(1, 2, 3, 4, {7: 1})}, in_flight=16), second + 0.5)
    assert len(found.windows) <= WINDOWS_MAX
    assert found.interval_s == 4
    assert _totals(found)[:3] == (3 * WINDOWS_MAX, 6 * WINDOWS_MAX, 3 * WINDOWS_MAX)
    assert {window.in_flight for window in found.windows} == {16}


def test_windows_that_a_shard_sends_again_replace_those_before() -> None:
    found = TimeSeries()
    found.replace_from(2, [Window(in_flight=1), Window(in_flight=2)], 1.0)
    found.replace_from(3, [Window(in_flight=5)], 1.0)
    assert [window.in_flight for window in found.windows] == [0, 0, 1, 5]
    found.replace_from(0, [Window(in_flight=7)], 2.0)
    assert (found.interval_s, [window.in_flight for window in found.windows]) == (2.0, [7])
