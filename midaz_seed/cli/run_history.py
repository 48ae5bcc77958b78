"""The runs of a directory as a table that fits a terminal."""

from collections.abc import Callable, Sequence

from midaz_seed.errors import ExitCode
from midaz_seed.runs.record import RunRecord, RunStatus
from midaz_seed.wording import counted, duration_text, printable

Row = tuple[str, RunRecord]
"""The name of a run, and its record."""


def verdict_of(record: RunRecord) -> str:
    """Return the result of a run in a few words: "verified", "3 differences", "cut off, 52 %"."""
    done = f"{100 * record.done // max(record.planned, 1)} %"
    if record.status is RunStatus.REMOVED:
        return "removed"
    if record.status in (RunStatus.RUNNING, RunStatus.CUT_OFF):
        return f"{record.status}, {done}"
    if record.differences:
        return counted(record.differences, "difference")
    if record.exit_code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        return f"interrupted, {done}"
    if record.exit_code == ExitCode.SETTLEMENT:
        return "not settled"
    if record.rejected:
        return f"{record.rejected:,} rejected"
    if record.status is RunStatus.UNFINISHED and not (record.verified and record.done >= record.planned):
        return f"not finished, {done}"
    if not record.verified:  # verification.enabled is off, or an earlier version wrote the record
        return "finished"
    return "verified" if not record.exit_code else f"verified, exit code {record.exit_code}"


_COLUMNS: tuple[tuple[int, str, Callable[[Row], str]], ...] = (
    (0, "run", lambda row: row[0]),
    (1, "verdict", lambda row: verdict_of(row[1])),
    (2, "movements/s", lambda row: _ended(row[1], f"{row[1].movements_per_s:,.0f}" if row[1].movements else "")),
    (3, "duration", lambda row: _ended(row[1], duration_text(row[1].elapsed_s) if row[1].elapsed_s else "")),
    (7, "movements", lambda row: _ended(row[1], f"{row[1].movements:,}" if row[1].movements else "")),
    (6, "scenario", lambda row: row[1].scenario),
    (9, "sessions", lambda row: f"{row[1].sessions:,}"),
    (8, "started", lambda row: _minute(row[1].created_at)),
    (4, "last updated", lambda row: _minute(row[1].updated_at)),
    (5, "target", lambda row: row[1].target),
)
"""Rank, heading and text of each column. Those of the highest rank are left out first where they do not fit."""
_NUMBERS = ("movements/s", "duration", "movements", "sessions")


def history_lines(rows: Sequence[Row], width: int) -> list[str]:
    """Return the table of runs, with the columns that fit into `width`. Names are never cut: they are arguments."""
    columns = [
        (rank, heading in _NUMBERS, [heading, *(printable(text(row)) for row in rows)])
        for rank, heading, text in _COLUMNS
    ]
    widths = {rank: max(map(len, cells)) for rank, _, cells in columns}
    while len(widths) > 2 and sum(widths.values()) + 2 * (len(widths) - 1) > width:
        del widths[max(widths)]
    shown = [
        [cell.rjust(widths[rank]) if is_number else cell.ljust(widths[rank]) for cell in cells]
        for rank, is_number, cells in columns
        if rank in widths
    ]
    return ["  ".join(cells).rstrip() for cells in zip(*shown, strict=True)]


def _ended(record: RunRecord, text: str) -> str:
    """Return a figure of the sessions that ended, which is not that of a run whose next session works now."""
    return "" if record.status is RunStatus.RUNNING else text


def _minute(timestamp: str) -> str:
    return timestamp[:16].replace("T", " ")
