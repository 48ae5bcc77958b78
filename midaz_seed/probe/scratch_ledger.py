"""A place to try a server out in: an organization of its own, with a ledger and accounts that hold money. It is removed
again afterwards."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import anyio
import orjson

from midaz_seed.clock import Clock
from midaz_seed.errors import SeedError, TargetError
from midaz_seed.midaz import routes
from midaz_seed.midaz.api import create_request, transaction_path, transaction_request
from midaz_seed.midaz.classify import read_error
from midaz_seed.midaz.evidence import Effect, Reading, midaz_code, says_missing
from midaz_seed.midaz.routes import Place
from midaz_seed.model.balances import EXTERNAL
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.dimensions import KEY_MARK, RUN_MARK
from midaz_seed.plan.items import Entity, Phase, TransactionItem, answer_of
from midaz_seed.plan.templates import ASSETS
from midaz_seed.probe.answers import Answers, printable
from midaz_seed.reporting.logs import redact
from midaz_seed.transport.base import ConnectError, Request, Response, Transport, TransportError

BRL = ASSETS[0]
DEPOSIT_MINOR = 1_000_000_00
LEG_MINOR = 1
"""What one leg of a transfer moves: 0.01 BRL, so that a deposit is never used up."""
KEY_TTL = "60"
AGAIN = frozenset({429, 502, 503, 504})
"""Statuses of something that is busy, or stands before the server; what was asked for was not done."""
PAUSES_S = (0.1, 0.2, 0.4, 0.8)
READY_WITHIN_S = 5.0
"""How long a new account's balance may take to be usable, and an answer to be stored under its key."""
ODD_MAX = 4
"""How often a deposit is sent under one key when its answer is not the server's."""
FOREIGN_MAX = 4
"""How many keys a deposit may have, when each answers with another transaction."""

Admit = Callable[[], Awaitable[None]]
"""Waits for the right to send one request."""


class Trial(NamedTuple):
    """A transaction to try out, and the request that makes it."""

    item: TransactionItem
    request: Request


class Legs(NamedTuple):
    """What moves in a transaction: the end of its body, and what the answer to it holds."""

    total: str
    send: str
    answer: bytes


class Sent(NamedTuple):
    """The last answer to a transaction, and what it is."""

    trial: Trial
    answer: Response
    reading: Reading


class UnclearError(TargetError):
    """An answer to a create does not tell what was made."""


@dataclass(slots=True)
class Burst:
    """What a burst of transactions did. What was answered with another's transaction is in neither number."""

    accepted: int = 0
    refused: int = 0
    odd: int = 0
    """Answered by something that is not the server's answer; whether they happened is not known."""
    refusal: str = ""
    """The first refusal: its status and the server's words."""
    elapsed_s: float = 0.0
    """From the first send to the last answer."""
    latency: Histogram = field(default_factory=Histogram)
    """Of all answers, in microseconds."""

    def take(self, reading: Reading | None, refusal: str) -> None:
        """Count an answer, or with None a request without one."""
        self.accepted += reading is Reading.OURS
        self.odd += reading is Reading.ODD
        if reading not in (Reading.OURS, Reading.ODD, Reading.FOREIGN):
            self.refused += 1
            self.refusal = self.refusal or refusal


