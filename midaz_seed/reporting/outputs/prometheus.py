"""Render metrics as text for Prometheus (exposition format 0.0.4), without a library.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from midaz_seed.model.histogram import Histogram
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.reporting.outputs.metric_families import BUCKETS_S, Buckets, Family, Figures, Sample, samples
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import LatencyHistogram

LEDGER_STATES = ("waiting", "running", "done", "partial", "failed", "stopped")
"""Each has a sample, also where it is 0, so that a rule which compares it finds it."""


def render_prometheus(report: Report) -> str:
    """Render the metrics of a finished run: `metrics.prom` in its directory, as node_exporter's textfile collector
    reads it.

    Returns:
        The text, with a line feed at its end.
    """
    return render_figures(figures_of_report(report))


def render_figures(figures: Figures) -> str:
    """Render metrics as text, with a line feed at its end."""
    return "".join(f"{line}\n" for family, found in samples(figures) for line in _lines(family, found))


def figures_of_report(report: Report) -> Figures:
    """Return what the metrics of a finished run are made of."""
    verification = report.proof
    return Figures(
        info={
            "run_id": report.run_id,
            "plan_digest": report.plan_digest,
            "version": report.version,
            "server_version": report.server_version,
            "scenario": report.scenario,
        },
        phases={phase.name: phase for phase in report.phases},
        busy_s={phase.name: phase.busy_s for phase in report.phases},
        latency={each.phase: _buckets(each) for each in report.latency_histograms},
        errors=error_counts({}) | _count_errors(report),
        ledgers=ledger_counts([ledger.state for ledger in report.ledgers]),
        started_at_s=datetime.fromisoformat(report.started_at).timestamp(),
        elapsed_s=report.elapsed_s,
        in_flight_max=report.concurrency.in_flight,
        breaker_opened=report.breaker_opened,
        breaker_open_s=report.breaker_open_s,
        rate_limited=report.rate_limit.rejected if report.rate_limit is not None else 0,
        settled=report.settlement.ledgers,
        settlement_s=report.settlement.waited_s_total,
        verified=verification.ledgers if verification is not None else 0,
        differences=verification.differences_total if verification is not None else 0,
        loop_lag_s_p99=report.loop_lag_ms_p99 / 1000,
        exit_code=report.exit_code,
    )


def error_counts(counts: dict[ErrorClass, int]) -> dict[str, int]:
    """Return the failed attempts of every error class: a counter that first appears with its first error would have no
    rate then."""
    return {error.value: counts.get(error, 0) for error in ErrorClass}


def ledger_counts(states: Sequence[str]) -> dict[str, int]:
    """Return the number of ledgers in every state."""
    return {state: states.count(state) for state in LEDGER_STATES}


def _buckets(latency: LatencyHistogram) -> Buckets:
    counts = Histogram.from_sparse_counts(latency.counts, total_us=latency.total_us, max_us=latency.max_us)
    return Buckets.of(counts)


def _count_errors(report: Report) -> dict[str, int]:
    found: dict[str, int] = {}
    for group in report.errors:
        found[group.error] = found.get(group.error, 0) + group.count
    return found


def _lines(family: Family, found: Sequence[Sample]) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.help)}"
    yield f"# TYPE {family.name} {family.kind}"
    for values, value in found:
        labels = dict(zip(family.labels, values, strict=True))
        if not isinstance(value, Buckets):
            yield f"{family.name}{_labels(labels)} {_number(value)}"
            continue
        for limit_s, count in zip((*map(str, BUCKETS_S), "+Inf"), (*value.counts, value.count), strict=True):
            yield f"{family.name}_bucket{_labels({**labels, 'le': limit_s})} {count}"
        yield f"{family.name}_sum{_labels(labels)} {_number(value.sum_s)}"
        yield f"{family.name}_count{_labels(labels)} {value.count}"


def _labels(labels: dict[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value, quotes=True)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(text: str, *, quotes: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    # the format is UTF-8, which has no lone surrogates: a file name can contain one
    return (escaped.replace('"', '\\"') if quotes else escaped).encode(errors="backslashreplace").decode()


def _number(value: float) -> str:
    return repr(int(value)) if float(value).is_integer() else repr(float(value))
