"""Race the slices of one run against one another and against themselves, and count every movement by its tag.

    make races                                  # 100 races of 2, 4 and 8 slices (about half an hour on two cores)
    .venv/bin/python -m tools.races --races 12  # fewer
    .venv/bin/python -m tools.races --first 30  # those from number 30, after `--races 30`
    .venv/bin/python -m tools.races --only 7    # one of them, as the messages name it

In each race all slices of a run start at the same moment as processes, and half of them twice, in runs directories of
their own, as Kubernetes may start a pod a second time. In every second race one of them is killed at a random moment
and started again. A process that ends with an error is started again too. At last the reports are merged, and the
server's own records have to hold the tag of every planned movement exactly once, and every balance as planned.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from tools.chaos.audit import audit_file, planned_by
from tools.chaos.processes import command_process, posts_seen, sandbox_process

SLICES = (2, 4, 8)
PLAN = (
    *("--preset", "small", "--organizations", "2", "--ledgers", "4", "--assets", "2"),
    *("--accounts", "8", "--transactions", "8"),
)
"""Eight ledgers, so that the slices of each number have some; several have ledgers of one organization."""
STARTS_MAX = 4


@dataclass
class Row:
    """What happened in the races of one number of slices."""

    slices: int
    races: int = 0
    processes: int = 0
    kills: int = 0
    errors: int = 0
    """Processes that ended with an error and were started again."""
    doubled: int = 0
    missing: int = 0
    strange: int = 0
    """Other differences from the plan, in the server's records."""
    unfinished: int = 0
    """Races that did not end as they must: a process failed every time, or the reports could not be merged."""
    seconds: float = 0.0

    @property
    def is_bad(self) -> bool:
        """Whether something happened that must not happen."""
        return any((self.doubled, self.missing, self.strange, self.unfinished))


async def race(number: int, row: Row, seed: int) -> None:
    """Run one race and add what happened to the row."""
    draw = random.Random(f"{seed}/{number}")
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="midaz-seed-race-") as folder:
        data, runs = Path(folder, "ledger"), Path(folder, "runs")
        twice = draw.sample(range(1, row.slices + 1), max(row.slices // 2, 1))
        places = [(each, runs) for each in range(1, row.slices + 1)]
        places += [(each, Path(folder, f"runs-{each}")) for each in twice]
        draw.shuffle(places)
        killed = draw.choice(places) if number % 2 else None
        async with sandbox_process("--data", str(data)) as (url, server):
            ended = await asyncio.gather(
                *(_slice(url, each, row, draw.random() if each == killed else None) for each in places)
            )
            merged = await _merge(runs)
            server.terminate()
            await server.wait()
        found = await audit_file(data, planned_by(PLAN))
    row.races += 1
    row.seconds += time.monotonic() - started_s
    row.doubled += len(found.doubled)
    row.missing += len(found.missing)
    row.strange += len(found.strange)
    row.unfinished += not (all(ended) and merged)
    which = "" if all(ended) else "; a process failed every time"
    print(f"race {number} of {row.slices} slices: {found}{which}{'' if merged else '; not merged'}", flush=True)


async def _slice(url: str, place: tuple[int, Path], row: Row, kill_at: float | None) -> bool:
    """Run a slice until it ends well; kill its first process at this share of the run. Return whether it ended so."""
    number, runs = place
    command = ("run", *PLAN, "--base-url", url, "--slice", f"{number}/{row.slices}", "--runs-dir", str(runs), "--quiet")
    for start in range(STARTS_MAX):
        row.processes += 1
        async with command_process(*command) as process:
            output = asyncio.ensure_future(process.communicate())
            if kill_at is not None and start == 0:
                while not output.done() and await posts_seen(url) < kill_at * planned_by(PLAN).plan.posts:
                    await asyncio.sleep(0.02)
                if not output.done():
                    process.kill()
                    row.kills += 1
            _, messages = await output
        if process.returncode == 0:
            return True
        if process.returncode != -9:
            row.errors += 1
            print(
                f"  slice {number}/{row.slices} ended with {process.returncode}: {messages.decode()[:300]}", flush=True
            )
    return False


async def _merge(runs: Path) -> bool:
    """Merge the reports. Return whether the merged run is verified and complete."""
    run_id = planned_by(PLAN).plan.run_id
    async with command_process("runs", "merge", run_id, "--runs-dir", str(runs)) as process:
        await process.communicate()
    return process.returncode == 0


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text, with their sums."""
    names = [field.name for field in fields(Row)]
    sums = [sum(getattr(row, name) for row in rows) for name in names]
    lines = [names, *(list(map(_cell, astuple(row))) for row in rows), ["all", *map(_cell, sums[1:])]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _cell(value: float) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)


async def _run(numbers: Iterable[int], seed: int) -> list[Row]:
    rows = {slices: Row(slices) for slices in SLICES}
    for number in numbers:
        await race(number, rows[SLICES[number % len(SLICES)]], seed)
    return list(rows.values())


def main() -> None:
    """Run the races and exit with 1 when something was doubled, lost or not as planned."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--races", type=int, default=100, help="number of races  [default: 100]")
    parser.add_argument("--first", type=int, default=0, help="number of the first one  [default: 0]")
    parser.add_argument("--seed", type=int, default=1, help="of the moments that are drawn  [default: 1]")
    parser.add_argument("--only", type=int, help="number of one race, from 0")
    given = parser.parse_args()
    numbers = range(given.first, given.races) if given.only is None else [given.only]
    rows = asyncio.run(_run(numbers, given.seed))
    print(table(rows))
    sys.exit(any(row.is_bad for row in rows))


if __name__ == "__main__":
    main()