class ScratchLedger:
    """One ledger to try things out in. `suffix` is in every name and key, so that nothing here meets anything else."""

    def __init__(
        self, transport: Transport, clock: Clock, purpose: str, suffix: str, admit: Admit | None, answers: Answers
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._admit = admit
        self.suffix = suffix
        self.mark = f"{purpose}-{suffix}"
        """Under which all that is made here can be found."""
        self.place = Place()
        self.answers = answers

    def alias(self, account: int) -> str:
        """An account's alias, by index from 0."""
        return f"account{account + 1}-{self.suffix}"

    async def create(self, entity: Entity, name: str, payload: JsonObject) -> str:
        """Create an entity at the place, `name` being in its mark; its id. Raises TargetError when the server refuses
        it, UnclearError when the answer names no id."""
        place = self.place
        payload = {**payload, "metadata": {RUN_MARK: self.mark, KEY_MARK: f"{self.mark}/{name}"}}
        answer = await self._send(create_request(entity, place, orjson.dumps(payload)))
        parents = {"organizationId": place.organization_id, "ledgerId": place.ledger_id}
        effect = self.answers.entity(answer, entity, payload, {name: id_ for name, id_ in parents.items() if id_})
        found = parsed_object(answer).get("id")
        if 200 <= answer.status < 300 and isinstance(found, str) and found:
            return found  # told in `answers` when it is odd otherwise
        error = TargetError if effect is Effect.NOT_MADE else UnclearError
        raise error(
            f"a {entity} to try the server out with cannot be created: {describe_answer(answer)}",
            hint="see the server's log",
        )

    async def add_account(self, account: int) -> None:
        """Create the account with this index. Raises TargetError."""
        payload: JsonObject = {"assetCode": BRL.code, "type": "deposit", "alias": self.alias(account)}
        await self.create(Entity.ACCOUNT, f"account{account + 1}", payload)

    def deposit(self, accounts: Sequence[int], name: str) -> Trial:
        """Money for these accounts, in one transaction. `name` makes its mark and its key."""
        total = DEPOSIT_MINOR * len(accounts)
        send: JsonObject = {
            **_amount(total),
            "distribute": {"to": [self._leg(account, DEPOSIT_MINOR) for account in accounts]},
        }
        return self._trial(Phase.DEPOSITS, self._legs(total, send, EXTERNAL + BRL.code, accounts), name)

    def transfer_legs(self, source: int, destinations: Sequence[int]) -> Legs:
        """One cent from an account to each of the others, in one transaction."""
        total = LEG_MINOR * len(destinations)
        send: JsonObject = {
            **_amount(total),
            "source": {"from": [self._leg(source, total)]},
            "distribute": {"to": [self._leg(account, LEG_MINOR) for account in destinations]},
        }
        return self._legs(total, send, self.alias(source), destinations)

    def transfer(self, legs: Legs, name: str) -> Trial:
        """A transfer of what `transfer_legs` gives. `name` makes its mark and its key."""
        return self._trial(Phase.TRANSFERS, legs, name)

    def _leg(self, account: int, minor: int) -> JsonObject:
        return {"accountAlias": self.alias(account), "amount": _amount(minor)}

    def _legs(self, total: int, send: JsonObject, source: str, destinations: Sequence[int]) -> Legs:
        text = BRL.text(total)
        aliases = ",".join(f'"{self.alias(account)}"' for account in destinations)
        return Legs(text, orjson.dumps(send).decode(), answer_of(BRL, text, source, aliases))

    def _trial(self, phase: Phase, legs: Legs, name: str) -> Trial:
        mark = f'"{KEY_MARK}":"{self.mark}/{name}"'
        body = (
            f'{{"description":"scratch","metadata":{{"{RUN_MARK}":"{self.mark}",{mark}}},"send":{legs.send}}}'.encode()
        )
        item = TransactionItem(name, phase, body, mark.encode(), legs.answer, BRL.code, legs.total, ())
        path = transaction_path(self.place, phase)
        return Trial(item, transaction_request(path, body, f"scratch.{self.suffix}.{name}", KEY_TTL))

    async def fund(self, accounts: Sequence[int], name: str) -> Sent:
        """Make a deposit happen, under another key where one holds another transaction; `reading` is OURS when it
        certainly happened, and ODD when no answer tells. Raises TargetError when it is refused."""
        for number in range(FOREIGN_MAX):
            sent = await self.send_when_ready(self.deposit(accounts, f"{name}.{number}" if number else name))
            success = 200 <= sent.answer.status < 300
            if sent.reading is Reading.OURS or (success and sent.reading is Reading.ODD):
                return sent
            if sent.reading is not Reading.FOREIGN:
                break
        raise TargetError(f"a deposit is refused: {describe_answer(sent.answer)}", hint=_hint(sent.answer))

    async def send_when_ready(self, trial: Trial) -> Sent:
        """Send a transaction; again while the balances of its accounts are still on their way, or its answer is being
        stored, and a few times when the answer is odd."""
        until_s = self._clock.monotonic() + READY_WITHIN_S
        odd = 0
        while True:
            answer = await self._send(trial.request)
            reading = self.answers.transaction(answer, trial.item, self.place)
            odd += reading is Reading.ODD
            waits = answer.status in (409, 422) and self._clock.monotonic() < until_s
            if not waits and not (reading is Reading.ODD and odd < ODD_MAX):
                return Sent(trial, answer, reading)
            await self._clock.sleep(0.05 if waits else 0)

    async def _send(self, request: Request) -> Response:
        if self._admit is not None:
            await self._admit()
        return await send_patiently(self._transport, self._clock, request)

    async def burst(
        self,
        trial_of: Callable[[int], Trial],
        *,
        in_flight: int,
        for_s: float,
        count_max: int,
        count_min: int = 0,
        for_max_s: float = 0,
    ) -> Burst:
        """Send the transactions 0, 1, 2 ... with so many in flight, for so long and at most so many, and look at each
        of their answers; until `for_max_s`, longer than `for_s` while they are fewer than `count_min`. Raises
        UnauthorizedError when the credentials are refused meanwhile."""
        clock, burst, begun = self._clock, Burst(), 0
        failures: list[SeedError] = []
        start_s = clock.monotonic()

        def is_over() -> bool:
            limit_s = for_s if begun >= count_min else max(for_s, for_max_s)
            return begun >= count_max or clock.monotonic() - start_s >= limit_s

        async def worker() -> None:
            nonlocal begun
            while begun < count_max and not failures:
                if self._admit is not None:
                    await self._admit()
                if is_over():
                    return
                trial, begun = trial_of(begun), begun + 1
                sent_s = clock.monotonic()
                reading: Reading | None = None
                refusal = ""
                try:
                    answer = await self._transport.send(trial.request)
                except TransportError as error:
                    refusal = str(error)
                except SeedError as error:  # no token to be had, for one
                    failures.append(error)
                    return
                answered_s = clock.monotonic()
                burst.elapsed_s = answered_s - start_s
                burst.latency.record(int((answered_s - sent_s) * 1e6))
                if not refusal:
                    reading = self.answers.transaction(answer, trial.item, self.place)
                    refusal = "" if reading is Reading.OURS else describe_answer(answer)
                burst.take(reading, refusal)

        async with anyio.create_task_group() as group:
            for _ in range(in_flight):
                group.start_soon(worker)
        if failures:
            raise failures[0]
        return burst

    async def find(self) -> str:
        """The id of the organization, by its mark; "" when it is not found."""
        path = routes.with_query(
            routes.collection(Entity.ORGANIZATION, Place()), limit="100", **{f"metadata.{RUN_MARK}": self.mark}
        )
        with suppress(TransportError, SeedError):
            rows = parsed_object(await self._transport.send(Request("GET", path))).get("items")
            for row in cast("list[JsonObject]", rows) if isinstance(rows, list) else ():
                metadata = row.get("metadata")
                if isinstance(metadata, dict) and metadata.get(RUN_MARK) == self.mark:
                    return str(row["id"])
        return ""

    async def remove(self) -> list[str]:
        """Take the ledger and the organization away; paths of what cannot be removed, with the answer."""
        place = self.place
        paths = [routes.one(Entity.ORGANIZATION, Place(), place.organization_id)]
        if place.ledger_id:
            paths.insert(0, routes.one(Entity.LEDGER, Place(place.organization_id), place.ledger_id))
        for path in paths:
            try:
                answer = await self._transport.send(Request("DELETE", path))
            except (TransportError, SeedError) as error:
                return [f"{path} ({error})"]
            if answer.status not in (200, 204) and not says_missing(answer.status, answer.body):
                return [f"{path} ({describe_answer(answer)})"]
        return []


@asynccontextmanager
async def open_scratch_ledger(
    transport: Transport,
    clock: Clock,
    purpose: str,
    not_removed: list[str],
    admit: Admit | None = None,
    answers: Answers | None = None,
) -> AsyncIterator[ScratchLedger]:
    """Create a ledger with the asset BRL for the duration of the block, and remove it again.

    Args:
        not_removed: gets what could not be removed at the end.
        admit: awaited before each request.
        answers: counts every answer.

    Raises TargetError, TransportError.
    """
    suffix = secrets.token_hex(4)
    scratch = ScratchLedger(transport, clock, purpose, suffix, admit, Answers() if answers is None else answers)
    with anyio.CancelScope(shield=True):  # one that was made and is not known could not be removed
        await _begin(scratch, f"midaz-seed {purpose} {suffix}", not_removed)
    try:
        ledger_id = await scratch.create(Entity.LEDGER, "ledger", {"name": f"{purpose} {suffix}"})
        scratch.place = Place(scratch.place.organization_id, ledger_id)
        asset: JsonObject = {"name": BRL.name, "type": BRL.type, "code": BRL.code}
        await scratch.create(Entity.ASSET, "asset", asset)
        yield scratch
    finally:
        with anyio.CancelScope(shield=True):
            not_removed += await scratch.remove()


async def _begin(scratch: ScratchLedger, name: str, not_removed: list[str]) -> None:
    """Make the organization; one that was made although no answer says so is removed, or told in `not_removed`."""
    payload: JsonObject = {"legalName": name, "legalDocument": scratch.suffix, "address": {"country": "BR"}}
    try:
        scratch.place = Place(await scratch.create(Entity.ORGANIZATION, "organization", payload))
    except (TransportError, UnclearError) as error:
        if isinstance(error, TransportError) and not error.maybe_applied:
            raise
        found = await scratch.find()
        if found:
            scratch.place = Place(found)
            not_removed += await scratch.remove()
        else:
            not_removed.append(f"an organization with {RUN_MARK} {scratch.mark}, if it was made ({error})")
        raise


async def send_patiently(transport: Transport, clock: Clock, request: Request) -> Response:
    """Send a request, a few times when the answer says that nothing was done, or no connection could be made. Raises
    TransportError."""
    for pause_s in PAUSES_S:
        with suppress(ConnectError):
            answer = await transport.send(request)
            if answer.status not in AGAIN:
                return answer
        await clock.sleep(pause_s)
    return await transport.send(request)


def _amount(minor: int) -> JsonObject:
    return {"asset": BRL.code, "value": BRL.text(minor)}


def _hint(answer: Response) -> str:
    if answer.status == 404 and not midaz_code(answer.body):
        return "are transactions served at this address? Before v3.5 they have a port of their own: --transaction-url"
    return "see the server's log"


def describe_answer(answer: Response) -> str:
    """An answer's status and what the server says about it, in one line, free of secrets and control characters."""
    return printable(redact(" ".join([str(answer.status), *read_error(answer.body)]).strip()))


def parsed_object(answer: Response) -> JsonObject:
    """An answer's JSON object; empty when it holds none."""
    try:
        parsed = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
