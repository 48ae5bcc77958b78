"""Random sessions of the real client against the sandbox, through a faulty network.

    make machine                                                                # ten minutes of it
    .venv/bin/python -m tests.acceptance.test_exactly_once_machine --seed 7     # one batch that was named

A session runs to its end, is killed and leaves its journal as it is at that moment, or runs at the same time as
another one of the same run; journals are saved, restored and lost; keys expire. After each step the sandbox's own
records show whether any movement was made twice, and after each exit code 0 whether all were made. At the end the
faults stop, and the run has to finish within a few sessions.

A request that is held or sent twice arrives within the margin of the settings (ADR 7); a later one is the documented
limit.
"""

import argparse
import asyncio
import itertools
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from midaz_seed.clock import Clock, ShiftedClock, SystemClock
from midaz_seed.errors import ExitCode, SeedError
from midaz_seed.runner import seed_async
from midaz_seed.runs.directory import REPORT
from midaz_seed.sandbox import FaultPlan, SandboxServer
from midaz_seed.settings.model import Settings
from tests.support.clocks import AcceleratedClock
from tests.support.drawn_sessions import (
    HOUR_S,
    MARGIN_S,
    PREPARATIONS,
    SANDBOX_FAULTS,
    SHAPES,
    TTL_S,
    PlanShape,
    Preparation,
)
from tests.support.faulty_network import (
    CLIENT,
    HELD_S,
    NO_FAULTS,
    FaultyNetwork,
    NetworkClient,
)
from tests.support.gateway import running_gateway
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tools.chaos.audit import Planned, audit, money_in_duplicates, planned_by

Result = TypeVar("Result")
TIMES_FASTER = 10
PAIR_S, ALONE_S = TTL_S / 2 / TIMES_FASTER, 30.0
"""Real seconds after which a session is killed. Two at the same moment may not stand still for a key's life between
their read and their request (ADR 7)."""
SESSIONS_TO_DONE = 4


@dataclass(frozen=True)
class SessionEnd:
    """How a session ended: its exit code, None when it was killed."""

    code: int | None
    message: str = "killed"


SEEN: Counter[str] = Counter()
"""Counts of what all machines of this process have done."""


BESIDE = ("nothing", "the same journal", "its own", "an older copy")


