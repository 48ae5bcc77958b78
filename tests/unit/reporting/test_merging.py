"""The merged report of slices is that of one run, and slices that are not of one run are not merged."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.errors import RunError
from midaz_seed.model.histogram import Histogram
from midaz_seed.reporting.merging import merge_reports
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import LatencyHistogram, latency
from midaz_seed.reporting.report_findings import LedgerReport
from tests.support.small_report import PROVED, phase, report


def _slice(latencies_us: list[int], number: int = 0) -> Report:
    """The report of a run, or of a slice of one, that made a transfer with each of these latencies."""
    found = Histogram()
    for each in latencies_us:
        found.record(each)
    count = len(latencies_us)
    return report(
        phases=(phase("transfers", count, latency_ms=latency(found)),),
        movements=count,
        transactions=count,
        requests=count,
        proof=dataclasses.replace(PROVED, balances_checked=count),
        ledgers=(LedgerReport(f"o1.l{number + 1}", "Main", "id1", "id2", "done", ""),),
        latency_histograms=(LatencyHistogram("transfers", found.total_us, found.max_us, found.sparse_counts()),),
    )


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=1), min_size=1, max_size=8))
def test_counts_balances_and_percentiles_of_slices_are_those_of_one_run(slices: list[list[int]]) -> None:
    merged = merge_reports([_slice(latencies, number) for number, latencies in enumerate(slices)])
    alone = _slice([each for latencies in slices for each in latencies])
    assert merged.phases[0].latency_ms == alone.phases[0].latency_ms
    assert merged.latency_histograms == alone.latency_histograms
    for name in ("planned", "created", "requests"):
        assert getattr(merged.phases[0], name) == getattr(alone.phases[0], name)
    for name in ("movements", "transactions", "requests", "plan_digest", "exit_code", "verdict"):
        assert getattr(merged, name) == getattr(alone, name)
    assert merged.proof is not None
    assert alone.proof is not None
    assert (merged.proof.ok, merged.proof.balances_checked) == (True, alone.proof.balances_checked)
    assert [ledger.key for ledger in merged.ledgers] == [f"o1.l{number + 1}" for number in range(len(slices))]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"plan_digest": "cd" * 32}, "the slices are not of one plan: abababababab and cdcdcdcdcdcd"),
        ({"run_id": "another"}, "the slices are not of one run: s1c36e6169f and another"),
        ({"target": "http://127.0.0.1:9"}, "the slices are not of one server: http"),
    ],
)
def test_slices_that_are_not_of_one_run_are_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(RunError, match=message) as refused:
        merge_reports([report(), report(**changes)])
    assert "merge the slices of one run" in refused.value.hint
