"""What happens to the client in a trial, and to the server."""

import asyncio
import random
import shutil
import signal
import tempfile
from pathlib import Path

from midaz_seed.sandbox import FaultPlan, SandboxConfig, running
from tools.chaos.audit import audit_file
from tools.chaos.faults import CLIENTS_MEET, CLIENTS_MEET_AND_LOSE_ANSWERS, FAULTS, Rules
from tools.chaos.processes import sandbox_process
from tools.chaos.servers import InProcessServer, ProcessServer
from tools.chaos.table import Row
from tools.chaos.trials import GRACE_S, TTL_S, Scenario, Trial


async def kill_client(trial: Trial, cwd: Path, *, kills: int = 2) -> None:
    """Kill the client `kills` times."""
    left = trial.planned.plan.posts
    for _ in range(kills):
        at = trial.rng.randrange(1, max(left, 2))
        await trial.run_session(cwd, kill_at=at)
        left -= at
    await trial.run_until_done(cwd)


async def interrupt_client(trial: Trial, cwd: Path, *, stop_faults: bool = False) -> None:
    """Send the client a SIGTERM, which it obeys within its grace time, and resume the run."""
    await trial.run_session(cwd, "--grace", f"{GRACE_S:g}s", kill_at=trial.random_moment(), by=signal.SIGTERM)
    if stop_faults:
        trial.server.stop_faults()
    await trial.run_until_done(cwd)


async def stop_and_kill(trial: Trial, cwd: Path) -> None:
    """Stop the client with a SIGTERM, kill the next session soon after it has resumed, and resume the run."""
    flags = ("--grace", f"{GRACE_S:g}s")
    await trial.run_session(cwd, *flags, kill_at=trial.random_moment(of=0.9), by=signal.SIGTERM)
    await trial.run_session(cwd, kill_at=trial.rng.randrange(1, 40))
    await trial.run_until_done(cwd)


async def restore_journal(trial: Trial, cwd: Path) -> None:
    """Copy the `runs` folder while a session writes to it, put the copy back after later sessions, and resume from it;
    the keys of the copy may have expired by then."""
    runs, copy = cwd / "runs", cwd / "copy"
    first = asyncio.ensure_future(trial.run_session(cwd, kill_at=trial.random_moment(of=0.6)))
    start, at = await trial.server.posts(), trial.random_moment(of=0.4)
    while not first.done() and await trial.server.posts() - start < at:
        await asyncio.sleep(0.002)
    if first.done() or trial.rng.random() < 0.5:  # copy the folder of a killed session, otherwise that of a live one
        await first
    if not runs.exists():  # it was killed before it wrote anything
        await first
        await trial.run_until_done(cwd)
        return
    shutil.copytree(runs, copy)
    await first
    if trial.rng.random() < 0.5:
        await trial.run_until_done(cwd)
    else:
        await trial.run_session(cwd, kill_at=trial.random_moment(of=0.3))
    if trial.rng.random() < 0.5:
        await asyncio.sleep(TTL_S)
    shutil.rmtree(runs)
    copy.rename(runs)
    if trial.rng.random() < 0.5:
        await trial.run_session(cwd, kill_at=trial.random_moment(of=0.2))
    await trial.run_until_done(cwd)


async def finish_elsewhere(trial: Trial, cwd: Path) -> None:
    """Interrupt a session, finish the run from another folder without a journal, and resume it from the old journal,
    before or after the keys have expired."""
    elsewhere = cwd / "elsewhere"
    elsewhere.mkdir()
    planned = trial.planned
    among = planned.deposits if trial.rng.random() < 0.5 else len(planned.movements)
    by = signal.SIGTERM if trial.rng.random() < 0.7 else signal.SIGKILL
    await trial.run_session(cwd, kill_at=planned.before_money + trial.rng.randrange(max(among, 1)), by=by)
    await trial.run_until_done(elsewhere, "--no-journal")
    if trial.rng.random() < 0.5:
        await asyncio.sleep(TTL_S)
    await trial.run_until_done(cwd)


