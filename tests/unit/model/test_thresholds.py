"""Threshold expressions: what they may say, their units, and the messages about what they may not."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.model.thresholds import (
    GROUPS,
    OPERATORS,
    PHASES,
    measures_of,
    parse_threshold,
    plan_thresholds,
)
from midaz_seed.plan.items import Phase

DOCS = Path(__file__).parents[3] / "docs"
PATHS = [f"{group}.{name}" if group else name for group in ("", *GROUPS) for name in measures_of(group)]


def test_the_phases_of_thresholds_are_those_of_a_run() -> None:
    assert tuple(Phase) == PHASES


@given(
    path=st.sampled_from(PATHS),
    sign=st.sampled_from(sorted(OPERATORS)),
    limit=st.decimals(0, 10**14, places=3).map(lambda number: f"{number:f}"),
    space=st.sampled_from(["", " ", "  "]),
)
def test_every_measure_can_be_compared_with_any_number_and_reads_back_as_it_is_printed(
    path: str, sign: str, limit: str, space: str
) -> None:
    threshold = parse_threshold(f"{space}{path}{space}{sign}{space}{limit}{space}")
    assert threshold.limit == float(limit)
    assert threshold.is_exceeded(float(limit) + 1) is OPERATORS[sign](1, 0)
    assert parse_threshold(threshold.expression) == threshold


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("elapsed_s > 30s", 30),
        ("elapsed_s > 10m", 600),
        ("elapsed_s > 0.5h", 1800),
        ("settlement_s > 250ms", 0.25),
        ("transfers.latency_ms_p99 > 200ms", 200),
        ("transfers.latency_ms_p99 > 1.5 s", 1500),
        ("error_percent >= 1%", 1),
        ("movements_per_s < 400/s", 400),
        ("rss_mb_max > 2GB", 2000),
    ],
)
def test_limits_have_the_units_of_settings(text: str, limit: float) -> None:
    assert parse_threshold(text).limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latency_p99 > 200", "did you mean latency_ms_p99?"),
        ("Latency_MS_p99 > 200", "did you mean latency_ms_p99?"),
        ("transfer.latency_ms_p99 > 200", "did you mean transfers.latency_ms_p99?"),
        ("transfers.latency_p99 > 200", "did you mean transfers.latency_ms_p99?"),
        ("transfers.elapsed_s > 2", "elapsed_s is a measure of the whole run"),
        ("rate_per_s < 2", "did you mean transfers.rate_per_s?"),
        ("accounts.movements_per_s < 2", "movements_per_s is a measure of the whole run"),
        ("zzz > 2", "the measures are elapsed_s, "),
        ("elapsed_s > 30 %", "its unit is s; use ms, s, m, h, or none"),
        ("requests > 3s", "it is a number without unit"),
        ("p(99)<200", "must be MEASURE OPERATOR NUMBER"),
        ("200 > latency_ms_p99", "must be MEASURE OPERATOR NUMBER"),
        ("elapsed_s = 3", "must be MEASURE OPERATOR NUMBER"),
        ("elapsed_s > -1", "must be MEASURE OPERATOR NUMBER"),
        ("elapsed_s > 1e400", "must be MEASURE OPERATOR NUMBER"),
        ("elapsed_s > nan", "must be MEASURE OPERATOR NUMBER"),
        ("", "must be MEASURE OPERATOR NUMBER"),
    ],
)
def test_a_mistake_is_named_with_what_was_meant(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_threshold(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("movements", "time"),
    [(24, 30), (8_000, 30), (8_001, 120), (15_000, 120), (15_001, 600), (1_000_000, 600), (3_000_000, 1800)],
)
def test_the_plans_times_follow_from_the_number_of_movements(movements: int, time: float) -> None:
    errors, done, elapsed = plan_thresholds(movements)
    assert (errors.measure.name, errors.operator, errors.limit) == ("error_percent", ">=", 1)
    assert (done.measure.name, done.operator, done.limit) == ("plan_done_percent", "<", 99)
    assert (elapsed.measure.name, elapsed.operator, elapsed.limit) == ("elapsed_s", ">=", time)


def test_the_examples_of_the_documents_are_valid() -> None:
    documents = [(DOCS / name).read_text(encoding="utf-8") for name in ("thresholds.md", "ci.md")]
    flags = [expression for text in documents for expression in re.findall(r"--fail-if '([^']+)'", text)]
    (block,) = re.findall(r"^```yaml\n(.*?)^```", documents[0], re.DOTALL | re.MULTILINE)
    listed = yaml.safe_load(block)["thresholds"]["failIf"]
    assert len(flags) > 3
    printed = re.findall(r"^  (?:failed|passed): (\S+) is .* \(fails if (.+)\)", documents[0], re.MULTILINE)
    assert printed
    for expression in (*flags, *listed, *(" ".join(parts) for parts in printed)):
        parse_threshold(expression)
