"""What must be the same in two runs so that their figures can be compared, and which settings differ."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from midaz_seed.errors import AS_PLANNED, NotComparableError
from midaz_seed.reporting.report import Report

_NOT_COMPARED = ("runId", "report", "manifest", "journal.directory", "log.", "thresholds.")
"""Settings that do not change what is measured, or that always differ."""
_DIGEST_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class Dissimilarity:
    """A fact in which the runs differ. `a` and `b` have the values of each side's runs, joined by commas."""

    name: str
    """As for `--allow`; of a setting its path."""
    a: str
    b: str


def _batch_size(report: Report) -> str:
    if report.packing is not None:
        return str(report.packing.size)
    return str(_flat(report.settings).get("generation.batches.transactionsPerBatch", "not known"))


def _model(report: Report) -> str:
    return "closed" if report.open_loop is None else "open"


def _ending(report: Report) -> str:
    """Return why a report does not have the figures of a whole run; "" when it does."""
    if report.exit_code not in AS_PLANNED:
        return f"exit code {report.exit_code}"
    return "resumed" if any(phase.existing and phase.created for phase in report.phases) else ""


_FACTS: Mapping[str, Callable[[Report], str]] = {
    "plan": lambda report: f"{report.plan_digest[:_DIGEST_CHARACTERS]} ({report.preset or report.scenario})",
    "version": lambda report: report.version,
    "server-version": lambda report: report.server_version,
    "batch-size": _batch_size,
    "model": _model,
    "incomplete": lambda report: _ending(report) or "complete",
}
"""Name for `--allow` -> value."""
FACTS = tuple(_FACTS)


def check_comparable(
    a: Sequence[Report], b: Sequence[Report], allowed: Collection[str] = ()
) -> tuple[Dissimilarity, ...]:
    """Return the facts in which runs differ and may, because they are in `allowed`.

    Raises:
        NotComparableError: they differ in others, or a run did not end well; the message names each.
    """
    found = list(_dissimilarities(a, b))
    refused = [each for each in found if each.name not in allowed]
    if refused:
        facts = "; ".join(f"{each.name}: A has {each.a}, B has {each.b}" for each in refused)
        names = ",".join(sorted({*(each.name for each in refused), *allowed}, key=FACTS.index))
        raise NotComparableError(
            f"the runs are not comparable: {facts}",
            hint=f"compare runs that differ only in what you examine, or permit it with --allow {names}",
        )
    return tuple(found)


def _dissimilarities(a: Sequence[Report], b: Sequence[Report]) -> Iterator[Dissimilarity]:
    for name, fact in _FACTS.items():
        values = {fact(report) for report in (*a, *b)}
        if len(values) > 1 or (name == "incomplete" and values != {"complete"}):
            yield Dissimilarity(name, _joined(map(fact, a)), _joined(map(fact, b)))


def different_settings(a: Sequence[Report], b: Sequence[Report]) -> tuple[Dissimilarity, ...]:
    """Return the settings in which the runs differ, by path; those that change nothing measured are left out."""
    before, after = ([_flat(report.settings) for report in side] for side in (a, b))
    paths = sorted({path for settings in (*before, *after) for path in settings})
    return tuple(
        Dissimilarity(path, _joined(each.get(path, "not set") for each in before), theirs)
        for path in paths
        if not path.startswith(_NOT_COMPARED)
        and len({each.get(path) for each in (*before, *after)}) > 1
        and (theirs := _joined(each.get(path, "not set") for each in after))
    )


def _joined(values: "Iterator[str] | map[str]") -> str:
    return ", ".join(dict.fromkeys(values))


def _flat(settings: Mapping[str, JsonValue], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in settings.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": str(value)}
    return found
