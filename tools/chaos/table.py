"""What happened under each fault, and the table of it."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any


@dataclass
class Row:
    """Count what happened under one fault.

    The server counts the requests sent again; the reports of the sessions that ended by themselves count `replays` to
    `not_made`; the audits count the last columns.
    """

    fault: str
    runs: int = 0
    kills: int = 0
    re_sends: int = 0
    replays: int = 0
    foreign: int = 0
    in_doubt: int = 0
    made: int = 0
    not_made: int = 0
    undecided_ends: int = 0
    other_ends: int = 0
    """Sessions that ended by themselves, neither done nor undecided."""
    doubled: int = 0
    missing: int = 0
    false_done: int = 0
    differences: int = 0
    longest_stop_s: float = 0.0
    """The longest time from a SIGTERM to the end of its session."""
    broken: int = 0
    """Trials that did not end, and sessions that failed in a way that is not allowed."""

    @property
    def is_bad(self) -> bool:
        """Whether something happened that must not happen."""
        return any((self.doubled, self.missing, self.false_done, self.differences, self.broken))

    def add_report(self, report: dict[str, Any]) -> None:
        """Add the counts of a session's report."""
        phases = report["phases"]
        self.replays += sum(phase["replayed"] for phase in phases)
        self.foreign += sum(phase["foreign_replays"] for phase in phases)
        self.made += sum(phase["doubts_applied"] for phase in phases)
        self.not_made += sum(phase["doubts_not_applied"] for phase in phases)
        self.in_doubt = self.made + self.not_made


def render_table(rows: Iterable[Row]) -> str:
    """Render the rows as text, with their sum."""
    names = [field.name for field in fields(Row)]
    rows = list(rows)
    total = Row("all", *(sum(getattr(row, name) for row in rows) for name in names[1:]))
    total.longest_stop_s = max((row.longest_stop_s for row in rows), default=0.0)
    cells = [[name.replace("_", " ") for name in names]]
    cells += [[str(getattr(row, name)) for name in names] for row in [*rows, total]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    lines = [
        "  ".join(cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in cells)
    ]
    return "\n".join(lines)
