"""What to do after a run or a verification: commands that do what the sentence says, in the situation it is said in."""

from midaz_seed.engine.context import RunContext


def how_to_continue(context: RunContext) -> str:
    """Return the sentence about the command that continues."""
    if is_verification(context):
        return (
            "Nothing was changed. `midaz-seed run` with the same settings creates what is missing; to verify another "
            "run, name it (`midaz-seed runs list`) or give its settings."
        )
    if not context.journal.enabled:
        return "Run the same command again: it finds what exists and creates what is missing."
    return f"Continue with: midaz-seed run --resume {context.directory_arguments}{_secrets(context)}"


def how_to_measure_again(context: RunContext) -> str:
    """Return the sentence about another measurement of the same plan, after a threshold failed."""
    if is_verification(context) or context.settings.has_temporary_sandbox:
        return "The same command measures again."
    teardown = "`midaz-seed teardown` and the same settings"
    if context.journal.enabled:
        teardown = f"`midaz-seed teardown {context.directory_arguments}`"
    return (
        f"To measure again, remove the data with {teardown}, or use another --run-id: a second run with the same "
        "settings only sends what is missing."
    )


def in_its_situation(context: RunContext, next_step: str) -> str:
    """Return the next step, or what is true instead when the server was a sandbox that has ended with its data."""
    if not next_step or not context.settings.has_temporary_sandbox:
        return next_step
    if is_verification(context):
        return "The sandbox was new and empty, and has ended: name the file of one with --sandbox-data, or a server."
    return (
        "The sandbox has ended, and its data with it: the same command starts over. --sandbox-data FILE keeps the data."
    )


def is_verification(context: RunContext) -> bool:
    """Return whether nothing was to be created."""
    return not any(phase.planned for phase in context.meter.phases.values())


def _secrets(context: RunContext) -> str:
    """Name what a run's directory does not have, and its next session needs."""
    target = context.settings.target
    given = [
        name
        for name, value in (
            ("token", target.auth_token),
            ("client secret", target.client_secret),
            ("headers", target.headers),
        )
        if value
    ]
    return f" (give the {' and the '.join(given)} again, unless the environment has it)" if given else ""