class ExactlyOnceMachine(RuleBasedStateMachine):
    """One server, one plan, and the random sessions of its run."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="midaz-seed-machine-"))
        self.runs = self.folder / "runs"
        self.elsewhere = self.folder / "elsewhere"
        self.sessions = 0
        self.steps = 0
        self.cut_short = 0
        """The number of first steps in which every session is killed or runs beside another one."""
        self.trace: list[str] = []
        self.well = False
        self.done = False
        """The last session was done: nothing more happens until the journal changes."""
        SEEN["examples"] += 1

    def _do(self, what: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(what)

    # ---- the server

    @initialize(shape=SHAPES, cut_short=st.integers(0, 3), fault_seed=st.integers(0, 1000))
    def begin(self, shape: PlanShape, cut_short: int, fault_seed: int) -> None:
        self.volume = {
            "organizations": 1,
            "ledgersPerOrganization": 1,
            "assetsPerLedger": shape.assets,
            "portfoliosPerLedger": shape.parts,
            "segmentsPerLedger": shape.parts,
            "accountsPerLedger": shape.accounts,
            "transactionsPerAccount": shape.transactions,
        }
        flags = {
            "--organizations": 1,
            "--ledgers": 1,
            "--assets": shape.assets,
            "--portfolios": shape.parts,
            "--segments": shape.parts,
            "--accounts": shape.accounts,
            "--transactions": shape.transactions,
            "--transactions-per-batch": shape.batch,
        }
        self.planned: Planned = planned_by(tuple(str(part) for pair in flags.items() for part in pair))
        self.shape, self.cut_short = shape, cut_short
        self._note(f"{shape}, seed of the server's faults {fault_seed}")
        self._do(self._open({"seed": fault_seed, "rules": [SANDBOX_FAULTS[name] for name in shape.faults]}))
        self.well = True

    async def _open(self, faults: dict[str, Any]) -> None:
        self.clock = ShiftedClock(AcceleratedClock(SystemClock(), TIMES_FASTER))
        self.server: SandboxServer = await self.stack.enter_async_context(sandbox(faults, clock=self.clock))
        self.network = FaultyNetwork(self.server.url, self.clock)
        self.url = await self.stack.enter_async_context(running_gateway(self.network))

    def _settings(self, client: NetworkClient, runs: Path) -> Settings:
        return settings_for(
            self.url,
            volume=self.volume,
            target={"headers": [f"{CLIENT}: {client.number}"], "requestTimeoutS": 0.5, "connectTimeoutS": 1},
            generation={
                "retries": {"max": 3, "initialDelay": 10, "maxDelay": 100},
                "limits": {"maxConcurrency": self.shape.in_flight},
                "batches": {"transactionsPerBatch": self.shape.batch},
            },
            breaker={"failures": 4, "openS": 0.3, "giveUpS": 15},
            settlement={"deadlineS": 8, "initialDelayS": 0.05, "maxDelayS": 0.5},
            idempotency={"ttlS": TTL_S, "marginS": MARGIN_S},
            runs=runs,
        )

    def _note(self, what: str) -> None:
        self.trace.append(what)

    # ---- sessions

    async def _session(
        self, runs: Path, *, kill_at: int | None = None, reaches: bool = False, within_s: float
    ) -> SessionEnd:
        """Run a session to its end, until it is killed, or until its time is up, which kills it."""
        self.sessions += 1
        client = NetworkClient(self.sessions, kill_at, reaches)
        kept = self.folder / f"kept-{client.number}"
        client.keep = lambda: _copy(runs, kept)
        self.network.clients[client.number] = client
        SEEN["sessions"] += 1
        run = asyncio.create_task(self._reported(self._settings(client, runs)))
        end = asyncio.create_task(client.killed.wait())
        await asyncio.wait({run, end}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if run.done() and not client.killed.is_set():
            ended = run.result()
        else:
            SEEN["kills" if client.killed.is_set() else "out of time"] += 1
            client.kill()
            run.cancel()
            ended = SessionEnd(None)
        client.killed.set()
        await asyncio.gather(run, end, return_exceptions=True)
        if ended.code is None:
            _remove(runs)
            _copy(kept, runs)
        _touch(runs, self.clock.time())
        self._note(f"  session {client.number}: {ended.code} after {client.requests} requests: {ended.message}")
        SEEN[f"exit {ended.code}"] += 1
        return ended

    async def _reported(self, chosen: Settings) -> SessionEnd:
        try:
            report = await seed_async(chosen, overrides={Clock: self.clock})
        except SeedError as error:
            return SessionEnd(ExitCode(error.exit_code), f"{type(error).__name__}: {error}")
        runs = list(chosen.journal.directory.iterdir())
        written = orjson.loads((runs[0] / REPORT).read_bytes())
        assert written["exit_code"] == ExitCode(report.exit_code), written
        assert report.verdict
        assert all(row.planned == row.created + row.existing + row.failed + row.skipped for row in report.phases)
        differs = "; ".join(map(str, report.proof.differences[:3])) if report.proof else ""
        return SessionEnd(report.exit_code, f"{report.verdict} {report.next_step} {differs}")

    async def _after(self, *ended: SessionEnd) -> None:
        """Compare the server's records with the plan."""
        await self.network.settled()
        found = audit(self.server.state, self.planned)
        wrong = [*(f"{mark} doubled" for mark in found.doubled), *money_in_duplicates(self.server.state)]
        self.done = self.done or any(each.code == ExitCode.DONE for each in ended)
        if any(each.code == ExitCode.DONE for each in ended):
            strange = [what for what in found.strange if not self._is_late_duplicate(what)]
            wrong += [f"{what} after Done" for what in (*found.missing, *strange)]
        self._fail_if(wrong)

    def _is_late_duplicate(self, what: str) -> bool:
        """Whether it is an entity that the network created once more after the client had looked for it. That cannot be
        prevented, and the next session removes it; `money_in_duplicates` checks that it is empty."""
        return self.network.late_creates > 0 and what.endswith(" times")

    def _fail_if(self, wrong: list[str]) -> None:
        if wrong:
            self.well = False
            raise AssertionError("\n".join([*wrong[:8], *self.trace]))

    # ---- rules; which of them apply must not depend on how a session ended, or hypothesis cannot repeat an example

    @precondition(lambda self: self.steps >= self.cut_short)
    @rule(before=PREPARATIONS)
    def run(self, before: Preparation) -> None:
        self._do(self._run(before, "run", None, reaches=False))

    @rule(before=PREPARATIONS, at=st.integers(1, 1000), reaches=st.booleans())
    def run_and_be_killed(self, before: Preparation, at: int, reaches: bool) -> None:
        at = 1 + at % (self.planned.plan.posts + 12)
        arrives = "reaches" if reaches else "does not reach"
        self._do(self._run(before, f"run, killed at request {at}, which {arrives} the server", at, reaches=reaches))

    async def _run(self, before: Preparation, what: str, kill_at: int | None, *, reaches: bool) -> None:
        await self._begin(before, what)
        await self._after(await self._session(self.runs, kill_at=kill_at, reaches=reaches, within_s=ALONE_S))

    @rule(before=PREPARATIONS, beside=st.sampled_from(BESIDE), kill_at=st.none() | st.integers(1, 200))
    def run_two_at_once(self, before: Preparation, beside: str, kill_at: int | None) -> None:
        self._do(self._run_two(before, beside, kill_at))

    async def _run_two(self, before: Preparation, beside: str, kill_at: int | None) -> None:
        await self._begin(before, f"run two, the second with {beside}, the first killed at {kill_at}")
        SEEN["pairs"] += 1
        if beside != "its own":
            _remove(self.elsewhere)
        if beside == "the same journal":
            _copy(self.runs, self.elsewhere)
        if beside == "an older copy":
            _copy(self._saved(before.which), self.elsewhere)
        first = self._session(self.runs, kill_at=kill_at, reaches=True, within_s=PAIR_S)
        await self._after(*await asyncio.gather(first, self._session(self.elsewhere, within_s=PAIR_S)))

    async def _begin(self, before: Preparation, what: str) -> None:
        """Prepare a session: copy the journal, perhaps replace it, and let time pass."""
        _copy(self.runs, self._saved(self.steps))
        journal = "restored" if self.done and before.journal == "kept" else before.journal
        if journal != "kept":
            SEEN[f"journal {journal}"] += 1
            _remove(self.runs)
            self.done = False
        which = before.which % (self.steps + 1)
        if journal == "restored":
            _copy(self._saved(which), self.runs)
        self.steps += 1
        self._note(f"{self.steps}. journal {journal} ({which}), {before.wait_s:g} s pass, {what}, in {before.faults}")
        await self._pass(before.wait_s)
        self.network.change(before.faults)

    def _saved(self, which: int) -> Path:
        """Return the copy that was made before a step, counted from 0 and modulo the steps so far."""
        return self.folder / f"saved-{which % (self.steps + 1)}"

    async def _pass(self, delta_s: float) -> None:
        if delta_s > HELD_S:
            await self.network.let_go()
        self.clock.advance(delta_s)
        await asyncio.sleep(0.01)
        await self._after()

    @invariant()
    def nothing_is_there_twice(self) -> None:
        if self.well:
            self._do(self._after())

    # ---- until it is done

    def teardown(self) -> None:
        try:
            if self.well:
                self._do(self._finish())
        finally:
            if hasattr(self, "network"):
                SEEN.update({f"fault {name}": count for name, count in self.network.injected.items()})
                SEEN.update({f"sandbox {name}": count for name, count in self.server.faults.injected.items()})
                SEEN["held too long, lost"] += self.network.lost_late
            self._do(self.stack.aclose())
            self._do(self.loop.shutdown_default_executor())
            self.loop.close()
            _remove(self.folder)

    async def _finish(self) -> None:
        self.network.change(NO_FAULTS)
        await self.network.let_go()
        self.server.faults.plan = FaultPlan()
        await self._pass(HOUR_S + TTL_S)
        self._note("the faults stop")
        for number in range(1, SESSIONS_TO_DONE + 1):
            ended = await self._session(self.runs, within_s=2 * ALONE_S)
            await self._after(ended)
            if ended.code == ExitCode.DONE:
                SEEN[f"done after {number}"] += 1
                return
        found = audit(self.server.state, self.planned)
        self._fail_if([f"not done after {SESSIONS_TO_DONE} calm sessions: {found}"])


