"""Compare the variants of a benchmark with the first one, case by case, as `midaz-seed compare` compares runs. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from midaz_seed.bench.figures import MEASURED
from midaz_seed.bench.report import BenchRun, VariantComparison
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.comparison.comparing import Row, compare_reports
from midaz_seed.reporting.report import Report

MEASURES = ("movements_per_s", "rate_per_s", "latency_ms_p50", "latency_ms_p99")
"""What is compared of each phase but the deposits; `midaz-seed compare` has more."""
Measured = Sequence[tuple[BenchRun, Report]]
"""The proved runs of a case with a variant."""


def compare_variants(case: str, measured: Mapping[str, Measured]) -> Iterator[VariantComparison]:
    """Generate the comparison of each variant with the first one.

    Runs of the same repetition belong together, because they were made one after another; a repetition that is not
    proved on both sides is left out.
    """
    base, *others = measured
    for variant in others:
        before = {run.repetition: report for run, report in measured[base]}
        after = {run.repetition: report for run, report in measured[variant]}
        both = [repetition for repetition in before if repetition in after]
        if not both:
            continue
        rows = compare_reports(
            [before[each] for each in both], [after[each] for each in both], case=case, paired=len(both) > 1
        )
        yield VariantComparison(case, variant, base, len(both), tuple(_kept(rows)))


def _kept(rows: Sequence[Row]) -> Iterator[Row]:
    """Generate the rows of the measured phases; each is judged by its own interval."""
    for row in rows:
        if row.group in MEASURED and row.group != Phase.DEPOSITS and row.measure in MEASURES:
            is_shown = row.change is not None and row.change.is_shown
            is_primary = row.group == Phase.TRANSFERS and row.measure == "movements_per_s"
            yield replace(row, is_primary=is_primary, is_shown=is_shown)
