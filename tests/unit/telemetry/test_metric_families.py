"""The metrics follow the conventions of Prometheus, whatever the figures and labels are."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from midaz_seed.engine.state_tree import LedgerStatus
from midaz_seed.model.histogram import coarse_bucket
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.reporting.meter import PhaseMeter
from midaz_seed.reporting.outputs.metric_families import FAMILIES, Buckets, Figures, Kind
from midaz_seed.reporting.outputs.prometheus import LEDGER_STATES, render_figures
from midaz_seed.telemetry.otlp import otel_name

ROOT = Path(__file__).parents[3]
DASHBOARD = ROOT / "deploy/grafana/midaz-seed.json"
ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def figures(scenario: str = "classic", latencies_us: list[int] | None = None, **changes: Any) -> Figures:
    meter = PhaseMeter(planned=5, created=3, movements=3)
    for value_us in latencies_us or []:
        meter.latency.record(value_us)
    known: dict[str, Any] = {
        "info": {"run_id": "r", "plan_digest": "d", "version": "1", "server_version": "v3.8.0", "scenario": scenario},
        "phases": {"transfers": meter},
        "busy_s": {"transfers": 1.5},
        "latency": {"transfers": Buckets.of(meter.latency)},
        "errors": {"network": 2},
        "ledgers": {"running": 1},
        "started_at_s": 1_800_000_000.25,
        "elapsed_s": 2.0,
        "breaker_opened": 1,
        "breaker_open_s": 0.5,
        "rate_limited": 0,
        "settled": 1,
        "settlement_s": 0.1,
        "verified": 0,
        "differences": 0,
        "loop_lag_s_p99": 1e-9,
        "in_flight": 4,
        "in_flight_max": 16,
        "breaker_is_open": True,
        "exit_code": 0,
    }
    return Figures(**known | changes)


@given(TEXTS)
def test_any_text_in_a_label_is_parsed_back(scenario: str) -> None:
    families = {family.name: family for family in text_string_to_metric_families(render_figures(figures(scenario)))}
    assert families["midaz_seed_info"].samples[0].labels["scenario"] == scenario


def test_a_label_that_is_no_unicode_does_not_break_the_file() -> None:
    render_figures(figures("a\ud800b")).encode()


@given(st.lists(st.integers(0, 60_000_000), max_size=40))
def test_buckets_count_what_does_not_exceed_them(latencies_us: list[int]) -> None:
    text = render_figures(figures(latencies_us=latencies_us))
    (family,) = (each for each in text_string_to_metric_families(text) if each.type == "histogram")
    buckets = {float(sample.labels["le"]): sample.value for sample in family.samples if "le" in sample.labels}
    for limit_s, count in buckets.items():
        limit_us = limit_s * 1e6
        assert sum(value <= limit_us for value in latencies_us) <= count
        assert count <= sum(value <= limit_us * 1.001 for value in latencies_us)


@given(st.lists(st.integers(0, 60_000_000), max_size=40))
def test_coarse_latencies_never_count_more_than_exact_ones(latencies_us: list[int]) -> None:
    exact = figures(latencies_us=latencies_us).latency["transfers"]
    coarse = Buckets.of_coarse(Counter(map(coarse_bucket, latencies_us)))
    assert coarse.at_least(exact) == exact
    assert coarse.count == exact.count
    assert exact.sum_s / 1.07 <= coarse.sum_s


def test_every_family_is_in_the_text_with_its_type() -> None:
    families = {family.name: family.type for family in text_string_to_metric_families(render_figures(figures()))}
    assert families == {family.name.removesuffix("_total"): family.kind.value for family in FAMILIES}


def test_names_follow_the_conventions() -> None:
    for family in FAMILIES:
        assert re.fullmatch(r"midaz_seed_[a-z0-9_]+", family.name)
        assert (family.kind is Kind.COUNTER) == family.name.endswith("_total"), family.name
        assert (family.unit == "s") == bool(re.search(r"_seconds(_total)?$", family.name)), family.name
        assert family.help[0].isupper() or family.help[0].isdigit()
        assert not family.help.endswith(".")
    names = [otel_name(family) for family in FAMILIES]
    assert len(set(names)) == len(names)


def test_states_and_classes_are_those_of_the_engine() -> None:
    assert set(LEDGER_STATES) == {state.value for state in LedgerStatus}
    assert len(ErrorClass) == 11


def _published() -> set[str]:
    """The names of all series of the endpoint; of the standard metrics of a process those that are used here."""
    found = {"process_cpu_seconds_total"}
    for family in FAMILIES:
        found |= {f"{family.name}_bucket"} if family.kind is Kind.HISTOGRAM else {family.name}
    return found


def _metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:midaz_seed|process)_[a-z0-9_]+", expression))


def _expressions(node: Any) -> Iterator[str]:
    """Every PromQL expression in a dashboard, those of its variables included."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ("expr", "definition") or (name == "query" and isinstance(value, str) and "(" in value):
                yield value
            else:
                yield from _expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _expressions(value)


def test_the_dashboard_uses_only_metrics_that_exist_and_has_units() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    assert dashboard["schemaVersion"] >= 39
    expressions = list(_expressions(dashboard))
    used = set().union(*map(_metrics_in, expressions))
    assert len(used) > 15
    assert used <= _published()
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in dashboard["panels"]:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            assert target["expr"].count("(") == target["expr"].count(")")
            assert '{instance=~"$instance"' in target["expr"]
    cells = [
        (x, y)
        for panel in dashboard["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells), "panels overlap"
    assert max(x for x, _ in cells) == 23


def test_the_alerts_use_only_metrics_that_exist_and_are_complete() -> None:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 5
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"MidazSeed[A-Za-z]+", rule["alert"])
        assert _metrics_in(rule["expr"]) <= _published(), rule["alert"]
        assert _metrics_in(rule["expr"])
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert re.fullmatch(r"\d+[sm]", rule.get("for", "1m"))
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_used(kind: Kind) -> None:
    assert any(family.kind is kind for family in FAMILIES)
