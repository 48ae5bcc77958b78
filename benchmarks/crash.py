"""What a crash of the server costs a run: time until it is done, and requests that were sent again.

A sandbox process that leaves what a killed Midaz leaves (`--crash-like-midaz`) is killed in the middle of a phase and
started again; the keys that were in flight answer 0084 until they expire. Then its file is audited: every planned
movement once.
"""

import asyncio
import json
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from tools.chaos.audit import Audit, audit_file, planned_by
from tools.chaos.processes import command_process, posts_seen, sandbox_process

PLAN = (
    *("--preset", "tiny", "--organizations", "1", "--ledgers", "4", "--portfolios", "0", "--segments", "0"),
    *("--accounts", "20", "--transactions", "10"),
)
AWAY_S = 1.0
"""Between the kill and the start of the next process."""


@dataclass(frozen=True)
class Result:
    """What one crash cost."""

    whole_s: float
    after_start_s: float
    """From the start of the next server to the end of the run."""
    answered_0084: int
    posts_after: int
    recovered: int
    exit_code: int
    first_ledger_s: float
    """From the start of the next server until the first ledger was done."""
    audit: Audit


async def crash(folder: Path, *, ttl_s: int, margin_s: int, part: float, in_flight: int) -> Result:
    """Kill the server when a part of the run's transactions have been sent.

    Args:
        folder: for the files of server and client.
        ttl_s: `idempotency.ttlS`.
        margin_s: `idempotency.marginS`.
        part: which part of the transactions (0 to 1).
        in_flight: requests at once.
    """
    planned = planned_by(PLAN)
    data = folder / "ledger.sqlite"
    options = ("--data", str(data), "--crash-like-midaz")
    events = folder / "events.ndjson"
    flags = (
        *("--set", f"idempotency.ttlS={ttl_s}", "--set", f"idempotency.marginS={margin_s}"),
        *("--set", "breaker.openS=0.5", "-c", str(in_flight), "--events", str(events)),
    )
    kill_at = planned.before_money + int(part * len(planned.movements))
    async with AsyncExitStack() as stack:
        url, server = await stack.enter_async_context(sandbox_process(*options))
        begun_s = time.monotonic()
        client = await stack.enter_async_context(
            command_process("run", *PLAN, "-u", url, "--json", "-q", *flags, cwd=folder)
        )
        output = asyncio.ensure_future(client.communicate())
        while await posts_seen(url) < kill_at:
            if output.done():
                raise click.ClickException((await output)[1].decode())
            await asyncio.sleep(0.005)
        server.kill()
        await server.wait()
        await asyncio.sleep(AWAY_S)
        await stack.enter_async_context(sandbox_process(*options, port=int(url.rpartition(":")[2])))
        started_s, started = time.monotonic(), time.time()
        out, _ = await output
        ended_s = time.monotonic()
        posts_after = await posts_seen(url)
    report = json.loads(out)
    done = [
        datetime.fromisoformat(event["at"]).timestamp()
        for event in map(json.loads, (await asyncio.to_thread(events.read_text)).splitlines())
        if event.get("event") == "phase_finished" and event.get("phase") == "verify"
    ]
    return Result(
        ended_s - begun_s,
        ended_s - started_s,
        sum(error["count"] for error in report["errors"] if error["code"] == "0084"),
        posts_after,
        sum(phase["recovered"] for phase in report["phases"]),
        client.returncode or 0,
        min(done, default=started) - started,
        await audit_file(data, planned),
    )


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--rounds", default=3, show_default=True)
@click.option("--ttl", "ttl_s", default=20, show_default=True, help="idempotency.ttlS.")
@click.option("--margin", "margin_s", default=5, show_default=True, help="idempotency.marginS.")
@click.option("--part", default=0.5, show_default=True, help="When the server is killed: part of the transactions.")
@click.option("--in-flight", default=16, show_default=True)
def main(*, rounds: int, ttl_s: int, margin_s: int, part: float, in_flight: int) -> None:
    wrong = 0
    click.echo("whole s | s after the start | first ledger done s | 0084 | requests after | recovered | exit | audit")
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(crash(Path(folder), ttl_s=ttl_s, margin_s=margin_s, part=part, in_flight=in_flight))
        wrong += not found.audit.is_as_planned
        click.echo(
            f"{found.whole_s:.1f} | {found.after_start_s:.1f} | {found.first_ledger_s:.1f} | {found.answered_0084} | "
            f"{found.posts_after} | {found.recovered} | {found.exit_code} | {found.audit}"
        )
    if wrong:
        raise click.ClickException(f"{wrong} of {rounds} runs are not as planned")


if __name__ == "__main__":
    main()
