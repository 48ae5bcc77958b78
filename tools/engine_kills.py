"""Kill workers, schedulers and commands of runs on Dask at random moments, and count every movement by its tag.

    make engine-kills                                          # each row of the table (about half an hour on two cores)
    .venv/bin/python -m tools.engine_kills --kills 4           # fewer kills of workers in each row
    .venv/bin/python -m tools.engine_kills --only worker       # the rows of one kind

Kinds of rows:

- worker: a process of the cluster that `--engine dask` starts on this machine, of which ten are killed in each run.
- worker without nanny: a worker of a cluster without nannies. All of them are killed, one after the other, so that the
  others take over its slice, and the run ends without a worker.
- scheduler: the scheduler of such a cluster, once in a run.
- command: the command itself, with the scheduler in it, once in a run; its workers are left.

A command that ends with an error is started again, as a user would; it has to say so, and to end as planned at last.
The server's own records then have to hold the tag of every planned movement exactly once, and every balance as planned.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tools.chaos.audit import audit_file, planned_by
from tools.chaos.processes import UNMEASURED_ENVIRONMENT, command_process, posts_seen, sandbox_process

KINDS = ("worker", "worker without nanny", "scheduler", "command")
PRESETS = ("small", "medium")
WORKERS = (2, 4)
KILLS_PER_RUN = 10
STARTS_MAX = 8
KILLED = -9
RESUMABLE = ("same command", "is in use by process")
"""A message of a command that can be given again has one of these."""
Process = asyncio.subprocess.Process


@dataclass
class Row:
    """What happened in the runs of one kind."""

    kind: str
    workers: int
    preset: str
    runs: int = 0
    kills: int = 0
    restarts: int = 0
    """Slices that Dask started again, in the sessions that left a report."""
    resumed: int = 0
    """Sessions that ended with an error, or were killed, and were continued."""
    doubled: int = 0
    missing: int = 0
    strange: int = 0
    """Other differences from the plan, in the server's records."""
    broken: int = 0
    """Sessions without a message that says how to continue, and runs that never ended as planned."""
    seconds: float = 0.0

    @property
    def is_bad(self) -> bool:
        """Whether something happened that must not happen."""
        return any((self.doubled, self.missing, self.strange, self.broken))


@dataclass
class Cluster:
    """What can be killed beside the command: a scheduler and workers without nannies, as processes."""

    scheduler: Process
    address: str
    workers: list[Process] = field(default_factory=list)


