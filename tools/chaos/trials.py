"""A trial: one server under one fault, the sessions of one run on it, and what they leave."""

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tools.chaos.audit import Audit, Planned, planned_by
from tools.chaos.processes import command_process
from tools.chaos.servers import Server
from tools.chaos.table import Row

TTL_S, MARGIN_S = 20, 9
"""A key lives this long on the server. It is not sent again in the last part of that, which exceeds the time for which
a request is held by as much as a busy machine may be late."""
_SESSION_FLAGS = [
    *("--set", "breaker.openS=0.2", "--set", "settlement.maxDelayS=0.3", "--set", "settlement.deadlineS=15"),
    *("--set", f"idempotency.ttlS={TTL_S}", "--set", f"idempotency.marginS={MARGIN_S}", "--timeout", "4"),
]
GRACE_S = 4.0
"""The grace time of a session that gets a SIGTERM."""
_LATE_S = 1.5
"""Time by which a busy machine may be late."""
_STOPS_BY_ITSELF_S = 12.0
"""Time after which a session is signalled that does not send as many requests as it should."""
_END_WITHIN_S = 300.0
_SESSIONS_MAX = 8
"""A run that is not done after this number of sessions, the last ones without faults, is broken."""
_ADVANCE_CLOCK_AFTER, _STOP_FAULTS_AFTER = 2, 5
"""Sessions without success after which time passes between them, and after which the faults end."""
_HOUR_S = 3700.0
_EXPECTED_EXIT_CODES = (0, 1, 3, 4, 130, 143)
"""A session is done, or reports that it is not."""


