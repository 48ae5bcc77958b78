"""The variants of a benchmark: `--variant 'c=8 transport=session'`."""

import shlex
from collections.abc import Sequence

import click

from midaz_seed.cli.option_kinds import SettingOption
from midaz_seed.errors import UsageError
from midaz_seed.settings.sources import Flag
from midaz_seed.wording import nearest

FORM = "one or more KEY=VALUE, such as 'c=8' or 'c=8 transport=session'"
_FIXED = {
    "scenario": "the variants of a benchmark have the same cases",
    "runId": "each run of a benchmark has an id of its own",
    "report": "each run of a benchmark has a report of its own",
    "manifest": "runs of a benchmark write no manifest",
    "thresholds": "the thresholds are those of the benchmark",
    "generation.limits.slice": "a benchmark is carried out by one process",
    "generation.limits.durationS": "--duration of the benchmark is for all variants",
}
"""Settings that a variant cannot have -> why."""


def read_variant(text: str, parameters: Sequence[click.Parameter]) -> list[Flag]:
    """Return the settings of a variant as flags.

    Args:
        text: `KEY=VALUE`, several with spaces; a key is a flag of the command without its hyphens, or the path of a
            setting.
        parameters: those of the command.

    Raises:
        UsageError: it has another form, or an unknown key. Values are checked by the loader.
    """
    by_name = {
        name.lstrip("-"): parameter.path
        for parameter in parameters
        if isinstance(parameter, SettingOption)
        for name in parameter.opts
        if name.startswith("-")
    }
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    flags = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"--variant {text[:60]!r} must be {FORM}")
        path = _path_of(key, text, by_name)
        fixed = next((why for name, why in _FIXED.items() if path == name or path.startswith(f"{name}.")), "")
        if fixed:
            raise UsageError(f"--variant {text[:60]!r} cannot set {key}: {fixed}")
        flags.append(Flag(f"--variant {word}", path, value))
    if not flags:
        raise UsageError(f"--variant {text[:60]!r} must be {FORM}")
    return flags


def _path_of(key: str, text: str, by_name: dict[str, str]) -> str:
    """Return the path of the setting that a key names. Raises UsageError; the loader refuses an unknown path."""
    from midaz_seed.settings.schema import SETTINGS

    if key in by_name:
        return by_name[key]
    if key in SETTINGS or "." in key:
        return key
    near = nearest(key, by_name)
    suggestion = f"did you mean {near}?" if near else "use the name of a flag, or the path of a setting"
    raise UsageError(f"--variant {text[:60]!r} has the unknown key {key[:40]!r}; {suggestion}")
