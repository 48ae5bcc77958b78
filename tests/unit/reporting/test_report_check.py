"""A damaged or foreign report is refused with a reason: it neither ends in another error nor takes all memory."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.pages.report_page import render_document
from midaz_seed.reporting import report_check
from midaz_seed.reporting.outputs.junit import render_junit
from midaz_seed.reporting.outputs.prometheus import render_prometheus
from midaz_seed.reporting.report import read_report
from midaz_seed.web.overlay import overlaid_charts
from tests.support.reports import made_up_report

GOOD = json.loads(made_up_report(3, 1).as_json())
Place = tuple[str | int, ...]


def places(value: Any, here: Place = ()) -> list[Place]:
    """Return where the parts of a JSON value are; of each list only the first one."""
    if isinstance(value, dict):
        return [here, *(place for name, part in value.items() for place in places(part, (*here, name)))]
    return [here, *places(value[0], (*here, 0))] if isinstance(value, list) and value else [here]


CHARTED = [place for name in report_check.CHARTED for place in places(GOOD[name], (name,))]


def damaged(place: Place, value: Any) -> bytes:
    document = copy.deepcopy(GOOD)
    part: Any = document
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (("time_series", "windows"), 10**9, "do not fit its number of windows"),
        (("time_series", "interval_s"), -1, "interval_s"),
        (("time_series", "in_flight", 0), 10**30, "time_series has a number above"),
        (("time_series", "phases", 0, "first"), 10**9, "do not fit its number of windows"),
        (("time_series", "phases", 0, "phase"), "x", "unknown phase 'x'"),
        (("latency_histograms", 0, "counts", 0), 10**9, "no bucket 1000000000"),
        (("started_at",), "yesterday", "isoformat"),
    ],
)
def test_a_damaged_part_of_a_report_is_named(place: Place, value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_report(damaged(place, value))


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(CHARTED),
    st.sampled_from([None, -1, 0.5, 10**9, 10**30, 1e308, float("nan"), "\u202e<script>", [], {}]),
)
def test_what_is_read_of_a_damaged_report_can_be_drawn(place: Place, value: Any) -> None:
    data = damaged(place, value)
    try:
        found = read_report(data)
    except ValueError:
        return
    assert "\u202e<script>" not in render_document(data)
    render_junit(found)
    render_prometheus(found)
    overlaid_charts(found, found)
