"""The part of the doctor that writes, in an organization of its own that it removes again.

It sends a transaction twice to see that it is carried out once, measures when balances and transactions become visible,
and estimates the rate of transfers.
"""

from typing import cast

from midaz_seed.clock import Clock
from midaz_seed.midaz import routes
from midaz_seed.midaz.evidence import REPLAYED, Reading, is_record, says_missing
from midaz_seed.midaz.server_traits import Server
from midaz_seed.model.balances import EXTERNAL, ObservedBalance
from midaz_seed.model.json_types import JsonObject
from midaz_seed.probe.answers import Answers
from midaz_seed.probe.diagnosis import Diagnosis, Level
from midaz_seed.probe.scratch_ledger import BRL, DEPOSIT_MINOR, ScratchLedger, Sent, open_scratch_ledger
from midaz_seed.transport.base import Request, Service, Transport

PAYER, PAYEE = 0, 1
"""The two accounts of the trial, by index."""
BURST_S = 1.0
BURST_COUNT_MAX = 100_000
BURST_COUNT_MIN = 300
"""Transfers whose responses are checked, even if they take longer than a second, up to `BURST_MAX_S`: something before
the server may alter one in a hundred."""
BURST_MAX_S = 10.0
BURST_IN_FLIGHT = 8
"""The saturation point of a real server on two cores is 8 to 16 requests in flight."""
VISIBLE_WITHIN_S = 5.0
"""How long to wait for a transaction to be listed."""
POLL_S = 0.05
AT_ONCE_S = 0.05
"""A shorter delay than this counts as none."""
PAIRS_MAX = 3
"""Deposits to send twice, while the second response is another transaction's."""


