"""Carrying a transaction out: from an intent to changed balances and a journal entry, or a refusal that changes
nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from operator import attrgetter
from typing import Any

import orjson

from midaz_seed.sandbox.core import decimals, ids
from midaz_seed.sandbox.core.dates import rfc3339
from midaz_seed.sandbox.core.decimals import ZERO
from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.journal_records import Claim, Ending, Operation, Transaction
from midaz_seed.sandbox.core.ledger import Balance, Change, Effect, LedgerRefusedError, Posting, apply
from midaz_seed.sandbox.entities.balances import companion_of, is_visible, may_move
from midaz_seed.sandbox.storage.state import Book, Doc, World
from midaz_seed.sandbox.transactions.accounting_routes import check_routes, route_texts
from midaz_seed.sandbox.transactions.request import Endpoint, Intent, Leg

_LOCKED_S = 300.0
"""A commit or cancel keeps the transaction locked for so long."""
LEGS_MAX = ids.PARTS_MAX // 3
_ORDER = attrgetter("order")
_CREDITS = (Effect.CREDIT, Effect.RELEASE, Effect.RESERVE)
_NO_CHANGE = ("0", "0", 0, "0")


@dataclass(slots=True)
class Part:
    """A leg with its balance and its amount worked out."""

    leg: Leg
    balance: Balance
    amount: Decimal
    is_source: bool
    order: tuple[str, bool, int]
    """The server applies legs by alias#key, a debit before a credit of the same balance."""


def check_value(intent: Intent) -> None:
    """Nothing can be moved but a value above zero (0125)."""
    if intent.value <= ZERO:
        raise RefusedError("0125")


def check_date(intent: Intent, now_s: float) -> None:
    """A date lies in the past (0121), and a pending transaction has none (0122)."""
    if intent.date is not None:
        if intent.date.timestamp() > now_s:
            raise RefusedError("0121")
        if intent.pending:
            raise RefusedError("0122")


def execute(
    world: World, book: Book, intent: Intent, endpoint: Endpoint, claim: Claim, parent: str = ""
) -> tuple[int, Transaction]:
    """Carry out an intent and write it down; gives its place in the journal. Raises RefusedError or FailedError; then
    nothing has changed."""
    source_amounts = _amounts(intent.sources, intent.value)
    destination_amounts = _amounts(intent.destinations, intent.value)
    _check_sides(intent, source_amounts, destination_amounts)
    if not intent.value:
        raise FailedError(500, "Internal Server Error")  # only where the value was not checked before
    dialect = world.dialect
    ledger = world.ledger(book.org_id, book.ledger_id)
    if ledger is None and dialect.transaction_needs_ledger:
        raise RefusedError("0007", entity="Ledger")
    pending = intent.pending and endpoint.may_pend
    settings = ledger["settings"] if ledger is not None else None
    if intent.skips_fees or intent.skips_tracer:
        _check_skips(intent, settings)
    if not dialect.remaining_counts:
        source_amounts = _without_remaining(intent.sources, source_amounts)
        destination_amounts = _without_remaining(intent.destinations, destination_amounts)
    parts = _parts(world, book, intent.sources, source_amounts, is_source=True)
    parts += _parts(world, book, intent.destinations, destination_amounts, is_source=False)
    with_routes = checks_routes(ledger)
    action = ""
    if with_routes:
        action = "hold" if pending else "revert" if parent else endpoint.action
        check_routes(book, intent, [(part.leg, part.balance, part.is_source) for part in parts], action)
    if len(parts) < len(intent.sources) + len(intent.destinations):
        raise RefusedError("0019")
    _check_balances(world, intent, parts, holds=intent.pending and endpoint.reads_pending)
    parts = [part for part in parts if part.amount or (part.leg.remaining and dialect.remaining_of_zero_shows)]
    parts.sort(key=_ORDER)
    operations = (
        _note(intent, parts, dialect)
        if endpoint.notes_only
        else _move(book, parts, endpoint, pending=pending, splits=with_routes)
    )
    if pending and dialect.pending_touches_destination:
        for part in parts:
            if not part.is_source:
                raise_version(part.balance)
    if with_routes:
        for operation in operations:
            operation.texts |= route_texts(book, operation, action)
    return _write(world, book, intent, operations, parts if pending else [], claim, parent, _status(endpoint, pending))


