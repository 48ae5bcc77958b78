"""The charts of a run as data, which `static/charts.js` draws: `midazCharts.create(container, model)`.

The model is one JSON object. A page may hold it in a script element, or receive a new one while a run works and pass
it to `update(model)` of what `create` returned.

    {"charts": [CHART, ...],        in the order of the page; a chart without data is left out
     "bands": [BAND, ...]}          the phases, which shade every time axis

    CHART  {"id": "throughput",     unique; the element is `chart-throughput`
            "title": "Throughput",
            "summary": "...",       one sentence that says what the chart shows, for those who do not see it
            "y_unit": "per second",
            "selected": 0,          the view that is shown first
            "views": [VIEW, ...]}   one or more; with several the page has a choice between their labels

    VIEW   {"label": "transfers", "x": X, "series": [SERIES, ...]}

    X      {"kind": "time", "interval_s": 1.0, "count": 9, "end_s": 8.7}
                                    window n is from n * interval_s on; the last one ends at end_s
           {"kind": "bins", "scale": "log", "unit": "ms", "label": "...", "edges": [...]}
                                    bar n is from edges[n] to edges[n + 1]: one edge more than values
           {"kind": "points", "scale": "linear" | "nines", "unit": "%", "label": "...", "values": [...]}
                                    `nines` gives 90, 99 and 99.9 % the same distance

    SERIES {"label": "movements", "unit": "/s", "kind": "line" | "area" | "shade", "values": [number or null, ...]}
                                    one value for each window, bar or point; null where there is none.
                                    `shade` colours the background of windows with a value above 0

    BAND   {"label": "transfers", "tone": 2, "from_s": 1.0, "to_s": 9.0}
                                    of one of the tones 0 to 4; bands do not overlap

Windows and what they count: `midaz_seed.reporting.time_series`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from math import floor, log2, log10

from midaz_seed.model.histogram import bucket_max_us, coarse_percentile_us
from midaz_seed.model.json_types import JsonObject
from midaz_seed.pages.phase_bands import MONEY_PHASES, phase_bands
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import LatencyHistogram, ThroughputReport
from midaz_seed.reporting.time_series import PhaseSeries, TimeSeriesReport, as_report, from_report
from midaz_seed.wording import counted

BARS = 4
"""Bars of a latency distribution for each doubling."""
PERCENTILES = (50, 95, 99)
CURVE = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99, 99.995, 99.999)
"""The percentiles of the latency curve; those that fewer values than one exceed are left out."""
_LABELS = {Phase.FOLLOW_UPS: "follow-ups", Phase.VERIFY: "verification"}
LAST_WINDOW_MIN = 0.2
"""The shortest last window, as a share of the others, whose counts are shown as a rate: few counts in a few
milliseconds would be the highest rate of the run."""


def report_charts(report: Report) -> JsonObject:
    """Return the charts of a report."""
    return chart_model(
        report.time_series,
        elapsed_s=report.elapsed_s,
        histograms=report.latency_histograms,
        throughput=report.throughput,
    )


def chart_model(
    series: TimeSeriesReport,
    *,
    elapsed_s: float | None = None,
    histograms: Sequence[LatencyHistogram] = (),
    throughput: Sequence[ThroughputReport] = (),
    windows_max: int = 0,
) -> JsonObject:
    """Return the charts of a run, or of what there is of it so far. The format is that of this module.

    Args:
        series: what happened in each window.
        elapsed_s: the end of the last window, in seconds since the start; by default that window is a whole one.
        histograms: all latencies of each phase.
        throughput: what was settled how soon after the last answer.
        windows_max: join neighbours until there are at most this many windows, for a page that gets the model often;
            0 keeps all.
    """
    if windows_max:
        whole = from_report(series)
        while len(whole.windows) > windows_max:
            whole.coarsen()
        series = as_report(whole)
    made: list[JsonObject | None]
    bands: list[JsonObject] = []
    if series.windows:
        run = _Run(series, elapsed_s)
        bands = phase_bands(series, run.end_s)
        made = [
            _throughput(run),
            _latency(run),
            _distribution(histograms),
            _percentile_curve(histograms),
            _in_flight(run),
            _settlement(throughput),
            _errors(run),
            _cpu(run),
        ]
    else:
        made = [_distribution(histograms), _percentile_curve(histograms), _settlement(throughput)]
    return {"charts": [chart for chart in made if chart is not None], "bands": list(bands)}


def phase_label(phase: str) -> str:
    """Return the name of a phase for people."""
    return _LABELS.get(Phase(phase), phase.replace("_", " ")) if phase in list(Phase) else phase


class _Run:
    """The windows of a run: their lengths, and the x axis and bands that its charts have in common."""

    def __init__(self, series: TimeSeriesReport, elapsed_s: float | None) -> None:
        self.series = series
        interval_s, whole = series.interval_s, series.windows * series.interval_s
        begin_s = whole - interval_s
        shortest_s = begin_s + LAST_WINDOW_MIN * interval_s
        self.end_s = whole if elapsed_s is None else round(min(max(elapsed_s, shortest_s), whole), 3)
        self.lengths_s = [interval_s] * (series.windows - 1) + [self.end_s - begin_s]
        self.x: JsonObject = {
            "kind": "time",
            "interval_s": interval_s,
            "count": series.windows,
            "end_s": self.end_s,
        }

    def per_second(self, counts: Iterable[int]) -> list[float]:
        """Return counts of the windows as rates."""
        return [_rounded(count / length_s) for count, length_s in zip(counts, self.lengths_s, strict=True)]

    def total(self, column: Callable[[PhaseSeries], Sequence[int]]) -> list[int]:
        """Return the sum of a column over all phases, for each window."""
        totals = [0] * self.series.windows
        for phase in self.series.phases:
            for index, count in enumerate(column(phase), phase.first):
                totals[index] += count
        return totals

    def view(self, series: list[JsonObject], label: str = "") -> JsonObject:
        return {"label": label, "x": self.x, "series": list(series)}

    def at(self, index: int) -> str:
        """Return when a window begins, for a sentence."""
        seconds = round(index * self.series.interval_s)
        return f"{seconds} s" if seconds < 60 else str(timedelta(seconds=seconds))


def _series(label: str, unit: str, values: Sequence[float | int | None], kind: str = "line") -> JsonObject:
    return {"label": label, "unit": unit, "kind": kind, "values": list(values)}


def _chart(name: str, title: str, summary: str, y_unit: str, views: list[JsonObject], selected: int = 0) -> JsonObject:
    return {
        "id": name,
        "title": title,
        "summary": summary,
        "y_unit": y_unit,
        "selected": selected,
        "views": list(views),
    }


def _throughput(run: _Run) -> JsonObject:
    movements = run.per_second(run.total(lambda phase: phase.movements))
    requests = run.per_second(run.total(lambda phase: phase.requests))
    leading, unit = (movements, "movements/s") if any(movements) else (requests, "requests/s")
    top = max(range(len(leading)), key=leading.__getitem__)
    window = f"{run.series.interval_s:g} s"  # the key figure can be higher: it leaves out the time without money
    most = f"At most {leading[top]:,.0f} {unit} over a window of {window}, at {run.at(top)}."
    summary = f"{most} The shading shows the phase with most requests."
    series = [_series("requests", "/s", requests)]
    if any(movements):
        series.insert(0, _series("movements", "/s", movements, "area"))
    return _chart("throughput", "Throughput", summary, "per second", [run.view(series)])


def _latency(run: _Run) -> JsonObject | None:
    everything: list[dict[int, int]] = [{} for _ in range(run.series.windows)]
    money: list[tuple[str, list[dict[int, int]]]] = []
    for phase in run.series.phases:
        own: list[dict[int, int]] = [{} for _ in range(run.series.windows)]
        for index, flat in enumerate(phase.latency, phase.first):
            own[index] = dict(zip(flat[::2], flat[1::2], strict=True))
            for bucket, count in own[index].items():
                everything[index][bucket] = everything[index].get(bucket, 0) + count
        if phase.phase in MONEY_PHASES:
            money.append((phase_label(phase.phase), own))
    if not any(everything):
        return None
    views = [run.view(_percentiles(counts), label) for label, counts in [("all requests", everything), *money]]
    total: dict[int, int] = {}
    for counts in everything:
        for bucket, count in counts.items():
            total[bucket] = total.get(bucket, 0) + count
    found = [f"p{percent} {_ms(coarse_percentile_us(total, percent)):,g} ms" for percent in PERCENTILES]
    summary = f"Over the run: {', '.join(found)}. A window without answers has no value."
    return _chart("latency", "Latency over time", summary, "ms", views)


def _percentiles(windows: Sequence[Mapping[int, int]]) -> list[JsonObject]:
    return [
        _series(
            f"p{percent}",
            " ms",
            [_ms(coarse_percentile_us(counts, percent)) if counts else None for counts in windows],
        )
        for percent in PERCENTILES
    ]


def _distribution(histograms: Sequence[LatencyHistogram]) -> JsonObject | None:
    found = [histogram for histogram in histograms if histogram.counts]
    views = [_bars(histogram) for histogram in found]
    summary = "How many requests of a phase had which latency; each bar is a fourth of a doubling wide."
    return _by_phase("distribution", "Latency distribution", summary, "answers", found, views)


def _percentile_curve(histograms: Sequence[LatencyHistogram]) -> JsonObject | None:
    found = [histogram for histogram in histograms if histogram.counts]
    views = [_curve(histogram) for histogram in found]
    summary = "The latency that a share of the requests of a phase did not exceed."
    return _by_phase("percentiles", "Latency by percentile", summary, "ms", found, views)


def _by_phase(
    name: str, title: str, summary: str, y_unit: str, found: list[LatencyHistogram], views: list[JsonObject]
) -> JsonObject | None:
    """Return a chart with a view of each phase; that with the most answers is shown first."""
    if not found:
        return None
    selected = max(range(len(found)), key=lambda index: sum(found[index].counts[1::2]))
    return _chart(name, title, summary, y_unit, views, selected)


def _bars(histogram: LatencyHistogram) -> JsonObject:
    counts: dict[int, int] = {}
    for index, count in _pairs(histogram.counts):
        bar = floor(log2(max(bucket_max_us(index), 1)) * BARS)
        counts[bar] = counts.get(bar, 0) + count
    bars = range(min(counts), max(counts) + 1)
    return {
        "label": phase_label(histogram.phase),
        "x": {
            "kind": "bins",
            "scale": "log",
            "unit": "ms",
            "label": "latency",
            "edges": [_rounded(2 ** (bar / BARS) / 1000) for bar in (*bars, bars.stop)],
        },
        "series": [_series("answers", "", [counts.get(bar, 0) for bar in bars], "area")],
    }


def _curve(histogram: LatencyHistogram) -> JsonObject:
    total = sum(histogram.counts[1::2])
    percents = [percent for percent in CURVE if percent <= 50 or total * (100 - percent) >= 100]
    return {
        "label": phase_label(histogram.phase),
        "x": {
            "kind": "points",
            "scale": "nines",
            "unit": "%",
            "label": "share of the requests",
            "values": list(percents),
        },
        "series": [_series("latency", " ms", list(_values_at(histogram, total, percents)))],
    }


def _values_at(histogram: LatencyHistogram, total: int, percents: Sequence[float]) -> Iterator[float]:
    """Yield the value of each percentile, as `Histogram.percentile` has it; the percentiles ascend."""
    pairs = _pairs(histogram.counts)
    index, seen = next(pairs)
    for percent in percents:
        wanted = max(round(total * percent / 100 + 0.5 - 1e-9), 1)
        while seen < wanted:
            index, count = next(pairs)
            seen += count
        yield _ms(min(bucket_max_us(index), histogram.max_us))


def _in_flight(run: _Run) -> JsonObject:
    open_s = run.series.breaker_open_s
    series = [_series("in flight", "", run.series.in_flight)]
    opened = sum(open_s)
    if opened:
        series.append(_series("circuit breaker open", " s", [_rounded(value) for value in open_s], "shade"))
    breaker = f"The circuit breaker was open for {opened:,.1f} s." if opened else "The circuit breaker stayed closed."
    summary = f"At most {counted(max(run.series.in_flight), 'request')} in flight. {breaker}"
    return _chart("in-flight", "Requests in flight", summary, "requests", [run.view(series)])


def _settlement(throughput: Sequence[ThroughputReport]) -> JsonObject | None:
    found = [phase for phase in throughput if phase.drain]
    if not found:
        return None
    views: list[JsonObject] = []
    for phase in found:
        series = [_series("balances", "", [point.balances for point in phase.drain])]
        if any(point.transactions for point in phase.drain):
            series.append(_series("transactions", "", [point.transactions for point in phase.drain]))
        x: JsonObject = {
            "kind": "points",
            "scale": "linear",
            "unit": "s",
            "label": "seconds since the last answer",
            "values": [_rounded(point.since_s) for point in phase.drain],
        }
        views.append({"label": phase_label(phase.phase), "x": x, "series": list(series)})
    drains = [f"{phase_label(phase.phase)} {phase.drain_s:,.2f} s" for phase in found if phase.drain_s is not None]
    summary = f"What reads did not show yet. Until everything was visible: {', '.join(drains) or 'not observed'}."
    most = max(range(len(found)), key=lambda index: sum(point.balances for point in found[index].drain))
    return _chart("settlement", "Settlement", summary, "not visible yet", views, most)


def _errors(run: _Run) -> JsonObject | None:
    errors = [error for error in run.series.errors if any(error.counts)]
    if not errors:
        return None
    totals = sorted(((sum(error.counts), error) for error in errors), key=lambda each: -each[0])
    series = [_series(error.error.replace("_", " "), "", error.counts) for _, error in totals]
    counts = ", ".join(f"{error.error.replace('_', ' ')} {count:,}" for count, error in totals)
    return _chart("errors", "Failed attempts", f"Attempts that failed: {counts}.", "attempts", [run.view(series)])


def _cpu(run: _Run) -> JsonObject | None:
    if not any(run.series.cpu_s):
        return None
    percents = [
        _rounded(100 * cpu_s / length_s) for cpu_s, length_s in zip(run.series.cpu_s, run.lengths_s, strict=True)
    ]
    summary = f"At most {max(percents):,.0f} % of a core, over all processes of the client."
    return _chart("cpu", "CPU of the client", summary, "% of a core", [run.view([_series("CPU", " %", percents)])])


def _pairs(flat: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _ms(value_us: int) -> float:
    return _rounded(value_us / 1000)


def _rounded(value: float) -> float:
    """Return a value with three significant digits, or without decimals: more would make the page larger."""
    if not value:
        return 0
    digits = max(2 - floor(log10(abs(value))), 0)
    return round(value, digits) if digits else round(value)
