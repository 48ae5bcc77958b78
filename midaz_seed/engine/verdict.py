"""The verdict on a run: exit code, what happened, and what to do next."""

from signal import Signals

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.next_step import how_to_continue, in_its_situation
from midaz_seed.engine.state_tree import LedgerStatus
from midaz_seed.errors import (
    ExcessError,
    ExitCode,
    JournalError,
    OutputError,
    SeedError,
    SettlementError,
    TargetError,
    UndecidedError,
    UnexplainedError,
    exit_code_of,
)
from midaz_seed.plan.items import MONEY
from midaz_seed.reporting.report_findings import VerificationReport
from midaz_seed.wording import counted


def judge(
    context: RunContext, verification: VerificationReport | None, failed_percent: float
) -> tuple[ExitCode, str, str]:
    """Return the exit code of a run that has ended, its verdict and the next step, each a sentence."""
    code, verdict, next_step = _judge(context, verification, failed_percent)
    return code, verdict, in_its_situation(context, next_step)


def _judge(
    context: RunContext, verification: VerificationReport | None, failed_percent: float
) -> tuple[ExitCode, str, str]:
    unfinished = [ledger for ledger in context.state.ledgers if ledger.status is LedgerStatus.FAILED]
    target = _first(context, TargetError)
    undecided = _first(context, UndecidedError)
    settlement = _first(context, SettlementError)
    unexplained = _first(context, UnexplainedError, ExcessError)
    disk = _first(context, JournalError, OutputError)
    again = how_to_continue(context)
    if context.findings.signal is not None:
        return exit_code_of(context.findings.signal), _interrupted(context, context.findings.signal), again
    if disk is not None:
        return ExitCode.DIFFERENCES, f"Stopped: {disk}.", _sentence(disk.hint)
    if context.results.stop_reason:
        return ExitCode.DIFFERENCES, f"Stopped by a rule: {context.results.stop_reason}.", again
    if target is not None:
        return ExitCode.TARGET, f"The target failed: {target}.", _sentence(target.hint) or again
    if undecided is not None:
        return ExitCode.SETTLEMENT, f"Not decided: {undecided}.", _sentence(undecided.hint, again)
    if unexplained is not None:
        return (
            ExitCode.DIFFERENCES,
            f"Not as planned: {unexplained}.",
            _sentence(unexplained.hint, again),
        )
    if settlement is not None:
        return ExitCode.SETTLEMENT, f"Not settled: {settlement}.", _sentence(settlement.hint, again)
    if context.findings.out_of_time and not (verification is not None and verification.differences_total):
        return ExitCode.SETTLEMENT, _out_of_time(context), f"Raise --duration. {again}"
    if unfinished:
        return ExitCode.DIFFERENCES, f"{counted(len(unfinished), 'ledger')} failed.", f"{_FIX_CAUSES} {again}"
    was_stopped = context.pool.admission.is_draining or any(each.status in _CUT_SHORT for each in context.state.ledgers)
    if verification is not None and (verification.differences_total or not (verification.ok or was_stopped)):
        has_surplus = any(_is_surplus(row.actual, row.expected) for row in verification.differences)
        return (
            ExitCode.DIFFERENCES,
            f"Verification failed: {counted(verification.differences_total, 'difference')} from the plan.",
            _SURPLUS_STEP if has_surplus else f"{_FIX_CAUSES} {again}" if context.tracker.attempts else again,
        )
    if failed_percent > context.settings.error_budget_percent:
        verdict = (
            f"{failed_percent:.2f} % of the items failed, the budget is {context.settings.error_budget_percent:g} %."
        )
        return ExitCode.DIFFERENCES, verdict, f"{_FIX_CAUSES} {again}"
    if context.pool.admission.time_is_up and any(ledger.status in _CUT_SHORT for ledger in context.state.ledgers):
        return _time_was_up(context, verification, again)
    if was_stopped:
        left = _left_to_next_session(context)
        return ExitCode.DIFFERENCES, f"Stopped before everything was done{left and f'; {left}'}.", again
    if verification is None:
        return ExitCode.DONE, "Done, not verified.", "Verify it with `midaz-seed verify` and the same settings."
    return ExitCode.DONE, "Done: every balance is the planned one.", ""


