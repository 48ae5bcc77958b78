"""Organizations and ledgers as a tree that fits into a number of rows: what is at work and what failed comes first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from midaz_seed.reporting.progress.watched import LedgerShown, OrganizationShown
from midaz_seed.wording import counted, printable

ORDER = ("failed", "running", "partial", "stopped", "done", "waiting")
"""Statuses as counts have them: what needs attention first."""
OPEN = ("failed", "running")
"""Statuses of ledgers that have a row of their own where not all of them have."""
STYLES = {"failed": "red", "running": "", "partial": "yellow", "stopped": "yellow", "done": "green", "waiting": "dim"}
NAMED_FROM = 90
"""Columns from which the rows of ledgers have names."""
BARS_FROM = 72
"""Columns from which the rows of ledgers have bars."""
NAME_MAX, BAR = 24, 16
"""Columns of a ledger's name, at most, and of its bar."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The space for a tree, and the characters that it may use."""

    width: int
    rows_max: int
    ascii_only: bool = False

    @property
    def bar(self) -> tuple[str, str]:
        """The characters of what is done of a bar, and of the rest."""
        return ("#", ".") if self.ascii_only else ("━", "─")


@dataclass(frozen=True, slots=True)
class _Part:
    """An organization with the ledgers that have a row."""

    organization: OrganizationShown
    counts: Counter[str]
    rows: Sequence[LedgerShown]


def tree_lines(organizations: Sequence[OrganizationShown], shape: Shape) -> list[Text]:
    """Return the lines of a tree, at most `shape.rows_max`.

    Where not all ledgers fit, those that are running or failed have rows; the organization's row counts the others.
    Organizations of which no ledger is running or failed share one row, and so do those for which there is no space.
    """
    if shape.rows_max < 1 or not organizations:
        return []
    counts = [Counter(ledger.status for ledger in each.ledgers) for each in organizations]
    if sum(1 + len(each.ledgers) for each in organizations) <= shape.rows_max:
        parts = [_Part(each, count, each.ledgers) for each, count in zip(organizations, counts, strict=True)]
        return _lines(parts, [], shape)
    every = list(zip(organizations, counts, strict=True))
    at_work = [pair for pair in every if any(pair[1][status] for status in OPEN)] or every
    open_count = sum(count[status] for _, count in at_work for status in OPEN)
    shown = every if len(every) + open_count <= shape.rows_max else at_work
    if len(shown) + (len(shown) < len(every)) > shape.rows_max:
        shown = shown[: shape.rows_max - 1]
    folded = [pair[1] for pair in every if pair not in shown]
    rows = _open_ledgers([each for each, _ in shown], shape.rows_max - len(shown) - bool(folded))
    return _lines([_Part(each, count, rows[each.key]) for each, count in shown], folded, shape)


def _open_ledgers(organizations: Sequence[OrganizationShown], space: int) -> dict[str, list[LedgerShown]]:
    """Return the ledgers that have a row, by organization: failed ones in at most half of the space, then running."""
    by_status: dict[str, list[tuple[str, LedgerShown]]] = {status: [] for status in OPEN}
    for organization in organizations:
        for ledger in organization.ledgers:
            if ledger.status in by_status:
                by_status[ledger.status].append((organization.key, ledger))
    failed, running = by_status["failed"], by_status["running"]
    failed = failed[: max(space - len(running), space // 2)]
    chosen = {id(ledger) for _, ledger in failed + running[: max(space - len(failed), 0)]}
    return {
        organization.key: [ledger for ledger in organization.ledgers if id(ledger) in chosen]
        for organization in organizations
    }


def _lines(parts: Sequence[_Part], folded: Sequence[Counter[str]], shape: Shape) -> list[Text]:
    cells = [[_cells(ledger, shape) for ledger in part.rows] for part in parts]
    every_row = [row for rows in cells for row in rows]
    widths = [max(cell_len(row[column]) for row in every_row) for column in range(5)] if every_row else []
    lines = []
    for part, rows in zip(parts, cells, strict=True):
        lines.append(_organization_line(part, shape))
        lines += [_ledger_line(ledger, row, widths, shape) for ledger, row in zip(part.rows, rows, strict=True)]
    if folded:
        total: Counter[str] = sum(folded, Counter())
        text = f"{counted(len(folded), 'more organization')}  {counts_text(total, shape)}"
        lines.append(Text(text, style="dim"))
    for line in lines:
        line.truncate(shape.width, overflow="crop" if shape.ascii_only else "ellipsis")
    return lines


def counts_text(counts: Counter[str], shape: Shape) -> str:
    """Return the number of ledgers by status: "18 ledgers: 2 failed, 4 running, 12 done"."""
    by_status = ", ".join(f"{counts[status]:,} {status}" for status in ORDER if counts[status])
    if shape.width < BARS_FROM:
        return by_status or "no ledgers"
    return f"{counted(counts.total(), 'ledger')}{by_status and f': {by_status}'}"


def _organization_line(part: _Part, shape: Shape) -> Text:
    """Return the row of an organization. In a narrow terminal its name is cut, not the counts."""
    key, counts = part.organization.key, counts_text(part.counts, shape)
    name = printable(part.organization.name)
    space = max(shape.width - cell_len(f"{key}    {counts}"), 0)
    if cell_len(name) > space:
        end = "..." if shape.ascii_only else "…"
        name = set_cell_size(name, max(space - len(end), 0)) + end if space > len(end) else ""
    style = "red" if part.counts["failed"] else ""
    return Text.assemble((key, "bold"), "  ", name, "  " if name else "", (counts, style or "dim"))


def _cells(ledger: LedgerShown, shape: Shape) -> tuple[str, str, str, str, str]:
    """Return key, name, state, counts and percentage of a ledger."""
    name = ""
    if shape.width >= NAMED_FROM:
        name = printable(ledger.name)
        name = set_cell_size(name, NAME_MAX) if cell_len(name) > NAME_MAX else name
    progress = ledger.progress
    if ledger.status != "running" or progress is None:
        state = ledger.status
        if ledger.status == "failed" and ledger.reason:
            return ledger.key, name, state, "", ""
        return ledger.key, name, state, "", ""
    planned = max(progress.planned, 1)
    percent = f"{100 * min(progress.done, planned) // planned} %"
    return ledger.key, name, progress.phase.value, f"{progress.done:,}/{progress.planned:,}", percent


def _ledger_line(ledger: LedgerShown, row: Sequence[str], widths: Sequence[int], shape: Shape) -> Text:
    key, name, state, counts, percent = row
    style = STYLES.get(ledger.status, "")
    line = Text.assemble("  ", set_cell_size(key, widths[0]), "  ")
    if widths[1]:
        line.append(f"{set_cell_size(name, widths[1])}  ")
    if ledger.status == "failed":
        line.append(f"failed: {printable(ledger.reason)}" if ledger.reason else "failed", style=style)
        return line
    line.append(set_cell_size(state, widths[2]) if counts else state, style=style)
    progress = ledger.progress
    if not counts or progress is None:
        return line
    if shape.width >= BARS_FROM:
        line.append("  ")
        line.append_text(bar_text(progress.done / max(progress.planned, 1), BAR, shape))
    line.append(f"  {counts:>{widths[3]}}  {percent:>{widths[4]}}")
    return line


def bar_text(share: float, width: int, shape: Shape) -> Text:
    """Return a bar of `width` columns of which a share is done."""
    done, rest = shape.bar
    filled = int(width * min(share, 1.0))
    return Text.assemble((done * filled, "green"), (rest * (width - filled), "dim"))