@asynccontextmanager
async def cluster_of(workers: int, folder: Path) -> AsyncIterator[Cluster]:
    """Run a scheduler and workers without nannies, and end them with the block."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    started = [
        await _dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file), "--no-dashboard")
    ]
    try:
        while not file.exists():
            await asyncio.sleep(0.1)
        cluster = Cluster(started[0], json.loads(file.read_text(encoding="utf-8"))["address"])
        for number in range(workers):
            options = ("--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--no-dashboard", "--name", f"w{number}")
            cluster.workers.append(await _dask("worker", cluster.address, *options))
            started.append(cluster.workers[-1])
        yield cluster
    finally:
        for process in started:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _dask(*arguments: str) -> Process:
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dask", *arguments, stdout=quiet, stderr=quiet, env=UNMEASURED_ENVIRONMENT
    )


def _kill_a_local_worker(command: Process, draw: random.Random) -> bool:
    """Kill a process that a command has started for a cluster of its own. Return whether there was one."""
    try:
        children = psutil.Process(command.pid).children()
        workers = [child for child in children if "--multiprocessing-fork" in child.cmdline()]
    except psutil.Error:
        return False
    if workers:
        draw.choice(workers).kill()
    return bool(workers)


def _kill_one(processes: Sequence[Process], draw: random.Random) -> bool:
    alive = [process for process in processes if process.returncode is None]
    if alive:
        draw.choice(alive).kill()
    return bool(alive)


@dataclass
class Trial:
    """One run, with the moments at which something is killed: shares of its requests, in order."""

    row: Row
    draw: random.Random
    url: str
    folder: Path
    moments: list[float]

    async def is_carried_out(self) -> bool:
        """Give the command until it ends as planned. Return whether it did."""
        for _ in range(STARTS_MAX):
            if await self._session() == 0:
                return True
            self.row.resumed += 1
        return False

    async def _session(self) -> int:
        flags = ("run", "--preset", self.row.preset, "--base-url", self.url, "--engine", "dask", "--json", "--quiet")
        flags += ("--shards", str(self.row.workers), "--runs-dir", str(self.folder / "runs"))
        if self.row.kind in ("worker", "command"):
            async with command_process(*flags) as process:
                kill = process.kill if self.row.kind == "command" else None
                return await self._with_kills(process, kill or (lambda: _kill_a_local_worker(process, self.draw)))
        async with cluster_of(self.row.workers, self.folder) as cluster:
            await asyncio.sleep(5)  # a worker that comes later may take a slice, but a run without any is refused
            victims = [cluster.scheduler] if self.row.kind == "scheduler" else cluster.workers
            async with command_process(*flags, "--scheduler", cluster.address) as process:
                return await self._with_kills(process, lambda: _kill_one(victims, self.draw))

    async def _with_kills(self, command: Process, kill: Callable[[], bool | None]) -> int:
        """Kill at the moments that are left, as far as the command comes. Return its exit code."""
        posts = planned_by(("--preset", self.row.preset)).plan.posts
        output = asyncio.ensure_future(command.communicate())
        while self.moments and not output.done():
            if await posts_seen(self.url) >= self.moments[0] * posts and kill() is not False:
                self.moments.pop(0)
                self.row.kills += 1
            await asyncio.sleep(0.02)
        report, messages = (data.decode() for data in await output)
        code = command.returncode
        assert code is not None
        if code == KILLED:
            return code
        found = json.loads(report) if report.startswith("{") else {}
        self.row.restarts += (found.get("engine") or {}).get("restarts", 0)
        text = f"{found.get('verdict', '')} {found.get('next_step', '')} {messages}"
        if code != 0 and ("Traceback" in messages or not any(each in text for each in RESUMABLE)):
            self.row.broken += 1
            print(f"  {self.row.kind}, {self.row.preset}: ended with {code}: {text[:1000]}", flush=True)
        return code


async def trial(row: Row, number: int, seed: int, kills: int) -> None:
    """Carry out one run with kills, and add what happened to the row."""
    draw = random.Random(f"{seed}/{row.kind}/{row.workers}/{row.preset}/{number}")
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="midaz-seed-kills-") as folder:
        data = Path(folder, "ledger")
        async with sandbox_process("--data", str(data)) as (url, server):
            done = await Trial(
                row, draw, url, Path(folder), sorted(draw.random() for _ in range(kills))
            ).is_carried_out()
            server.terminate()
            await server.wait()
        found = await audit_file(data, planned_by(("--preset", row.preset)))
    row.runs += 1
    row.seconds += time.monotonic() - started_s
    row.doubled += len(found.doubled)
    row.missing += len(found.missing)
    row.strange += len(found.strange)
    row.broken += not done
    if not (done and found.is_as_planned):
        print(f"  run {number} of {row}: {found}{'' if done else '; it never ended as planned'}", flush=True)


async def fill(row: Row, seed: int, kills: int) -> None:
    """Carry out the runs of one row; print it after each."""
    one = {"scheduler": 1, "command": 1, "worker without nanny": row.workers}.get(row.kind)
    number = 0
    while number == 0 or (one is None and row.kills < kills and number < kills):
        await trial(row, number, seed, one or min(KILLS_PER_RUN, kills - row.kills))
        number += 1
        print(markdown(row), flush=True)


def markdown(row: Row) -> str:
    """Return a row of the table."""
    values = [getattr(row, field.name) for field in fields(Row)]
    return f"| {' | '.join(f'{each:.0f}' if isinstance(each, float) else str(each) for each in values)} |"


async def _run(kinds: Sequence[str], seed: int, kills: int) -> list[Row]:
    rows = [Row(kind, workers, preset) for kind in kinds for workers in WORKERS for preset in PRESETS]
    for row in rows:
        await fill(row, seed, kills)
    return rows


def main() -> None:
    """Carry out the runs, print the table, and exit with 1 when something was doubled, lost or not as planned."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of workers, in each row  [default: 20]")
    parser.add_argument("--seed", type=int, default=1, help="of the moments that are drawn  [default: 1]")
    parser.add_argument("--only", choices=KINDS, help="one kind of rows")
    given = parser.parse_args()
    names = [field.name for field in fields(Row)]
    print(f"| {' | '.join(names)} |\n|{'|'.join(' --- ' for _ in names)}|", flush=True)
    rows = asyncio.run(_run([given.only] if given.only else KINDS, given.seed, given.kills))
    sys.exit(any(row.is_bad for row in rows))


if __name__ == "__main__":
    main()
