"""Two benchmarks compared case by case, as one document. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from midaz_seed.errors import ExitCode, NotComparableError
from midaz_seed.model.thresholds import Threshold
from midaz_seed.reporting.comparison.comparing import Row, shown_after_correction
from midaz_seed.reporting.comparison.comparison import Comparison, NamedReport, compare, failing, failures
from midaz_seed.reporting.comparison.values import point_text
from midaz_seed.wording import counted

Cases = Mapping[str, Sequence[NamedReport]]
"""Case -> its runs."""


def compare_cases(
    a: Cases,
    b: Cases,
    *,
    thresholds: Sequence[Threshold] = (),
    allowed: Collection[str] = (),
    strict: bool = False,
) -> Comparison:
    """Compare two benchmarks. The rows of the verdict are one for each case: Holm's correction keeps the chance that
    any of them shows a difference by chance at 5 %.

    Args:
        a: the benchmark before; at least one case is in both.
        b: the one after.
        thresholds: for each case.
        allowed: as of `compare`.
        strict: as of `compare`.

    Raises:
        NotComparableError: the runs of a case differ in facts that are not allowed, or no case is in both.
    """
    both = [case for case in a if case in b]
    if not both:
        raise NotComparableError(
            f"no case is in both benchmarks: A has {', '.join(a)}, and B has {', '.join(b)}",
            hint="compare benchmarks of the same scenario and variants",
        )
    found = {}
    for case in both:
        try:
            found[case] = compare(a[case], b[case], case=case, thresholds=thresholds, allowed=allowed, strict=strict)
        except NotComparableError as error:
            raise NotComparableError(f"{case}: {error.message}", hint=error.hint) from error
    rows = _corrected([row for each in found.values() for row in each.rows])
    gates = tuple(chain.from_iterable(each.thresholds for each in found.values()))
    failed = failing(gates, strict=strict)
    primaries = [row for row in rows if row.is_primary]
    return replace(
        found[both[0]],
        a=tuple(chain.from_iterable(each.a for each in found.values())),
        b=tuple(chain.from_iterable(each.b for each in found.values())),
        allowed=tuple(dict.fromkeys(chain.from_iterable(each.allowed for each in found.values()))),
        settings=tuple(dict.fromkeys(chain.from_iterable(each.settings for each in found.values()))),
        notes=(*_notes(found), *_missing(a, b)),
        rows=rows,
        thresholds=gates,
        exit_code=int(ExitCode.THRESHOLD if failed else ExitCode.DONE),
        verdict=" ".join([_verdict(primaries), *failures(failed, len(gates))]),
        next_step="" if any(row.is_shown for row in primaries) else found[both[0]].next_step,
    )


def _corrected(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the rows with the primary ones judged together."""
    primaries = [index for index, row in enumerate(rows) if row.is_primary]
    shown = shown_after_correction({index: rows[index] for index in primaries})
    return tuple(replace(row, is_shown=index in shown) if row.is_primary else row for index, row in enumerate(rows))


def _verdict(primaries: Sequence[Row]) -> str:
    cases = counted(len(primaries), "case")
    parts = []
    for tone in ("worse", "better"):
        those = [row for row in primaries if row.tone == tone]
        named = ", ".join(
            f"{row.case} {point_text(row.change.change, row.change)}" for row in those if row.change is not None
        )
        if those:
            parts.append(f"{tone} in {len(those)} of {cases} ({named})")
    if not parts:
        return f"No difference can be shown in {cases}."
    return f"B is {' and '.join(parts)}."


def _notes(found: Mapping[str, Comparison]) -> Iterator[str]:
    """Generate the notes, each once, with the cases that it is about unless it is about all."""
    cases: dict[str, list[str]] = {}
    for case, each in found.items():
        for note in each.notes:
            cases.setdefault(note, []).append(case)
    for note, those in cases.items():
        yield note if len(those) == len(found) else f"{', '.join(those)}: {note}"


def _missing(a: Cases, b: Cases) -> Iterator[str]:
    for label, own, other in (("A", a, b), ("B", b, a)):
        alone = [case for case in own if case not in other]
        if alone:
            yield f"Only in {label}, so not compared: {', '.join(alone)}."
