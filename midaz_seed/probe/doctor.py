"""The doctor: what answers at a target, what that means for a run, and whether to go.

Reading is all it does, unless it is asked to write: then it makes an organization of its own, proves that a transaction
sent twice happens once, sees how balances and records appear, measures how many transfers the server takes, and removes
what it made. Every answer is looked at: what stands between here and the server may alter one in a hundred, and a run
cannot tell then what was made.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import cast

from midaz_seed.clock import Clock
from midaz_seed.errors import SeedError, TargetError, UnauthorizedError
from midaz_seed.midaz import routes
from midaz_seed.midaz.classify import read_error
from midaz_seed.midaz.evidence import REPLAYED, Reading, is_record, midaz_code, says_missing
from midaz_seed.midaz.server_traits import Server, server_of
from midaz_seed.model.balances import EXTERNAL, ObservedBalance
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.json_types import JsonObject
from midaz_seed.probe.answers import Answers, Tally
from midaz_seed.probe.scratch_ledger import BRL, DEPOSIT_MINOR, ScratchLedger, Sent, open_scratch_ledger, parsed_object
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.transport.base import Request, Response, Service, Transport, TransportError

PROBES = 20
"""Reads that the latency is measured by."""
PAYER, PAYEE = 0, 1
"""The doctor's two accounts, by index."""
BURST_S = 1.0
BURST_COUNT_MAX = 100_000
BURST_COUNT_MIN = 300
"""Transfers whose answers are looked at, also where that takes longer than a second, up to `BURST_MAX_S`: something in
between may alter one in a hundred."""
BURST_MAX_S = 10.0
BURST_IN_FLIGHT = 8
"""A real server on two cores has its knee at 8 to 16 requests in flight."""
SKEW_MAX_S = 60.0
SETTLE_S = 5.0
PAIRS_MAX = 3
"""Deposits that are sent twice, when the second answer is another transaction's."""
OUT_OF_THE_WAY = (
    "a run cannot tell what was made: reach the server without the gateway or proxy, or have it leave bodies alone"
)


class Level(StrEnum):
    """What a finding means for a run."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; a run may start."""
    STOP = "stop"
    """A run must not start."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation about a target."""

    name: str
    value: str
    meaning: str
    """What it means for a run, and what to do about it."""
    level: Level = Level.OK


