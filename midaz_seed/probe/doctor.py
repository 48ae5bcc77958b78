"""The doctor: examine a target, explain what each finding means for a run, and decide whether a run may start.

Without `write` it only reads (`probe.read_examination`); with it, it also sends transactions in an organization of its
own (`probe.write_trial`). Both check every response: something before the server may alter one in a hundred, and then a
run could not determine what was created.
"""

from midaz_seed.clock import Clock
from midaz_seed.errors import SeedError, UnauthorizedError
from midaz_seed.probe.answers import Answers, Tally
from midaz_seed.probe.diagnosis import ALTERED_ADVICE, Diagnosis, Level
from midaz_seed.probe.read_examination import ReadExamination
from midaz_seed.probe.write_trial import WriteTrial
from midaz_seed.scenarios.model import Scenario
from midaz_seed.scenarios.needs import missing
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.transport.base import Transport, TransportError


async def examine(
    transport: Transport, target: ResolvedTarget, clock: Clock, *, write: bool, scenario: Scenario | None = None
) -> Diagnosis:
    """Examine a target.

    Args:
        write: also try writing, unless reading already found a reason not to run.
        scenario: also say whether the server's version has everything that this one uses.

    Returns:
        All findings. A failure is a finding of level STOP, not an exception.
    """
    diagnosis = Diagnosis(target.onboarding_url, _flags(target))
    answers = Answers()
    try:
        server = await ReadExamination(transport, target, clock, diagnosis, answers).run()
        if scenario is not None:
            _add_scenario(diagnosis, scenario, server.version)
        if write and diagnosis.go and not answers.reads.odd:
            await WriteTrial(transport, server, clock, diagnosis, answers).run()
    except TransportError as error:
        diagnosis.add("connection", "failed", f"{error}; {error.hint or 'check that the server is up'}", Level.STOP)
    except UnauthorizedError as error:
        diagnosis.add("access", "refused", f"{error}: give a valid token", Level.STOP)
    except SeedError as error:
        diagnosis.add("examination", "stopped", f"{error}; {error.hint}".rstrip("; "), Level.STOP)
    _add_answers(diagnosis, answers)
    return diagnosis


def _add_scenario(diagnosis: Diagnosis, scenario: Scenario, version: str) -> None:
    lacking = missing(scenario, version)
    if not lacking:
        diagnosis.add("scenario", scenario.scenario, "this version has everything that it uses")
    for need in lacking:
        meaning = f"{need.path}: {need.feature} needs {need.versions}; leave it out, or upgrade the server"
        diagnosis.add("scenario", scenario.scenario, meaning, Level.STOP)


def _flags(target: ResolvedTarget) -> str:
    if target.is_sandbox:
        return "--target sandbox"
    if target.onboarding_url == target.transaction_url:
        return f"--base-url {target.onboarding_url}"
    return f"--onboarding-url {target.onboarding_url} --transaction-url {target.transaction_url}"


def _add_answers(diagnosis: Diagnosis, answers: Answers) -> None:
    """Add the findings about all responses together."""
    _add_tally(diagnosis, "answers", answers.writes, "responses are altered, or belong to another request")
    _add_tally(diagnosis, "reads", answers.reads, "something other than a Midaz answers reads")
    if answers.foreign:
        diagnosis.add(
            "foreign answers",
            f"{answers.foreign} of {answers.writes.count}",
            "answered with another transaction, marked as a replay: a run recognises that",
            Level.NOTE,
        )
    if answers.rewritten:
        diagnosis.add(
            "bodies",
            f"{answers.rewritten} rewritten",
            "something before the server rewrites bodies, with the same values: correct, but slower to check",
            Level.NOTE,
        )


def _add_tally(diagnosis: Diagnosis, name: str, tally: Tally, problem: str) -> None:
    if tally.odd:
        meaning = f"{problem}: {tally.example}; {ALTERED_ADVICE}"
        diagnosis.add(name, f"{tally.odd} of {tally.count:,}", meaning, Level.STOP)
    elif tally.count:
        diagnosis.add(name, f"{tally.count:,} as sent", "each is the server's own")
