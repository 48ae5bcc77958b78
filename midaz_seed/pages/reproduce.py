"""The command line that gives the same plan on the same target: the settings of a report that are not the defaults."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, cast

import orjson
from pydantic import ValidationError

from midaz_seed.errors import SeedError
from midaz_seed.reporting.report import Report
from midaz_seed.settings.model import Settings

FLAGS = {
    "scenario": "--scenario",
    "preset": "--preset",
    "seed": "--seed",
    "runId": "--run-id",
    "target.baseUrl": "--target",
    "sandbox.dialect": "--dialect",
    "generation.batches.transactionsPerBatch": "--transactions-per-batch",
    "generation.limits.maxConcurrency": "--concurrency",
    "generation.limits.requestsPerSecond": "--rate",
    "generation.limits.durationS": "--duration",
    "generation.limits.shards": "--shards",
}
"""Settings that are written as their flag; the others as --set."""
ALWAYS = ("preset", "seed", "target.baseUrl")
"""Settings that are written also with their default: the command names its data and its target."""
OUTPUTS = ("report", "manifest", "html", "log.", "journal.")
"""Settings that are about the files of a run, and not about what it does."""
MASKED = "***"


def command_line(report: Report) -> str:
    """Return the command of a run. Secrets are left out, as they are masked in the report."""
    words = ["midaz-seed", "run"]
    usual = dict(_leaves(_defaults(report)))
    for path, value in _leaves(report.settings):
        if path.startswith(OUTPUTS) or (path not in ALWAYS and usual.get(path, value) == value):
            continue
        if path not in usual or value is None or MASKED in str(value):
            continue
        if path == "preset" and not report.preset:
            continue
        words += [FLAGS[path], _text(value)] if path in FLAGS else ["--set", f"{path}={_text(value)}"]
    return shlex.join(words)


def setting_rows(report: Report) -> list[tuple[str, str, bool]]:
    """Return each setting with its value and whether that is not the default."""
    usual = dict(_leaves(_defaults(report)))
    return [
        (path, "" if value is None else _text(value), usual.get(path, value) != value)
        for path, value in _leaves(report.settings)
    ]


def _defaults(report: Report) -> Mapping[str, Any]:
    """Return the settings that the scenario and the preset of a report give by themselves."""
    given = {"scenario": report.scenario, **({"preset": report.preset} if report.preset else {})}
    try:
        settings = Settings.model_validate(given)
    except (SeedError, ValidationError):  # a scenario of a file, or of another version
        settings = Settings()
    found = settings.model_dump(mode="json", by_alias=True)
    found["scenario"] = Settings().scenario.scenario
    found["preset"] = Settings().preset
    return found


def _leaves(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _leaves(cast("Mapping[str, Any]", value), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
