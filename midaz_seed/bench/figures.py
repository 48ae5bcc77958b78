"""The figures of a benchmark from the reports of its runs. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

from midaz_seed.bench.report import BenchResult, BenchRun, PhaseFigures, PhaseSpread, spread
from midaz_seed.errors import AS_PLANNED
from midaz_seed.model.thresholds import parse_threshold
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import PhaseReport
from midaz_seed.reporting.report_findings import ThresholdReport, ThresholdState

MEASURED = (Phase.DEPOSITS, Phase.TRANSFERS, Phase.READS, Phase.FOLLOW_UPS, Phase.REFUSALS)
"""The phases with figures of their own, in order."""


def is_proved(report: Report) -> bool:
    """Return whether everything was made and every balance was found as planned."""
    return report.exit_code in AS_PLANNED and report.proof is not None and report.proof.ok


def phase_figures(report: Report) -> tuple[PhaseFigures, ...]:
    """Return the figures of the phases in which a run sent transactions."""
    return tuple(_phases(report))


def _phases(report: Report) -> Iterator[PhaseFigures]:
    by_name = {phase.name: phase for phase in report.phases}
    for name in MEASURED:
        phase = by_name.get(name)
        if phase is not None and (phase.planned or phase.created):
            yield _figures(report, phase)


def _figures(report: Report, phase: PhaseReport) -> PhaseFigures:
    made = phase.created + phase.refused
    per_s, movements_per_s = made / phase.busy_s if phase.busy_s else 0.0, 0.0
    for throughput in report.throughput:
        if throughput.phase == phase.name:
            per_s, movements_per_s = throughput.transactions_accepted_per_s, throughput.movements_accepted_per_s
    return PhaseFigures(phase.name, made, per_s, movements_per_s, phase.retries, phase.latency_ms)


def result_of(
    case: str, variant: str, runs: Sequence[BenchRun], thresholds: Sequence[Sequence[ThresholdReport]]
) -> BenchResult:
    """Return what the repetitions of a case with a variant measured.

    Args:
        case: its name.
        variant: its name.
        runs: the counted ones.
        thresholds: those of each of these runs.
    """
    names = dict.fromkeys(phase.name for run in runs for phase in run.phases)
    phases = tuple(
        _spread(name, [phase for run in runs for phase in run.phases if phase.name == name]) for name in names
    )
    judged = tuple(_judged(list(of_one)) for of_one in zip(*thresholds, strict=True))
    return BenchResult(case, variant, len(runs), phases, judged)


def _spread(name: str, phases: Sequence[PhaseFigures]) -> PhaseSpread:
    def latencies(percentile: str) -> list[float]:
        return [getattr(phase.latency_ms, percentile) for phase in phases]

    return PhaseSpread(
        name,
        transactions_per_s=spread([phase.transactions_per_s for phase in phases]),
        movements_per_s=spread([phase.movements_per_s for phase in phases]),
        latency_ms_p50=spread(latencies("p50")),
        latency_ms_p99=spread(latencies("p99")),
    )


def _judged(of_runs: Sequence[ThresholdReport]) -> ThresholdReport:
    """Return a threshold with the median of its values; runs in which nothing was measured have none."""
    values = [each.value for each in of_runs if each.value is not None]
    if not values:
        return of_runs[0]
    middle = median(values)
    state = ThresholdState.PASSED
    if parse_threshold(of_runs[0].expression).is_exceeded(middle):
        state = ThresholdState.FAILED
    return replace(of_runs[0], value=middle, state=state, reason="")