@dataclass(slots=True)
class Diagnosis:
    """The findings about a target."""

    target: str
    """Its address."""
    flags: str
    """The flags with which `midaz-seed run` uses this target."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def go(self) -> bool:
        """Whether a run may start: no finding has the level `stop`."""
        return all(finding.level is not Level.STOP for finding in self.findings)

    def add(self, name: str, value: str, meaning: str, level: Level = Level.OK) -> None:
        """Add a finding."""
        self.findings.append(Finding(name, value, meaning, level))


async def examine(transport: Transport, target: ResolvedTarget, clock: Clock, *, write: bool) -> Diagnosis:
    """Look at a target. What is wrong with it is a finding of level STOP, not an exception."""
    diagnosis = Diagnosis(target.onboarding_url, _flags(target))
    examination = _Examination(transport, target, clock, diagnosis)
    try:
        await examination.read()
        if write and diagnosis.go and examination.reads_are_whole:
            await examination.write()
    except TransportError as error:
        diagnosis.add("connection", "failed", f"{error}: check the address, and that the server is up", Level.STOP)
    except UnauthorizedError as error:
        diagnosis.add("access", "refused", f"{error}: give a valid token", Level.STOP)
    except SeedError as error:
        diagnosis.add("examination", "stopped", f"{error}; {error.hint}".rstrip("; "), Level.STOP)
    examination.tell_answers()
    return diagnosis


class _Examination:
    """The steps of looking at one target."""

    def __init__(self, transport: Transport, target: ResolvedTarget, clock: Clock, diagnosis: Diagnosis) -> None:
        self._transport = transport
        self._target = target
        self._clock = clock
        self._add = diagnosis.add
        self._diagnosis = diagnosis
        self._server: Server | None = None
        self._answers = Answers()
        self._deposits = 0

    @property
    def reads_are_whole(self) -> bool:
        """No read was answered by something else than the server."""
        return not self._answers.reads.odd

    async def read(self) -> None:
        """Everything that can be seen without writing."""
        server = await self._version()
        if self._target.onboarding_url == self._target.transaction_url:
            self._add("layout", "one address", "onboarding and transactions are served together")
        else:
            await self._get("/health", Service.TRANSACTION)
            self._add("layout", "two addresses", f"transactions go to {self._target.transaction_url}")
        await self._ready(server)
        if not await self._access():
            return
        await self._manners(server)
        await self._latency()

    async def _version(self) -> Server:
        before_s = self._clock.time()
        answer = await self._get("/version")
        parsed = parsed_object(answer)
        version = parsed.get("version")
        if answer.status != 200 or not isinstance(version, str):
            raise TargetError("GET /version is not a Midaz ledger's", hint="check the address and the port")
        server = self._server = server_of(version)
        self._add("version", version, "midaz-seed speaks to it")
        self._skew(parsed.get("requestDate"), (before_s + self._clock.time()) / 2)
        return server

    def _skew(self, stamp: object, now_s: float) -> None:
        try:
            skew_s = datetime.fromisoformat(str(stamp)).timestamp() - now_s
        except ValueError:
            return
        if abs(skew_s) > SKEW_MAX_S:
            self._add(
                "clock",
                f"{skew_s:+.0f} s",
                "the clocks differ: harmless for a run, but times in reports will not match the server's",
                Level.NOTE,
            )
        else:
            self._add("clock", f"{skew_s:+.1f} s", "the clocks agree")

    async def _ready(self, server: Server) -> None:
        if not server.ready_probe:
            self._add("readiness", "not told", "this version has no /readyz", Level.NOTE)
            return
        answer = await self._get("/readyz")
        state = str(parsed_object(answer).get("status", answer.status))
        if answer.status == 200:
            self._add("readiness", state, "its databases and queues are up")
        else:
            self._add("readiness", state, "a database or queue is down, or it is starting: wait", Level.STOP)

    async def _access(self) -> bool:
        answer = await self._get("/v1/organizations?limit=1")
        if answer.status in (401, 403):
            code, message = read_error(answer.body)
            self._add("access", f"{answer.status} {code}".strip(), f"{message}: give a valid token", Level.STOP)
            return False
        if answer.status != 200 or "items" not in parsed_object(answer):
            self._add("access", str(answer.status), "organizations cannot be listed", Level.STOP)
            return False
        self._add("access", "granted", "organizations can be listed")
        return True

    async def _manners(self, server: Server) -> None:
        answer = await self._get("/v1/organizations/not-an-id")
        kind = (answer.headers.get("Content-Type") or "").split(";")[0]
        shape = "problem+json" if "problem" in kind else "code, title, message"
        if midaz_code(answer.body):
            self._add("errors", shape, "understood")
        else:
            self._add(
                "errors",
                f"{answer.status}, no code",
                f"an error of the server's is replaced by something in between; {OUT_OF_THE_WAY}",
                Level.STOP,
            )
        answer = await self._get("/v1/organizations?limit=101")
        refused = read_error(answer.body)[0] == "0080"
        self._add("pages", "100 rows" if refused else "over 100 rows", "lists are read 100 rows at a time")
        self._add("amounts", "decimal strings", "sent and compared exactly")
        self._add(
            "look-ups",
            "by name" if server.filters_names else "by paging",
            "what exists is found by filter" if server.filters_names else "what exists is found by reading whole lists",
        )
        count = await self._transport.send(Request("HEAD", "/v1/organizations/metrics/count"))
        total = count.headers.get("X-Total-Count") or "unknown"
        self._add("organizations", total, "already there; a run adds its own and touches no other")
        self._add(
            "counts",
            "with transactions" if server.counts_transactions else "without transactions",
            "the proof uses them"
            if server.counts_transactions
            else "the proof lists transactions instead, which is slower",
        )
        self._add(
            "packing",
            "possible" if server.atomic_many_to_many else "refused",
            "n:n transactions are atomic" if server.atomic_many_to_many else "n:n transactions may happen in part",
        )
        if server.answers_with_others_transactions:
            self._add(
                "foreign answers",
                "known",
                "this version answers about 1 % of the transactions with another one's 201; a run recognises that",
                Level.NOTE,
            )

    async def _latency(self) -> None:
        latencies = Histogram()
        for _ in range(PROBES):
            start_s = self._clock.monotonic()
            await self._object("/v1/organizations?limit=1")
            latencies.record(int((self._clock.monotonic() - start_s) * 1e6))
        p50, p99 = latencies.percentile(50) / 1000, latencies.percentile(99) / 1000
        self._add("latency", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", f"of {PROBES} reads, one after the other")

    async def write(self) -> None:
        """Everything that has to be tried, in an organization that is removed again."""
        not_removed: list[str] = []
        try:
            async with open_scratch_ledger(
                self._transport, self._clock, "doctor", not_removed, answers=self._answers
            ) as scratch:
                for account in (PAYER, PAYEE):
                    await scratch.add_account(account)
                deposit = await self._idempotency(scratch)
                await self._balances(scratch)
                await self._records(scratch, deposit)
                await self._burst(scratch)
        finally:
            if not_removed:
                self._add("removal", "not done", f"remove by hand: {'; '.join(not_removed)}", Level.NOTE)
        if not not_removed:
            self._add("removal", "done", "the doctor's organization is gone again")

    def tell_answers(self) -> None:
        """What was found out about all answers."""
        answers = self._answers
        self._tell_odd("answers", answers.writes, "answers are altered, or somebody else's")
        self._tell_odd("reads", answers.reads, "reads are answered by something that is no Midaz")
        if answers.foreign:
            self._add(
                "foreign answers",
                f"{answers.foreign} of {answers.writes.count}",
                "answered with another transaction, marked as a replay: a run recognises that",
                Level.NOTE,
            )
        if answers.rewritten:
            self._add(
                "bodies",
                f"{answers.rewritten} rewritten",
                "something in between writes the answers anew, with the same values: right, but slower to check",
                Level.NOTE,
            )

    def _tell_odd(self, name: str, tally: Tally, what: str) -> None:
        value = f"{tally.odd} of {tally.count:,}"
        if tally.odd:
            self._add(name, value, f"{what}: {tally.example}; {OUT_OF_THE_WAY}", Level.STOP)
        elif tally.count:
            self._add(name, f"{tally.count:,} as sent", "each is the server's own")

    async def _idempotency(self, scratch: ScratchLedger) -> Sent:
        """The same deposit twice under one key: once while its balance may still be on its way. The deposit."""
        start_s = self._clock.monotonic()
        for number in range(PAIRS_MAX):
            first = await scratch.fund([PAYER], f"pair{number}")
            self._deposits += 1
            if number == 0:
                self._tell_default_balances(self._clock.monotonic() - start_s)
            again = await scratch.send_when_ready(first.trial)
            if again.reading is not Reading.FOREIGN:
                break
        replayed = again.answer.headers.get(REPLAYED) == "true"
        same = parsed_object(again.answer).get("id") == parsed_object(first.answer).get("id")
        if Reading.ODD in (first.reading, again.reading):
            self._add("idempotency", "not seen", "the answers are not the server's, see answers below", Level.NOTE)
        elif again.reading is Reading.FOREIGN:
            self._add("idempotency", "not seen", "the second answers were those of other transactions", Level.NOTE)
        elif again.reading is Reading.OURS and replayed and same:
            self._add(
                "idempotency", "proved", "the same key twice: one deposit, and the second answer is marked replayed"
            )
        else:
            status = again.answer.status
            self._add(
                "idempotency",
                f"BROKEN ({status}, replayed {replayed}, same transaction {same})",
                f"the header {REPLAYED} is taken out on the way" if same else "a retry could move money twice",
                Level.STOP,
            )
        return first

    def _tell_default_balances(self, waited_s: float) -> None:
        late = waited_s > 0.05 and self._server is not None and not self._server.default_balances_at_once
        self._add(
            "default balances",
            f"after {1000 * waited_s:.0f} ms" if late else "at once",
            "the run waits for them" if late else "a new account can be used when its 201 arrives",
        )

    async def _balances(self, scratch: ScratchLedger) -> None:
        envelope = await self._object(f"{routes.balances(scratch.place)}?limit=100", Service.TRANSACTION)
        rows = [ObservedBalance.parse(row) for row in cast("list[JsonObject]", envelope.get("items") or [])]
        by_alias = {row.alias: row for row in rows}
        payer, external = by_alias.get(scratch.alias(PAYER)), by_alias.get(EXTERNAL + BRL.code)
        deposited = BRL.decimal(self._deposits * DEPOSIT_MINOR)
        if payer is None or external is None or payer.available != deposited:
            value = str(payer.available) if payer else "absent"
            self._add("balances", value, f"not the {deposited} deposited, or they lag: a run waits", Level.NOTE)
            return
        sign = "debit, positive" if external.direction == "debit" else "negative"
        self._add("external account", sign, "the zero-sum rule that the proof uses")

    async def _records(self, scratch: ScratchLedger, deposit: Sent) -> None:
        """Synchronous servers list a transaction when its 201 arrives; asynchronous ones some time later."""
        start_s = self._clock.monotonic()
        path = routes.transactions(scratch.place)
        while not (items := (await self._object(f"{path}?limit=10", Service.TRANSACTION)).get("items")):
            if self._clock.monotonic() - start_s > SETTLE_S or not self.reads_are_whole:
                break
            await self._clock.sleep(0.05)
        lag_s = self._clock.monotonic() - start_s
        mode = "synchronous" if lag_s < 0.05 else "asynchronous"
        self._add("records", mode, f"a transaction was listed {1000 * lag_s:.0f} ms after its 201")
        if deposit.reading is Reading.OURS:
            await self._marks(path, cast("list[JsonObject]", items or []), deposit)

    async def _marks(self, path: str, listed: list[JsonObject], deposit: Sent) -> None:
        """The deposit as it is read back: in a list, and by itself."""
        own = str(parsed_object(deposit.answer)["id"])
        rows = [row for row in (*listed, await self._existing(f"{path}/{own}?limit=100")) if row.get("id") == own]
        if not all(is_record(row, deposit.trial.item) for row in rows):
            self._add(
                "marks",
                "not told",
                "a transaction that was read back is without the metadata that it was sent with, or has another amount "
                "or asset: a run could not recognise its own",
                Level.STOP,
            )

    async def _existing(self, path: str) -> JsonObject:
        """Something that exists, as soon as the server shows it; empty when it does not."""
        until_s = self._clock.monotonic() + SETTLE_S
        while True:
            request = Request("GET", path, service=Service.TRANSACTION)
            answer = await self._transport.send(request)
            if not says_missing(answer.status, answer.body) or self._clock.monotonic() > until_s:
                return self._answers.read(request, answer)
            await self._clock.sleep(0.05)

    async def _burst(self, scratch: ScratchLedger) -> None:
        """Transfers for a second, with as many in flight as a small server likes."""
        legs = scratch.transfer_legs(PAYER, [PAYEE])
        burst = await scratch.burst(
            lambda number: scratch.transfer(legs, str(number)),
            in_flight=BURST_IN_FLIGHT,
            for_s=BURST_S,
            count_max=BURST_COUNT_MAX,
            count_min=BURST_COUNT_MIN,
            for_max_s=BURST_MAX_S,
        )
        rate_per_s = burst.accepted / max(burst.elapsed_s, 1e-9)
        meaning = f"a first estimate, with {BURST_IN_FLIGHT} in flight"
        if burst.refused:
            meaning += f"; {burst.refused} were refused, the first with {burst.refusal}"
        if burst.odd:
            meaning += f"; {burst.odd} had an altered answer and are not counted"
        level = Level.NOTE if burst.refused or burst.odd else Level.OK
        self._add("transfers", f"about {rate_per_s:,.0f}/s", meaning, level)

    async def _object(self, path: str, service: Service = Service.ONBOARDING) -> JsonObject:
        """A read of something that exists, counted with the others; empty when its answer is no object."""
        request = Request("GET", path, service=service)
        return self._answers.read(request, await self._transport.send(request))

    async def _get(self, path: str, service: Service = Service.ONBOARDING) -> Response:
        return await self._transport.send(Request("GET", path, service=service))


def _flags(target: ResolvedTarget) -> str:
    if target.is_sandbox:
        return "--target sandbox"
    if target.onboarding_url == target.transaction_url:
        return f"--base-url {target.onboarding_url}"
    return f"--onboarding-url {target.onboarding_url} --transaction-url {target.transaction_url}"