def checks_routes(ledger: Doc | None) -> bool:
    """Whether transactions of a ledger have to follow its routes."""
    settings = ledger["settings"] if ledger is not None else None
    return settings is not None and bool(settings["accounting"]["validateRoutes"])


def _check_skips(intent: Intent, settings: Mapping[str, Any] | None) -> None:
    """Fees and tracer are only skipped where the ledger allows it (0490)."""
    allowed = settings["overrides"] if settings is not None and "overrides" in settings else {}
    if (intent.skips_fees and not allowed.get("allowFeeSkip")) or (
        intent.skips_tracer and not allowed.get("allowTracerSkip")
    ):
        raise RefusedError("0490")


def _status(endpoint: Endpoint, pending: bool) -> str:
    return "NOTED" if endpoint.notes_only else "PENDING" if pending else "CREATED"


def _amounts(legs: list[Leg], value: Decimal) -> list[Decimal]:
    """What each leg moves; what is not above zero contributes nothing."""
    if len(legs) > LEGS_MAX:
        raise FailedError(413, "Request Entity Too Large")
    amounts = [leg.amount for leg in legs if leg.amount is not None and leg.amount > ZERO]
    if len(amounts) == len(legs):  # the ordinary case: each says what it moves
        return amounts
    amounts = []
    left = value
    for leg in legs:
        if leg.amount is not None:
            amount = leg.amount
        elif leg.share is not None:
            amount = decimals.percentage_of(value, *leg.share)
        else:
            amounts.append(max(left, ZERO))  # the rest is not used up: a second `remaining` takes it again
            continue
        amount = max(amount, ZERO)
        left = decimals.subtract(left, amount)
        amounts.append(amount)
    return amounts


def _without_remaining(legs: list[Leg], amounts: list[Decimal]) -> list[Decimal]:
    """The amounts as they are after they were worked out a second time, when nothing remains."""
    return [ZERO if leg.remaining else amount for leg, amount in zip(legs, amounts, strict=True)]


def _check_sides(intent: Intent, source_amounts: list[Decimal], destination_amounts: list[Decimal]) -> None:
    for source, destination in zip(intent.sources, intent.destinations, strict=False):
        if source.alias == destination.alias and source.key == destination.key:
            raise RefusedError("0090")
    value = intent.value
    for amounts in (source_amounts, destination_amounts):
        total = amounts[0] if len(amounts) == 1 else decimals.total(amounts)
        if total is not value and total != value:
            raise RefusedError("0073")


def _parts(world: World, book: Book, legs: list[Leg], amounts: list[Decimal], *, is_source: bool) -> list[Part]:
    """The legs of a side that have a balance: what is missing is noticed after other faults."""
    parts = []
    balances, ambiguous = book.balance_by_key, book.ambiguous
    for place, (leg, amount) in enumerate(zip(legs, amounts, strict=True)):
        name = f"{leg.alias}#{leg.key}"
        balance = balances.get(name)
        if balance is None or name in ambiguous or (balance.visible_from_s and not is_visible(world, balance)):
            continue
        if balance.settings is not None and balance.settings.get("balanceScope") == "internal":
            raise RefusedError("0168")
        parts.append(Part(leg, balance, amount, is_source, (name, not is_source, place)))
    return parts


def _check_balances(world: World, intent: Intent, parts: list[Part], *, holds: bool) -> None:
    """Asset (0034), permissions (0024), and that nothing is held on an external account (0098), leg by leg."""
    for part in parts:
        balance = part.balance
        if balance.asset != intent.asset:
            raise RefusedError("0034", entity=_checker(part))
        allowed = balance.allow_sending and balance.allow_receiving and balance.former_permissions is None
        if not allowed and not may_move(world, balance, sends=part.is_source):
            raise RefusedError("0024", entity=_checker(part))
        if holds and part.is_source and balance.is_external:
            raise RefusedError("0098")