def start_clients(count: int, *, kills: bool) -> Scenario:
    """Start `count` clients of the same run at the same time, each in a folder of its own."""

    async def scenario(trial: Trial, cwd: Path) -> None:
        folders = [cwd / f"client {number}" for number in range(count)]
        moments = [trial.random_moment() if kills and trial.rng.random() < 0.7 else None for _ in folders]
        for folder in folders:
            folder.mkdir()
        sessions = (trial.run_session(folder, kill_at=at) for folder, at in zip(folders, moments, strict=True))
        await asyncio.gather(*sessions)
        await trial.run_until_done(folders[0])

    return scenario


SCENARIOS: dict[str, tuple[Scenario, list[Rules]]] = {
    "journal restored": (restore_journal, [[], FAULTS["cut after"], [], FAULTS["mixed"]]),
    "done elsewhere": (finish_elsewhere, [[], FAULTS["cut after"]]),
    "two clients": (start_clients(2, kills=False), [CLIENTS_MEET, CLIENTS_MEET_AND_LOSE_ANSWERS]),
    "two clients, killed": (start_clients(2, kills=True), [CLIENTS_MEET, CLIENTS_MEET_AND_LOSE_ANSWERS]),
    "four clients, killed": (start_clients(4, kills=True), [CLIENTS_MEET, CLIENTS_MEET_AND_LOSE_ANSWERS]),
}
"""Scenarios besides the killed client, with the faults under which they run in turn."""
HISTORIES: dict[str, Scenario] = {"history": kill_client, "history, stopped and killed": stop_and_kill}
"""Scenarios of a run whose movements have dates."""
HISTORY_FAULTS = ("slow answers", "none", "mixed", "cut after")
SERVER_KILLED = {"server killed": False, "server and client killed": True}
"""Scenarios with a killed server: whether the client is killed too."""


async def run_trial(
    scenario: Scenario, rules: Rules, flags: list[str], plan_flags: list[str], row: Row, rng: random.Random, name: str
) -> None:
    """Run one trial with a sandbox in this process, and audit it; `flags` do not change the plan."""
    faults = FaultPlan.parse({"seed": rng.randrange(1000), "rules": rules})
    with tempfile.TemporaryDirectory() as folder:
        async with running(SandboxConfig(faults=faults, control=True)) as sandbox:
            trial = Trial(row, plan_flags, rng, InProcessServer(sandbox), name, flags)
            await trial.run_scenario(scenario, Path(folder))
            await trial.finish()


async def run_trial_with_server_kill(
    client_too: bool, plan_flags: list[str], row: Row, rng: random.Random, name: str
) -> None:
    """Run one trial whose server is killed, crashes as a real one does, and is started again; audit its file.

    Args:
        client_too: Kill the client with the server.
        plan_flags: The plan, as flags.
        row: Where to count.
        rng: Draws the moment of the kill.
        name: The trial's name in messages.
    """
    options = ("--data", "ledger.sqlite", "--crash-like-midaz", "--control")
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        async with sandbox_process(*options, cwd=cwd) as (url, first):
            trial = Trial(row, plan_flags, rng, ProcessServer(url), name)

            async def scenario(trial: Trial, cwd: Path) -> None:
                session = asyncio.ensure_future(trial.run_session(cwd))
                at = trial.random_moment()
                while not session.done() and await trial.server.posts() < at:
                    await asyncio.sleep(0.01)
                first.kill()
                await first.wait()
                row.kills += 1
                if client_too:
                    session.cancel()  # its process is killed with it
                    await asyncio.wait([session])
                async with sandbox_process(*options, cwd=cwd, port=int(url.rpartition(":")[2])):
                    trial.is_done = not client_too and await session == 0
                    if not trial.is_done:
                        await trial.run_until_done(cwd)

            await trial.run_scenario(scenario, cwd)
        row.runs += 1
        trial.count_differences(await audit_file(cwd / "ledger.sqlite", trial.planned))