def _copy(source: Path, target: Path) -> None:
    if source.exists():
        shutil.copytree(source, target)


def _touch(runs: Path, now_s: float) -> None:
    """Set the time of the last write, which a client reads from its journal, by the accelerated clock."""
    for file in runs.glob("*/journal*"):
        os.utime(file, (now_s, now_s))


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


CHOSEN = settings(deadline=None, report_multiple_bugs=False, suppress_health_check=list(HealthCheck), database=None)
ExactlyOnceMachine.TestCase.settings = settings(
    CHOSEN, max_examples=3, stateful_step_count=5, derandomize=True, phases=[Phase.generate]
)


class TestExactlyOnceMachine(ExactlyOnceMachine.TestCase):
    """Run the machine."""


def batch(number: int, *, examples: int, steps: int) -> str:
    """Run the examples of one seed; return the traceback of a failure, or ""."""
    machine = seed(number)(type("Machine", (ExactlyOnceMachine,), {}))
    chosen = settings(CHOSEN, max_examples=examples, stateful_step_count=steps, phases=[Phase.generate])
    try:
        run_state_machine_as_test(machine, settings=chosen)
    except Exception:  # noqa: BLE001 - it is printed, and the next batch starts
        return traceback.format_exc()
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, help="of the first batch")
    parser.add_argument("--examples", type=int, default=10, help="of each batch")
    parser.add_argument("--steps", type=int, default=8, help="of each example, at most")
    given = parser.parse_args()
    until_s, broken = time.monotonic() + 60 * given.minutes, 0
    first = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    for number in itertools.count(first):
        failure = batch(number, examples=given.examples, steps=given.steps)
        broken += bool(failure)
        print(
            f"seed {number}: {failure or 'well'}; {SEEN['examples']} examples, {SEEN['sessions']} sessions", flush=True
        )
        if time.monotonic() > until_s:
            break
    print("\n".join(f"{count:8,} {name}" for name, count in sorted(SEEN.items())))
    print(f"{broken} broken")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