def _checker(part: Part) -> str:
    """What a newer server calls the place that refuses such a leg."""
    return "validateFromAccounts" if part.is_source else "validateToAccounts"


def _move(book: Book, parts: list[Part], endpoint: Endpoint, *, pending: bool, splits: bool) -> list[Operation]:
    """Move the money, or put it on hold; `splits`: a hold is a debit and a reservation."""
    postings: list[Posting] = []
    for part in parts:
        if not part.is_source:
            if not pending:
                postings.append(_posting(book, part.balance, Effect.CREDIT, part.amount, leg_texts(part.leg)))
            continue
        effect = Effect.HOLD if pending and not splits else Effect.DEBIT
        postings.append(_posting(book, part.balance, effect, part.amount, leg_texts(part.leg)))
        if pending and splits:
            postings.append(_posting(book, part.balance, Effect.RESERVE, part.amount, leg_texts(part.leg)))
    return [_operation(change, endpoint.operation) for change in apply_or_refuse(postings)]


def _posting(book: Book, balance: Balance, effect: Effect, amount: Decimal, texts: dict[str, Any]) -> Posting:
    posting = Posting(balance, effect, amount, texts)
    if balance.overdraft_limit is not None or balance.overdraft_used:
        posting.companion = companion_of(book, balance)
    return posting


def raise_version(balance: Balance) -> None:
    """Count a change that changes nothing."""
    available, on_hold, version, used = balance.state
    balance.state = (available, on_hold, version + 1, used)


def apply_or_refuse(postings: list[Posting]) -> list[Change]:
    """Apply postings; a refusal of the ledger becomes the server's answer."""
    try:
        return apply(postings)
    except LedgerRefusedError as refusal:
        raise RefusedError(refusal.code) from None


def _operation(change: Change, kind: str = "") -> Operation:
    posting = change.posting
    is_debit = posting.effect not in _CREDITS
    named = kind if kind and change.kind != "OVERDRAFT" else change.kind
    return Operation(named, change.balance.number, is_debit, change.amount, change.before, change.after, posting.texts)


def leg_texts(leg: Leg) -> dict[str, Any]:
    """What a leg says about its operation."""
    if not (leg.description or leg.chart or leg.metadata or leg.route or leg.route_id):
        return {}
    texts = {"d": leg.description, "c": leg.chart, "m": leg.metadata, "r": leg.route, "i": leg.route_id}
    return {name: value for name, value in texts.items() if value}


def _note(intent: Intent, parts: list[Part], dialect: Dialect) -> list[Operation]:
    """The operations of an annotation. One that says it is pending is neither held nor settled, for which the server
    knows no debit."""
    return [
        Operation(
            "DEBIT" if p.is_source and not intent.pending else "CREDIT",
            p.balance.number,
            p.is_source and not intent.pending,
            decimals.text_of(p.amount) if dialect.note_amount == "sent" else "0",
            _NO_CHANGE,
            _NO_CHANGE,
            leg_texts(p.leg),
        )
        for p in parts
    ]