class WriteTrial:
    """Tries out writing on one target."""

    def __init__(
        self, transport: Transport, server: Server, clock: Clock, diagnosis: Diagnosis, answers: Answers
    ) -> None:
        self._transport = transport
        self._server = server
        self._clock = clock
        self._add = diagnosis.add
        self._answers = answers
        self._deposits = 0

    async def run(self) -> None:
        """Add every finding that needs a write, and remove what was created.

        Raises:
            TargetError: the server refuses something.
            TransportError: there is no complete response.
        """
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
            self._add("removal", "done", "the doctor's organization is removed")

    async def _idempotency(self, scratch: ScratchLedger) -> Sent:
        """Send the same deposit twice under one key, once while its balance may still be pending.

        Returns:
            The first deposit.
        """
        start_s = self._clock.monotonic()
        for number in range(PAIRS_MAX):
            first = await scratch.fund([PAYER], f"pair{number}")
            self._deposits += 1
            if number == 0:
                self._default_balances(self._clock.monotonic() - start_s)
            again = await scratch.send_when_ready(first.trial)
            if again.reading is not Reading.FOREIGN:
                break
        self._compare_pair(first, again)
        return first

    def _compare_pair(self, first: Sent, again: Sent) -> None:
        replayed = again.answer.headers.get(REPLAYED) == "true"
        same = (again.answer.json_object() or {}).get("id") == (first.answer.json_object() or {}).get("id")
        if Reading.ODD in (first.reading, again.reading):
            meaning = "the responses are not the server's, see answers below"
            self._add("idempotency", "not seen", meaning, Level.NOTE)
        elif again.reading is Reading.FOREIGN:
            meaning = "each second response was another transaction's"
            self._add("idempotency", "not seen", meaning, Level.NOTE)
        elif again.reading is Reading.OURS and replayed and same:
            meaning = "the same key twice: one deposit, and the second response is marked as a replay"
            self._add("idempotency", "proved", meaning)
        else:
            status = again.answer.status
            value = f"BROKEN ({status}, replayed {replayed}, same transaction {same})"
            meaning = (
                f"something before the server removes the header {REPLAYED}"
                if same
                else "a retry could move money twice"
            )
            self._add("idempotency", value, meaning, Level.STOP)

    def _default_balances(self, waited_s: float) -> None:
        if waited_s > AT_ONCE_S and not self._server.default_balances_at_once:
            self._add("default balances", f"after {1000 * waited_s:.0f} ms", "the run waits for them")
        else:
            self._add("default balances", "at once", "a new account can be used when its 201 arrives")

    async def _balances(self, scratch: ScratchLedger) -> None:
        envelope = await self._object(f"{routes.balances(scratch.place)}?limit=100")
        rows = [ObservedBalance.parse(row) for row in cast("list[JsonObject]", envelope.get("items") or [])]
        by_alias = {row.alias: row for row in rows}
        payer, external = by_alias.get(scratch.alias(PAYER)), by_alias.get(EXTERNAL + BRL.code)
        deposited = BRL.decimal(self._deposits * DEPOSIT_MINOR)
        if payer is None or external is None or payer.available != deposited:
            value = str(payer.available) if payer else "absent"
            meaning = f"not the {deposited} deposited, or balances lag: a run waits"
            self._add("balances", value, meaning, Level.NOTE)
            return
        sign = "debit, positive" if external.direction == "debit" else "negative"
        self._add("external account", sign, "the zero-sum rule that verification uses")

    async def _records(self, scratch: ScratchLedger, deposit: Sent) -> None:
        """Measure when a transaction is listed: at its 201 by a synchronous server, later by an asynchronous one."""
        start_s = self._clock.monotonic()
        path = routes.transactions(scratch.place)
        while not (items := (await self._object(f"{path}?limit=10")).get("items")):
            if self._clock.monotonic() - start_s > VISIBLE_WITHIN_S or self._answers.reads.odd:
                break
            await self._clock.sleep(POLL_S)
        lag_s = self._clock.monotonic() - start_s
        mode = "synchronous" if lag_s < AT_ONCE_S else "asynchronous"
        self._add("records", mode, f"a transaction was listed {1000 * lag_s:.0f} ms after its 201")
        if deposit.reading is Reading.OURS:
            await self._marks(path, cast("list[JsonObject]", items or []), deposit)

    async def _marks(self, path: str, listed: list[JsonObject], deposit: Sent) -> None:
        """Check the mark of the deposit as it is read back, in a list and by itself."""
        own = str((deposit.answer.json_object() or {})["id"])
        rows = [row for row in (*listed, await self._existing(f"{path}/{own}?limit=100")) if row.get("id") == own]
        if not all(is_record(row, deposit.trial.item) for row in rows):
            self._add(
                "marks",
                "not kept",
                "a transaction comes back without the metadata that it was sent with, or with another amount or asset: "
                "a run could not recognise its own transactions",
                Level.STOP,
            )

    async def _existing(self, path: str) -> JsonObject:
        """Read something that exists, again until the server shows it; empty when it never does."""
        until_s = self._clock.monotonic() + VISIBLE_WITHIN_S
        while True:
            request = Request("GET", path, service=Service.TRANSACTION)
            answer = await self._transport.send(request)
            if not says_missing(answer.status, answer.body) or self._clock.monotonic() > until_s:
                return self._answers.read(request, answer)
            await self._clock.sleep(POLL_S)

    async def _burst(self, scratch: ScratchLedger) -> None:
        """Send transfers for a second, near the saturation point of a small server."""
        legs = scratch.transfer_legs([PAYER], [PAYEE])
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
            meaning += f"; {burst.odd} had an altered response and are not counted"
        level = Level.NOTE if burst.refused or burst.odd else Level.OK
        self._add("transfers", f"about {rate_per_s:,.0f}/s", meaning, level)

    async def _object(self, path: str) -> JsonObject:
        """Read an object that exists; empty when the response is none, which is then counted as odd."""
        request = Request("GET", path, service=Service.TRANSACTION)
        return self._answers.read(request, await self._transport.send(request))