@dataclass
class Trial:
    """The sessions of one run on one server under one fault."""

    row: Row
    plan_flags: list[str]
    rng: random.Random
    server: Server
    name: str
    more_flags: list[str] = field(default_factory=list)
    """Flags that do not change the plan."""
    is_done: bool = False
    """The last session was done."""
    verbose: ClassVar[bool] = False
    metadata: ClassVar[str] = "full"
    """What the transactions of all trials carry as metadata."""

    def __post_init__(self) -> None:
        if self.metadata != "full":
            self.plan_flags = [*self.plan_flags, "--metadata", self.metadata]

    @property
    def planned(self) -> Planned:
        """The plan of its run."""
        return planned_by(tuple(self.plan_flags))

    def random_moment(self, *, of: float = 1.0) -> int:
        """Draw a number of POST requests, up to a part of those that the plan needs."""
        return self.rng.randrange(1, max(int(self.planned.plan.posts * of), 2))

    async def run_session(
        self, cwd: Path, *flags: str, kill_at: int | None = None, by: signal.Signals = signal.SIGKILL
    ) -> int | None:
        """Run one session.

        Args:
            cwd: Where its `runs` folder is.
            flags: Further flags of this session.
            kill_at: Signal it when the server has seen this number of further POST requests, unless it has ended.
            by: The signal.

        Returns:
            Its exit code; None when it was killed.
        """
        start, signalled_s = await self.server.posts(), None
        plan, further = self.plan_flags, [*self.more_flags, *flags]
        arguments = ["run", *plan, "-u", self.server.url, "--json", "-q", *_SESSION_FLAGS, *further]
        async with command_process(*arguments, cwd=cwd) as process:
            output = asyncio.ensure_future(process.communicate())
            if kill_at is not None:
                begun_s = time.monotonic()
                while not output.done() and await self.server.posts() - start < kill_at:
                    await asyncio.sleep(0.002)
                    if time.monotonic() - begun_s > _STOPS_BY_ITSELF_S:
                        break
                if not output.done():
                    process.send_signal(by)
                    self.row.kills += 1
                    signalled_s = time.monotonic()
            out, err = await asyncio.wait_for(output, _END_WITHIN_S)
        if by is signal.SIGTERM and signalled_s is not None:
            self._check_obeyed(process.returncode, time.monotonic() - signalled_s)
        if process.returncode == -signal.SIGKILL:
            return None
        # a signal ends a process that has not begun to handle signals
        code = 143 if process.returncode == -signal.SIGTERM else process.returncode
        await self._count_end(code, out, err)
        return code

    def _check_obeyed(self, code: int | None, took_s: float) -> None:
        """Check the end of a session that got a SIGTERM: one that was done already may end as it would have."""
        self.row.longest_stop_s = max(self.row.longest_stop_s, round(took_s, 1))
        if took_s > GRACE_S + _LATE_S or code not in (0, 143, -signal.SIGTERM):
            self.row.broken += 1
            self.log(f"exit {code}, {took_s:.1f} s after a SIGTERM; the grace time is {GRACE_S:g} s")

    async def run_until_done(self, cwd: Path, *flags: str) -> None:
        """Run sessions one after the other until one is done."""
        for number in range(1, _SESSIONS_MAX + 1):
            self.is_done = await self.run_session(cwd, *flags) == 0
            if self.is_done:
                return
            if number == _STOP_FAULTS_AFTER:
                self.server.stop_faults()
            if number >= _ADVANCE_CLOCK_AFTER:  # keys of earlier sessions expire by the clients' clock too
                await asyncio.sleep(TTL_S)
                await self.server.advance_clock(_HOUR_S)
        raise AssertionError(f"not done after {_SESSIONS_MAX} sessions")

    async def run_scenario(self, scenario: "Scenario", cwd: Path) -> None:
        """Run the scenario; a trial that breaks is counted, and its server is audited like any other."""
        try:
            await scenario(self, cwd)
        except (AssertionError, TimeoutError) as error:
            self.is_done = False
            self.row.broken += 1
            self.log(str(error)[-2000:] or type(error).__name__)

    async def finish(self) -> None:
        """Audit the server when it holds no request any more."""
        self.row.runs += 1
        await self.server.drain()
        self.row.re_sends += max(await self.server.posts() - self.planned.plan.posts, 0)
        self.count_differences(await self.server.audit(self.planned))

    def count_differences(self, found: Audit | None) -> None:
        """Count the differences from the plan; of a run that is not done, only the transactions that are doubled."""
        if found is None:
            return
        self.row.doubled += len(found.doubled)
        if self.is_done:
            self.row.missing += len(found.missing)
            self.row.differences += len(found.strange)
            self.row.false_done += not found.exactly_once
        if not found.is_as_planned:
            self.log(f"at the end: {found}")

    def log(self, text: str, *, always: bool = True) -> None:
        """Print what happened, with the name under which the trial can be repeated."""
        if always or self.verbose:
            print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    async def _count_end(self, code: int | None, out: bytes, err: bytes) -> None:
        """Count how a session ended."""
        if b"Traceback" in err or b"internal error" in err:
            self.row.broken += 1
            self.log(err.decode()[-2000:])
        assert code in _EXPECTED_EXIT_CODES, f"exit {code}: {err.decode()[-2000:]}"
        document = json.loads(out) if out.startswith(b"{") else {}
        report = document if "phases" in document else None  # otherwise the command ended before it had a report
        if report is not None:
            self.row.add_report(report)
        if code == 0:
            found = await self.server.audit(self.planned)
            if found is not None and not found.exactly_once:
                self.row.false_done += 1
                self.log(f"a session reports that it is done, and the audit finds: {found}")
            return
        self.row.undecided_ends += code == 4
        self.row.other_ends += code != 4
        self.log(f"exit {code}: {_reason(report) if report else err.decode().strip()[-400:]}", always=False)


Scenario = Callable[[Trial, Path], Awaitable[None]]
"""What happens to the sessions of a trial, until one is done."""


def _reason(report: dict[str, Any]) -> str:
    """Why a session was not done, from its report."""
    differences = (report["proof"] or {"differences": []})["differences"]
    ledgers = [ledger for ledger in report["ledgers"] if ledger["reason"]]
    return " ".join([report["verdict"], *(str(each) for each in [*differences[:3], *ledgers[:3]])])
