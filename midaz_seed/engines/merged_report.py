"""The report of a run whose slices an engine has carried out: what they found together, judged as one run."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.next_step import how_to_continue
from midaz_seed.engine.report_builder import concurrency_of, settings_in_report
from midaz_seed.errors import ExitCode, SeedError, SignalledError, exit_code_of
from midaz_seed.reporting.merging import merge_reports
from midaz_seed.reporting.report import Report, read_report
from midaz_seed.reporting.report_figures import ConcurrencyReport, EngineReport
from midaz_seed.wording import counted


def merged_report(context: RunContext, results: Sequence[bytes | SeedError], engine: EngineReport) -> Report:
    """Merge what the slices found. One that was lost makes the run unfinished, and keeps the others' work.

    Args:
        context: of the whole run.
        results: of each slice its report as JSON, or the error that left none.
        engine: what carried out the run.

    Raises:
        SignalledError: a signal came before any slice had a result.
        SeedError: what the first slice raised, when none had a result.
    """
    reports = [read_report(found) for found in results if isinstance(found, bytes)]
    errors = [found for found in results if isinstance(found, SeedError)]
    if not reports:
        if (number := context.findings.signal) is not None:
            raise SignalledError(
                f"{number.name}: no slice ended with a result; the next session finds what they made",
                exit_code=exit_code_of(number),
            )
        raise errors[0]
    settings, merged = context.settings, merge_reports(reports)
    report = replace(
        merged,
        settings=settings_in_report(settings),
        error_budget_percent=settings.error_budget_percent,
        engine=engine,
        concurrency=_concurrency(context, merged),
    )
    return _judged(context, report, errors, engine.slices)


def _concurrency(context: RunContext, merged: Report) -> ConcurrencyReport:
    """Return the requests in flight of the whole run: with `auto`, what the search over all slices has found."""
    if context.settings.generation.limits.max_concurrency != "auto":
        return merged.concurrency
    whole, clock = concurrency_of(context), context.clock
    began_s = clock.time() - context.elapsed_s  # before the slices, with which the report begins
    ahead_s = datetime.fromisoformat(merged.started_at).timestamp() - began_s
    changes = tuple(replace(change, at_s=max(change.at_s - ahead_s, 0.0)) for change in whole.changes)
    return replace(whole, changes=changes)


def _judged(context: RunContext, report: Report, errors: Sequence[SeedError], slices: int) -> Report:
    """Return the report with the exit code, verdict and next step of the whole run."""
    missing, again = len(errors), how_to_continue(context)
    done = report.plan_done_percent * (slices - missing) / slices
    verdict = _verdict_of(context, report, errors, slices)
    if verdict is None:
        return report
    return replace(report, plan_done_percent=done, exit_code=verdict[0], verdict=verdict[1], next_step=again)


def _verdict_of(
    context: RunContext, report: Report, errors: Sequence[SeedError], slices: int
) -> tuple[int, str] | None:
    """Return exit code and verdict where they are not those of the slices."""
    without = f"{counted(len(errors), 'slice')} of {slices} ended without a result"
    if (number := context.findings.signal) is not None:
        left = sum(phase.abandoned for phase in report.phases)
        parts = [f"{counted(left, 'request')} {'was' if left == 1 else 'were'} in flight"] if left else []
        parts += [without] if errors else []
        state = f"{', and '.join(parts)}: the next session decides what was made" if parts else "what was in flight was"
        return exit_code_of(number), f"Interrupted by {number.name}; {state}{'' if parts else ' finished'}."
    if errors:
        return errors[0].exit_code, f"{without}: {errors[0]}."
    if report.exit_code == ExitCode.DONE and report.error_rate_percent > report.error_budget_percent:
        return (
            ExitCode.DIFFERENCES,
            f"{report.error_rate_percent:.2f} % of the items failed, the budget is {report.error_budget_percent:g} %.",
        )
    return None