def _sentence(hint: str, following: str = "") -> str:
    """Write the hint of an error, which begins in lower case, as a sentence, with another one behind it."""
    sentence = f"{hint[0].upper()}{hint[1:].removesuffix('.')}." if hint else ""
    return f"{sentence} {following}".strip()


def _interrupted(context: RunContext, number: Signals) -> str:
    left, by = _left_to_next_session(context), context.findings.stop_requested_by or number.name
    if context.findings.was_urged:
        return f"Interrupted by {by} and stopped at once; {left or 'nothing was in flight'}."
    return f"Interrupted by {by}; {left or 'what was in flight was finished'}."


def _out_of_time(context: RunContext) -> str:
    left, ledgers = _left_to_next_session(context), len(context.state.ledgers)
    return (
        f"Time was up before everything was settled and verified: {done_percent(context):.1f} % of the plan is done, "
        f"{len(context.results.verifications)} of {ledgers} {'ledger' if ledgers == 1 else 'ledgers'} "
        f"{'is' if ledgers == 1 else 'are'} verified{f'; {left}' if left else ''}."
    )


def _left_to_next_session(context: RunContext) -> str:
    """Describe the writes with an unknown outcome, as a clause; "" when there are none.

    The data of a temporary sandbox ends with the run, so no other session decides them.
    """
    phases, count, lost = context.meter.phases, context.meter.abandoned, context.findings.lost_shards
    what = "transaction" if count == sum(phases[phase].abandoned for phase in MONEY) else "request"
    parts = []
    if count:
        parts.append(f"{counted(count, what)} {'was' if count == 1 else 'were'} in flight")
    if lost:
        parts.append(f"{counted(lost, 'shard')} ended without a result")
    if not parts or context.settings.has_temporary_sandbox:
        return ", and ".join(parts)
    what = "what was made" if lost else "it" if count == 1 else "them"
    return f"{', and '.join(parts)}: the next session decides {what}"


_FIX_CAUSES = "Fix the causes listed under errors."
_SURPLUS_STEP = (
    "The server holds something more than once, or something unplanned, which running again does not remove: "
    "`midaz-seed verify --every-transaction` lists it; use `midaz-seed teardown`, then run again."
)


def _is_surplus(actual: str, expected: str) -> bool:
    """Return whether a difference says that the server holds more than planned, of something countable."""
    if actual.isdigit() and expected.isdigit():
        return int(actual) > int(expected)
    return "carry the mark" in actual or actual.endswith(("twice", " times"))


_CUT_SHORT = (LedgerStatus.PARTIAL, LedgerStatus.STOPPED)


def _time_was_up(context: RunContext, verification: VerificationReport | None, again: str) -> tuple[ExitCode, str, str]:
    share = f"{done_percent(context):.1f} % of the plan"
    if verification is not None:
        return ExitCode.DONE, f"Time was up: {share} is done, and every balance is the planned one so far.", again
    if context.settings.verification.enabled:
        verdict = f"Time was up before any ledger was filled, so nothing was verified: {share} is done."
        return ExitCode.DIFFERENCES, verdict, f"Raise --duration. {again}"
    return ExitCode.DONE, f"Time was up: {share} is done, not verified.", again


def done_percent(context: RunContext) -> float:
    """Return the share of the plan's items that exist, in percent; 100 for a verification alone."""
    phases = [phase for phase in context.meter.phases.values() if phase.planned]
    planned = sum(phase.planned for phase in phases)
    return 100 * sum(phase.created + phase.existing + phase.refused for phase in phases) / planned if planned else 100.0


def _first(context: RunContext, *kinds: type[SeedError]) -> SeedError | None:
    """Return the first error of some kinds that ended a ledger or the run."""
    return next((error for error in context.results.errors if isinstance(error, kinds)), None)