def _write(
    world: World,
    book: Book,
    intent: Intent,
    operations: list[Operation],
    held: list[Part],
    claim: Claim,
    parent: str,
    status: str,
) -> tuple[int, Transaction]:
    epoch_s, stamp = world.now()
    extra: dict[str, Any] = {}
    created, created_s = stamp, epoch_s
    if intent.date is not None:
        created, created_s = rfc3339(intent.date), intent.date.timestamp()
        extra["utc"] = rfc3339(intent.date.astimezone(UTC))
    if intent.group:
        extra["group"] = intent.group
    if intent.route:
        extra["route"] = intent.route
    if intent.route_id:
        extra["routeId"] = intent.route_id
    if intent.skips_fees or intent.skips_tracer:
        extra["skips"] = [intent.skips_fees, intent.skips_tracer]
    if parent:
        extra["parent"] = parent
    if held:
        extra["held"] = [[p.balance.number, p.is_source, decimals.text_of(p.amount), leg_texts(p.leg)] for p in held]
    transaction = Transaction(
        ms=world.ms(epoch_s),
        book=book.number,
        created=created,
        updated=stamp,
        status=status,
        amount=decimals.text_of(intent.value),
        asset=intent.asset,
        description=intent.description,
        sources=[leg.alias for leg in intent.sources],
        destinations=[leg.alias for leg in intent.destinations],
        metadata=intent.metadata,
        operations=operations,
        claim=claim,
        extra=extra,
    )
    world.seq = seq = world.seq + 1
    world.store.append(seq, orjson.dumps(transaction.pack()))
    index_transaction(world, book, seq, transaction, created_s)
    if world.lag is not None:
        world.lag.note(seq, operations, moved=status != "NOTED")
    return seq, transaction


def index_transaction(world: World, book: Book, seq: int, transaction: Transaction, created_s: float) -> None:
    """Note in memory where the transaction stands: after it was written, and when it is read at the start."""
    status = transaction.status if transaction.status in ("PENDING", "NOTED") else "APPROVED"
    accounts = [world.balance_by_number[operation.balance].account_id for operation in transaction.operations]
    book.add(seq, created_s, status, accounts)
    if transaction.claim.key:
        book.slots[transaction.claim.key] = transaction.claim.slot(seq)
    parent = transaction.extra.get("parent")
    if parent:
        place = ids.journal_place(parent)
        assert place is not None, parent
        world.reverted.add(place[0])


def end_pending(world: World, book: Book, seq: int, transaction: Transaction, *, commit: bool) -> Ending:
    """Commit or cancel a pending transaction.

    Raises RefusedError when it is not pending any more: 0486 while the lock of its ending lasts, then 0099.
    """
    if book.status_of(seq) != "PENDING":
        ended = world.endings.get(seq)
        made_ms = orjson.loads(world.store.record(ended[-1]) or b"[0,0]")[1] if ended else 0
        locked = world.clock.time() - made_ms / 1000 < _LOCKED_S
        raise RefusedError("0486" if locked else "0099", entity="ValidateTransactionNotPending")
    with_routes = checks_routes(world.ledger(book.org_id, book.ledger_id))
    postings: list[Posting] = []
    for number, is_source, amount, texts in transaction.extra["held"]:
        if not commit and not is_source:
            continue
        balance, value = world.balance_by_number[number], Decimal(amount)
        if not commit and with_routes:
            postings.append(_posting(book, balance, Effect.UNRESERVE, value, dict(texts)))
            postings.append(_posting(book, balance, Effect.CREDIT, value, dict(texts)))
            continue
        effect = Effect.RELEASE if not commit else Effect.SETTLE if is_source else Effect.CREDIT
        postings.append(_posting(book, balance, effect, value, texts))
    operations = [_operation(change) for change in apply_or_refuse(postings)]
    if with_routes:
        for operation in operations:
            operation.texts |= route_texts(book, operation, "commit" if commit else "cancel")
    epoch_s, stamp = world.now()
    ending = Ending(world.ms(epoch_s), seq, "APPROVED" if commit else "CANCELED", stamp, operations)
    world.seq += 1
    world.store.append(world.seq, orjson.dumps(ending.pack()))
    index_ending(world, book, world.seq, ending)
    if world.lag is not None:
        world.lag.note(world.seq, operations)
    return ending


def index_ending(world: World, book: Book, seq: int, ending: Ending) -> None:
    """Note in memory that a pending transaction ended."""
    book.set_status(ending.transaction, ending.status)
    world.endings.setdefault(ending.transaction, []).append(seq)
    book.touch(seq, [world.balance_by_number[operation.balance].account_id for operation in ending.operations])
