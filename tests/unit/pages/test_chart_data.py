"""The charts as data: what is computed from the windows and histograms of a run."""

import dataclasses
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.model.histogram import Histogram
from midaz_seed.pages.chart_data import chart_model, report_charts
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.report_figures import LatencyHistogram
from midaz_seed.reporting.time_series import PhaseWindow, TimeSeries, Window, as_report
from tests.support.reports import failed_report, made_up_report


def charts_of(model: Any) -> dict[str, Any]:
    return {chart["id"]: chart for chart in model["charts"]}


def series_of(*windows: dict[Phase, PhaseWindow], interval_s: float = 1.0) -> TimeSeries:
    return TimeSeries(interval_s, [Window(phases=phases) for phases in windows])


def values(chart: Any, label: str, view: int = 0) -> list[Any]:
    return next(series["values"] for series in chart["views"][view]["series"] if series["label"] == label)


def test_counts_of_longer_windows_are_shown_for_each_second() -> None:
    counts = PhaseWindow(movements=100, requests=120)
    charts = charts_of(chart_model(as_report(series_of({Phase.TRANSFERS: counts}, interval_s=4.0))))
    assert values(charts["throughput"], "movements") == [25]
    assert values(charts["throughput"], "requests") == [30]


def test_the_last_window_counts_for_the_time_that_it_had() -> None:
    windows = [{Phase.TRANSFERS: PhaseWindow(movements=100, requests=100)} for _ in range(2)]
    throughput = charts_of(chart_model(as_report(series_of(*windows)), elapsed_s=1.5))["throughput"]
    assert values(throughput, "movements") == [100, 200]
    assert throughput["views"][0]["x"]["end_s"] == 1.5


def test_a_few_milliseconds_at_the_end_are_not_the_highest_rate() -> None:
    windows = [{Phase.TRANSFERS: PhaseWindow(movements=100, requests=100)}, {Phase.VERIFY: PhaseWindow(requests=10)}]
    throughput = charts_of(chart_model(as_report(series_of(*windows)), elapsed_s=1.001))["throughput"]
    assert values(throughput, "requests") == [100, 50]


def test_a_window_without_answers_has_no_latency_instead_of_zero() -> None:
    answered = PhaseWindow(requests=2, latency={40: 1, 80: 1})
    latency = charts_of(chart_model(as_report(series_of({Phase.TRANSFERS: answered}, {}, {Phase.TRANSFERS: answered}))))
    assert values(latency["latency"], "p99")[1] is None
    assert [view["label"] for view in latency["latency"]["views"]] == ["all requests", "transfers"]


def test_the_bands_cover_the_run_once_and_in_order() -> None:
    report = made_up_report(200, 4)
    bands: Any = report_charts(report)["bands"]
    assert [band["label"] for band in bands] == ["entities", "deposits", "transfers"]
    assert bands[0]["from_s"] == 0
    assert bands[-1]["to_s"] == report.elapsed_s
    assert all(before["to_s"] == after["from_s"] for before, after in pairwise(bands))


def test_ledgers_that_take_turns_do_not_make_the_bands_flicker() -> None:
    windows = [
        {(Phase.VERIFY if second % 2 else Phase.TRANSFERS): PhaseWindow(requests=50 + second % 2)}
        for second in range(400)
    ]
    bands: Any = chart_model(as_report(series_of(*windows)))["bands"]
    assert len(bands) <= 60
    assert (bands[0]["from_s"], bands[-1]["to_s"]) == (0, 400)


def test_each_series_has_a_value_for_each_place_of_its_axis() -> None:
    for report in (failed_report(), made_up_report(3, 1)):
        for chart in charts_of(report_charts(report)).values():
            for view in chart["views"]:
                x = view["x"]
                places = {
                    "time": x.get("count"),
                    "bins": len(x.get("edges", "-")) - 1,
                    "points": len(x.get("values", "")),
                }
                assert {len(series["values"]) for series in view["series"]} == {places[x["kind"]]}, chart["id"]


def test_a_chart_without_data_is_left_out() -> None:
    assert chart_model(as_report(TimeSeries())) == {"charts": [], "bands": []}
    assert "errors" not in charts_of(report_charts(made_up_report(3, 1)))


def test_a_long_series_is_joined_to_as_many_windows_as_are_wanted() -> None:
    report = made_up_report(200, 4)
    whole = charts_of(report_charts(report))["throughput"]
    joined: Any = chart_model(report.time_series, elapsed_s=report.elapsed_s, windows_max=60)
    throughput = charts_of(joined)["throughput"]
    assert throughput["views"][0]["x"] == {"kind": "time", "interval_s": 4.0, "count": 50, "end_s": 200}
    assert abs(sum(values(throughput, "movements")) * 4 - sum(values(whole, "movements"))) < 500  # rounded rates


@given(st.lists(st.integers(0, 90_000_000), min_size=1, max_size=300))
def test_curve_and_bars_agree_with_the_histogram(values_us: list[int]) -> None:
    histogram = Histogram()
    for value_us in values_us:
        histogram.record(value_us)
    sparse = LatencyHistogram("transfers", histogram.total_us, histogram.max_us, histogram.sparse_counts())
    charts = charts_of(chart_model(as_report(TimeSeries()), histograms=[sparse]))
    bars = charts["distribution"]["views"][0]
    assert sum(bars["series"][0]["values"]) == len(values_us)
    assert len(bars["x"]["edges"]) == len(bars["series"][0]["values"]) + 1
    curve = charts["percentiles"]["views"][0]
    for percent, value_ms in zip(curve["x"]["values"], curve["series"][0]["values"], strict=True):
        assert abs(value_ms * 1000 - histogram.percentile(percent)) <= max(0.005 * value_ms * 1000, 0.5), percent


def test_the_breaker_shades_the_requests_in_flight_only_where_it_opened() -> None:
    assert values(charts_of(report_charts(failed_report()))["in-flight"], "circuit breaker open").count(1) == 12
    closed = charts_of(report_charts(dataclasses.replace(made_up_report(3, 1))))["in-flight"]
    assert [series["label"] for series in closed["views"][0]["series"]] == ["in flight"]
