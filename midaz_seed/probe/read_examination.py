"""The part of the doctor that only reads: version, layout, readiness, access, API behaviour and latency."""

from datetime import datetime

from midaz_seed.clock import Clock
from midaz_seed.errors import TargetError
from midaz_seed.midaz.api import COUNT_HEADER
from midaz_seed.midaz.classify import read_error
from midaz_seed.midaz.evidence import midaz_code
from midaz_seed.midaz.foreign import foreign_answer
from midaz_seed.midaz.server_traits import Server, server_of
from midaz_seed.model.histogram import Histogram
from midaz_seed.probe.answers import Answers
from midaz_seed.probe.diagnosis import ALTERED_ADVICE, Diagnosis, Level
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.transport.base import Request, Response, Service, Transport

LATENCY_READS = 20
"""Sequential reads from which the latency is measured."""
SKEW_MAX_S = 60.0


class ReadExamination:
    """Examines one target by reading."""

    def __init__(
        self, transport: Transport, target: ResolvedTarget, clock: Clock, diagnosis: Diagnosis, answers: Answers
    ) -> None:
        self._transport = transport
        self._target = target
        self._clock = clock
        self._add = diagnosis.add
        self._answers = answers

    async def run(self) -> Server:
        """Add every finding that needs no write.

        Returns:
            What is known about the server's version.

        Raises:
            TargetError: this is not a Midaz, or not a supported one.
            TransportError: there is no complete response.
        """
        server = await self._version()
        if self._target.onboarding_url == self._target.transaction_url:
            self._add("layout", "one address", "onboarding and transactions are served together")
        else:
            await self._get("/health", Service.TRANSACTION)
            self._add("layout", "two addresses", f"transactions go to {self._target.transaction_url}")
        await self._readiness(server)
        if await self._access():
            await self._errors()
            await self._lists(server)
            await self._counts(server)
            self._transactions(server)
            await self._latency()
        return server

    async def _version(self) -> Server:
        before_s = self._clock.time()
        answer = await self._get("/version")
        found = answer.json_object() or {}
        version = found.get("version")
        if answer.status != 200 or not isinstance(version, str):
            raise TargetError(
                "not a Midaz server: GET /version gives no version", hint="check the address and the port"
            )
        server = server_of(version)
        self._add("version", version, "supported")
        self._skew(found.get("requestDate"), (before_s + self._clock.time()) / 2)
        return server

    def _skew(self, stamp: object, now_s: float) -> None:
        try:
            skew_s = datetime.fromisoformat(str(stamp)).timestamp() - now_s
        except ValueError:
            return
        if abs(skew_s) > SKEW_MAX_S:
            meaning = "the clocks differ: harmless for a run, but times in reports will not match the server's"
            self._add("clock", f"{skew_s:+.0f} s", meaning, Level.NOTE)
        else:
            self._add("clock", f"{skew_s:+.1f} s", "the clocks agree")

    async def _readiness(self, server: Server) -> None:
        if not server.ready_probe:
            self._add("readiness", "not reported", "this version has no /readyz", Level.NOTE)
            return
        answer = await self._get("/readyz")
        state = str((answer.json_object() or {}).get("status", answer.status))
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
        if answer.status != 200 or "items" not in (answer.json_object() or {}):
            self._add("access", str(answer.status), "organizations cannot be listed", Level.STOP)
            return False
        self._add("access", "granted", "organizations can be listed")
        return True

    async def _errors(self) -> None:
        answer = await self._get("/v1/organizations/not-an-id")
        kind = (answer.headers.get("Content-Type") or "").split(";")[0]
        shape = "problem+json" if "problem" in kind else "code, title, message"
        if midaz_code(answer.body):
            self._add("errors", shape, "understood")
        else:
            meaning = f"something before the server replaces its error bodies; {ALTERED_ADVICE}"
            self._add("errors", f"{answer.status}, no code", meaning, Level.STOP)

    async def _lists(self, server: Server) -> None:
        answer = await self._get("/v1/organizations?limit=101")
        refused = read_error(answer.body)[0] == "0080"
        self._add("pages", "100 rows" if refused else "over 100 rows", "lists are read 100 rows at a time")
        self._add("amounts", "decimal strings", "sent and compared exactly")
        if server.filters_names:
            self._add("look-ups", "by name", "existing entities are found by filter")
        else:
            self._add("look-ups", "by paging", "existing entities are found by reading whole lists")

    async def _counts(self, server: Server) -> None:
        count = await self._transport.send(Request("HEAD", "/v1/organizations/metrics/count"))
        total = count.headers.get(COUNT_HEADER) or "unknown"
        self._add("organizations", total, "already there; a run adds its own and touches no other")
        if server.counts_transactions:
            self._add("counts", "with transactions", "verification uses them")
        else:
            meaning = "verification lists transactions instead, which is slower"
            self._add("counts", "without transactions", meaning)

    def _transactions(self, server: Server) -> None:
        if server.atomic_many_to_many:
            self._add("packing", "possible", "n:n transactions are atomic")
        else:
            self._add("packing", "refused", "n:n transactions may be applied in part")
        if server.answers_with_others_transactions:
            self._add(
                "foreign answers",
                "known",
                "this version answers about 1 % of the transactions with another one's 201; a run recognises that",
                Level.NOTE,
            )

    async def _latency(self) -> None:
        latencies = Histogram()
        request = Request("GET", "/v1/organizations?limit=1")
        for _ in range(LATENCY_READS):
            start_s = self._clock.monotonic()
            self._answers.read(request, await self._transport.send(request))
            latencies.record(int((self._clock.monotonic() - start_s) * 1e6))
        p50, p99 = latencies.percentile(50) / 1000, latencies.percentile(99) / 1000
        self._add("latency", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", f"of {LATENCY_READS} reads, one after the other")

    async def _get(self, path: str, service: Service = Service.ONBOARDING) -> Response:
        request = Request("GET", path, service=service)
        answer = await self._transport.send(request)
        if error := foreign_answer(request, answer):
            raise error
        return answer
