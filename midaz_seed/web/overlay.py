"""The charts of two reports on the same axes, in the format of `pages.chart_data`."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from midaz_seed.pages.chart_data import chart_model
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.time_series import TimeSeriesReport, as_report, from_report
from midaz_seed.web.live_series import WINDOWS_MAX

Json: TypeAlias = dict[str, Any]
_Sides: TypeAlias = Sequence[tuple[str, Json]]
"""The label of a run, A or B, and its part of a chart; one that has no such part is left out."""


def overlaid_charts(first: Report | None, second: Report | None) -> Json:
    """Return the charts over time and of latencies, with the series of both reports."""
    drawn = [each.time_series for each in (first, second) if each is not None and each.time_series.windows]
    interval_s = max(map(_drawn_interval_s, drawn), default=0.0)
    models = [("A", _views(first, interval_s)), ("B", _views(second, interval_s))]
    charts: dict[str, Json] = {}
    for chart_id, label in dict.fromkeys(key for _, model in models for key in model):
        sides = [(name, model[chart_id, label]) for name, model in models if (chart_id, label) in model]
        chart = charts.get(chart_id)
        if chart is None:
            _, known = sides[0]
            chart = charts[chart_id] = {**known, "summary": _summary(sides), "selected": 0, "views": []}
            del chart["view"]
        if any(each["views"][each["selected"]] is each["view"] for _, each in sides[:1]):
            chart["selected"] = len(chart["views"])
        chart["views"].append({"label": label, **_joined([(name, each["view"]) for name, each in sides])})
    return {"charts": list(charts.values()), "bands": []}


def _drawn_interval_s(series: TimeSeriesReport) -> float:
    interval_s, windows = series.interval_s, series.windows
    while windows > WINDOWS_MAX:
        interval_s, windows = interval_s * 2, -(-windows // 2)
    return interval_s


def _views(report: Report | None, interval_s: float) -> dict[tuple[str, str], Json]:
    """Return the views of a report's charts by the id of the chart and the label of the view; `view` in each chart."""
    if report is None or not report.time_series.windows:
        return {}
    series = from_report(report.time_series)
    while series.interval_s < interval_s:
        series.coarsen()
    model: Any = chart_model(as_report(series), elapsed_s=report.elapsed_s, histograms=report.latency_histograms)
    return {
        (chart["id"], view["label"]): {**chart, "view": view} for chart in model["charts"] for view in chart["views"]
    }


def _summary(sides: _Sides) -> str:
    """Return the first sentence about each side; the following ones explain what both have, or the shading."""
    sentences = [(name, chart["summary"].split(". ")[0].removesuffix(".")) for name, chart in sides]
    if len({sentence for _, sentence in sentences}) == 1:
        return f"{sentences[0][1]}."
    return " ".join(f"{name}: {sentence}." for name, sentence in sentences)


def _joined(sides: _Sides) -> Json:
    """Return the x axis of one view that fits both runs, and its series."""
    kind = sides[0][1]["x"]["kind"]
    if kind == "time":
        return _joined_in_time(sides)
    return _joined_by_place(sides, "edges" if kind == "bins" else "values", missing=0 if kind == "bins" else None)


def _joined_in_time(sides: _Sides) -> Json:
    axes = [view["x"] for _, view in sides]
    longest = max(axes, key=lambda axis: axis["end_s"])
    count = max(axis["count"] for axis in axes)
    series = [
        _renamed(name, each, each["values"] + [None] * (count - len(each["values"])))
        for name, view in sides
        for each in view["series"]
    ]
    return {"x": {**longest, "count": count}, "series": series}


def _joined_by_place(sides: _Sides, name_of_places: str, missing: int | None) -> Json:
    """Join bars or points: both runs have them on the same grid, each on its own part of it."""
    places = sorted({place for _, view in sides for place in view["x"][name_of_places]})
    with_values = places[:-1] if name_of_places == "edges" else places
    series = []
    for name, view in sides:
        for each in view["series"]:
            known = dict(zip(view["x"][name_of_places], each["values"], strict=False))
            series.append(_renamed(name, each, [known.get(place, missing) for place in with_values]))
    return {"x": {**sides[0][1]["x"], name_of_places: places}, "series": series}


def _renamed(name: str, series: Json, values: list[Any]) -> Json:
    kind = "line" if series["kind"] == "area" else series["kind"]  # areas would cover each other
    return {**series, "label": f"{name} {series['label']}", "kind": kind, "values": values}
