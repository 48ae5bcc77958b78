"""The verdict on a benchmark. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from midaz_seed.bench.report import BenchResult, BenchRun, SkippedCase
from midaz_seed.errors import ExitCode, SeedError
from midaz_seed.reporting.report_findings import ThresholdState
from midaz_seed.reporting.thresholds import outcome_text
from midaz_seed.wording import counted

SIGNALLED = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
"""The exit codes of a run that a signal stopped."""


@dataclass(frozen=True, slots=True)
class BenchVerdict:
    """How a benchmark ended."""

    exit_code: int
    text: str
    next_step: str = ""


def judge(
    runs: Sequence[BenchRun],
    results: Sequence[BenchResult],
    skipped: Sequence[SkippedCase],
    ended: SeedError | None,
    signalled: ExitCode | None,
) -> BenchVerdict:
    """Return the verdict.

    Args:
        runs: all runs, warm-ups included.
        results: of the cases that were measured.
        skipped: what could not be run.
        ended: the error that ended the benchmark early, if any.
        signalled: the exit code of the signal that ended it early, if any.
    """
    done = [run for run in runs if run.repetition]
    made = counted(len(done), "run")
    if len(results) > 1:
        made += f" of {len(results)} cases and variants"
    if ended is not None:
        return BenchVerdict(ended.exit_code, f"Ended early after {counted(len(runs), 'run')}: {ended}", ended.hint)
    if signalled is not None:
        return BenchVerdict(signalled, f"Stopped by a signal after {counted(len(runs), 'run')}; they are kept.")
    left_out = f" {counted(len(skipped), 'case')} could not be run." if skipped else ""
    wrong = [run for run in runs if not run.proved]
    if wrong:
        first = wrong[0]
        text = f"{len(wrong)} of {counted(len(runs), 'run')} did not end as planned, first {first.run_id}: "
        code = first.exit_code or ExitCode.DIFFERENCES
        return BenchVerdict(code, f"{text}{first.verdict}{left_out}", "See the reports of these runs.")
    failed = [
        f"{name_of(result.case, result.variant)}: {outcome_text(each)}"
        for result in results
        for each in result.thresholds
        if each.state is ThresholdState.FAILED
    ]
    verdict = f"Done: {made}, and every balance is the planned one after each.{left_out}"
    if failed:
        verdict += f" But {counted(len(failed), 'threshold')} failed: {'; '.join(failed)}."
        return BenchVerdict(ExitCode.THRESHOLD, verdict)
    return BenchVerdict(ExitCode.DONE, verdict)


def name_of(case: str, variant: str) -> str:
    """Return the name of a case with a variant for people."""
    return ", ".join(part for part in (case, variant) if part) or "all runs"
