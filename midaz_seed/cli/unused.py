"""Flags that would change nothing: refused, because a flag that is ignored in silence misleads.

Only flags are checked. A file and the environment may hold settings for several commands.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from midaz_seed.errors import UsageError
from midaz_seed.settings.sources import Flag, LoadedSettings

if TYPE_CHECKING:
    from midaz_seed.runs.directory import RunDirectory

_ONLY_SEEDS = (
    "generation.batches.accountsPerBatch",
    "generation.limits.durationS",
    "generation.limits.shards",
    "generation.limits.slice",
    "generation.limits.warmupS",
    "errorBudgetPercent",
    "journal.enabled",
    "manifest",
    "stop",
    "thresholds.preset",
)
_ONLY_PLANS = ("scenario", "preset", "seed", "runId", "volume", "data")
_UNUSED: Mapping[str, Sequence[str]] = {
    "verify": _ONLY_SEEDS,
    "teardown": (
        *_ONLY_SEEDS,
        "generation.limits.maxConcurrency",
        "verification",
        "log.format",
        "report",
        "thresholds",
    ),
    "bench": ("runId",),
    "doctor": ("report", "thresholds"),
    "audit": (
        *_ONLY_PLANS,
        *(path for path in _ONLY_SEEDS if path != "journal.enabled"),
        "breaker",
        "generation",
        "idempotency",
        "thresholds.failIf",
        "verification",
    ),
}
"""Command -> the settings, or sections, that it does not use."""
_USED_BY_PLAN = (
    *_ONLY_PLANS,
    "generation.batches.transactionsPerBatch",
    "idempotency.ttlS",
)


def check_used(command: str, loaded: LoadedSettings) -> None:
    """Raise UsageError for the first flag that the command would ignore with these settings.

    Args:
        command: the name of the command.
        loaded: the settings, with the flags that gave them.
    """
    if command == "show":  # it prints what is given
        return
    target = loaded.settings.target.base_url
    for path, source in loaded.sources.items():
        flag = source.removeprefix("flag ")
        if flag == source:
            continue
        is_used = _is_in(path, _USED_BY_PLAN) if command == "plan" else not _is_in(path, _UNUSED.get(command, ()))
        if not is_used:
            raise UsageError(f"{flag} has no effect on `midaz-seed {command}`", hint="leave it out")
        if command == "verify" and path == "thresholds.failIf":
            _check_has_values(flag, loaded)
        if target not in ("", "sandbox") and path.startswith("sandbox."):
            hint = "leave it out, or start `midaz-seed sandbox` with it"
            raise UsageError(
                f"{flag} is for the sandbox that --target sandbox starts; the target is {target}", hint=hint
            )
        if target == "sandbox" and path in ("target.caFile", "target.insecure"):
            raise UsageError(f"{flag} has no effect: the sandbox has no TLS", hint="leave it out")
        if loaded.settings.has_temporary_sandbox and path == "journal.directory":
            raise UsageError(
                f"{flag} has no effect: this sandbox ends with its data, so nothing is kept to resume",
                hint="add --sandbox-data FILE, or leave it out",
            )


def _check_has_values(flag: str, loaded: LoadedSettings) -> None:
    """Raise UsageError for a threshold of a verification that could not have a value."""
    from midaz_seed.model.thresholds import needs_run, parse_threshold

    for expression in loaded.settings.thresholds.fail_if:
        threshold = parse_threshold(expression)
        if needs_run(threshold.group, threshold.measure):
            raise UsageError(
                f"{flag} '{expression}' has no effect on `midaz-seed verify`, which creates nothing",
                hint="leave it out, or use a measure of the verification, such as elapsed_s or verify.latency_ms_p99",
            )


def _is_in(path: str, sections: Sequence[str]) -> bool:
    return any(path == section or path.startswith(f"{section}.") for section in sections)


def check_fits_run(flags: Sequence[Flag], config: object, directory: "RunDirectory") -> None:
    """Raise UsageError for a flag that a command with a named run would ignore, or that names another run."""
    record = directory.read_record()
    hint = f"leave it out: run {record.run_id} has its own settings"
    if config is not None:
        raise UsageError("--config has no effect on a run that is named", hint=hint)
    fixed: Mapping[str, Any] = {
        "runId": record.run_id,
        "preset": record.settings.get("preset"),
        "journal.enabled": True,
    }
    for flag in flags:
        value = str(flag.value).lower() == "true" if flag.path == "journal.enabled" else flag.value
        if flag.path in fixed and value != fixed[flag.path]:
            raise UsageError(f"{flag.spelling} cannot change a run that is named", hint=hint)


def check_given(ctx: click.Context, needs: Mapping[str, tuple[bool, str]]) -> None:
    """Raise UsageError for a flag of the command line that needs another one.

    Args:
        ctx: the command's.
        needs: parameter -> (whether what it needs is given, its name).
    """
    for name, (has_it, needed) in needs.items():
        if not has_it and ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            flag = next(parameter.opts[0] for parameter in ctx.command.params if parameter.name == name)
            raise UsageError(f"{flag} has no effect without {needed}", hint=f"add {needed}, or leave {flag} out")
