"""Carry a transaction out: change the balances and write the record, or refuse it and change nothing."""

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
from midaz_seed.sandbox.core.ledger import Balance, Change, Effect, LedgerRefusedError, Posting, apply
from midaz_seed.sandbox.core.records import Ending, KeyClaim, Operation, Transaction
from midaz_seed.sandbox.entities.balances import companion_of, is_visible, may_move
from midaz_seed.sandbox.storage.state import EntityDoc, LedgerState, SandboxState
from midaz_seed.sandbox.transactions.accounting_routes import check_routes, route_texts
from midaz_seed.sandbox.transactions.recording import write_ending, write_transaction
from midaz_seed.sandbox.transactions.request import Endpoint, Leg, TransactionRequest

_LOCKED_S = 300.0
"""A commit or cancel keeps the transaction locked for this time."""
LEGS_MAX = ids.PARTS_MAX // 3
"""Of a side; a leg has up to three operations, and each needs a part of the record's ids."""
_ORDER = attrgetter("order")
_CREDITS = (Effect.CREDIT, Effect.RELEASE, Effect.RESERVE)
_NO_CHANGE = ("0", "0", 0, "0")


@dataclass(slots=True)
class Part:
    """A leg with its balance and its amount."""

    leg: Leg
    balance: Balance
    amount: Decimal
    is_source: bool
    order: tuple[str, bool, int]
    """(alias#key, is a credit, index): the order in which the server applies legs."""


def check_value(request: TransactionRequest) -> None:
    """Check that the value is above zero (0125)."""
    if request.value <= ZERO:
        raise RefusedError("0125")


def check_date(request: TransactionRequest, now_s: float) -> None:
    """Check that a date is in the past (0121) and the transaction then not pending (0122)."""
    if request.date is not None:
        if request.date.timestamp() > now_s:
            raise RefusedError("0121")
        if request.pending:
            raise RefusedError("0122")


def execute(
    state: SandboxState,
    ledger: LedgerState,
    request: TransactionRequest,
    endpoint: Endpoint,
    claim: KeyClaim,
    parent: str = "",
) -> tuple[int, Transaction]:
    """Carry out a request, and return its record's number and the transaction.

    Args:
        claim: the key that has the answer from now on; an empty key: none.
        parent: the id of the transaction that is reverted; "" for none.

    Raises:
        RefusedError: a rule of the server; nothing has changed.
        FailedError: an internal error of the real server; nothing has changed.
    """
    source_amounts = _amounts(request.sources, request.value)
    destination_amounts = _amounts(request.destinations, request.value)
    _check_sides(request, source_amounts, destination_amounts)
    if not request.value:
        raise FailedError(500, "Internal Server Error")  # only in versions that do not check the value before
    dialect = state.dialect
    ledger_doc = state.ledger_doc(ledger.org_id, ledger.ledger_id)
    if ledger_doc is None and dialect.transaction_needs_ledger:
        raise RefusedError("0007", entity="Ledger")
    pending = request.pending and endpoint.supports_pending
    settings = ledger_doc["settings"] if ledger_doc is not None else None
    if request.skips_fees or request.skips_tracer:
        _check_skips(request, settings)
    _check_aliases(request, dialect)
    if not dialect.remaining_counts:
        source_amounts = _without_remaining(request.sources, source_amounts)
        destination_amounts = _without_remaining(request.destinations, destination_amounts)
    parts = _parts(state, ledger, request.sources, source_amounts, is_source=True)
    parts += _parts(state, ledger, request.destinations, destination_amounts, is_source=False)
    with_routes = checks_routes(ledger_doc)
    action = ""
    if with_routes:
        action = "hold" if pending else "revert" if parent else endpoint.action
        check_routes(ledger, request, [(part.leg, part.balance, part.is_source) for part in parts], action)
    if len(parts) < len(request.sources) + len(request.destinations):
        raise _missing_balance(ledger, request)
    _check_balances(state, request, parts, holds=request.pending and endpoint.reads_pending)
    parts = [part for part in parts if part.amount or (part.leg.remaining and dialect.remaining_of_zero_shows)]
    parts.sort(key=_ORDER)
    operations = (
        _note(request, parts, dialect)
        if endpoint.is_annotation
        else _move(ledger, parts, endpoint, pending=pending, splits=with_routes)
    )
    if pending and dialect.pending_touches_destination:
        _raise_destination_versions(parts)
    if with_routes:
        for operation in operations:
            operation.texts |= route_texts(ledger, operation, action)
    return _write(
        state, ledger, request, operations, parts if pending else [], claim, parent, _status(endpoint, pending)
    )


def _raise_destination_versions(parts: list[Part]) -> None:
    for part in parts:
        if not part.is_source:
            raise_version(part.balance)


def checks_routes(ledger_doc: EntityDoc | None) -> bool:
    """Return whether a ledger checks the routes of its transactions."""
    settings = ledger_doc["settings"] if ledger_doc is not None else None
    return settings is not None and bool(settings["accounting"]["validateRoutes"])


def _check_skips(request: TransactionRequest, settings: Mapping[str, Any] | None) -> None:
    """Check that the ledger allows to skip fees and tracer (0490)."""
    allowed = settings["overrides"] if settings is not None and "overrides" in settings else {}
    if (request.skips_fees and not allowed.get("allowFeeSkip")) or (
        request.skips_tracer and not allowed.get("allowTracerSkip")
    ):
        raise RefusedError("0490")


def _status(endpoint: Endpoint, pending: bool) -> str:
    return "NOTED" if endpoint.is_annotation else "PENDING" if pending else "CREATED"


def _amounts(legs: list[Leg], value: Decimal) -> list[Decimal]:
    """Return the amount of each leg, zero for one that is not above zero."""
    if len(legs) > LEGS_MAX:
        raise FailedError(413, "Request Entity Too Large")
    amounts = [leg.amount for leg in legs if leg.amount is not None and leg.amount > ZERO]
    if len(amounts) == len(legs):  # the usual case: each leg has its own amount
        return amounts
    amounts = []
    left = value
    for leg in legs:
        if leg.amount is not None:
            amount = leg.amount
        elif leg.share is not None:
            amount = decimals.percentage_of(value, *leg.share)
        else:
            amounts.append(max(left, ZERO))  # the rest stays: a second `remaining` gets it again
            continue
        amount = max(amount, ZERO)
        left = decimals.subtract(left, amount)
        amounts.append(amount)
    return amounts


def _without_remaining(legs: list[Leg], amounts: list[Decimal]) -> list[Decimal]:
    """Return the amounts without the rest, which a version without `remaining_counts` loses in a second computation."""
    return [ZERO if leg.remaining else amount for leg, amount in zip(legs, amounts, strict=True)]


def _check_sides(
    request: TransactionRequest, source_amounts: list[Decimal], destination_amounts: list[Decimal]
) -> None:
    for source, destination in zip(request.sources, request.destinations, strict=False):
        if source.alias == destination.alias and source.key == destination.key:
            raise RefusedError("0090")
    value = request.value
    for amounts in (source_amounts, destination_amounts):
        total = amounts[0] if len(amounts) == 1 else decimals.total(amounts)
        if total is not value and total != value:
            raise RefusedError("0073")


def _parts(
    state: SandboxState, ledger: LedgerState, legs: list[Leg], amounts: list[Decimal], *, is_source: bool
) -> list[Part]:
    """Return the legs of a side that have a balance. A missing balance is refused after other faults."""
    parts = []
    balances, ambiguous = ledger.balance_by_key, ledger.ambiguous
    for index, (leg, amount) in enumerate(zip(legs, amounts, strict=True)):
        name = f"{leg.alias}#{leg.key}"
        balance = balances.get(name)
        if balance is None or name in ambiguous or (balance.visible_from_s and not is_visible(state, balance)):
            continue
        if balance.settings is not None and balance.settings.get("balanceScope") == "internal":
            raise RefusedError("0168")
        parts.append(Part(leg, balance, amount, is_source, (name, not is_source, index)))
    return parts


def _check_aliases(request: TransactionRequest, dialect: Dialect) -> None:
    if dialect.leg_without_account_fails and not all(leg.alias for leg in request.sources + request.destinations):
        raise FailedError(500, "Internal Server Error")


def _missing_balance(ledger: LedgerState, request: TransactionRequest) -> RefusedError:
    """Return the error of a transaction without all balances: 0034 for another asset when they have only not appeared
    yet, else 0019.

    A real server's queue is faster than the delay of the sandbox most of the time, and then sees the asset.
    """
    sides = [(leg, "From") for leg in request.sources] + [(leg, "To") for leg in request.destinations]
    balances = [ledger.balance_by_key.get(f"{leg.alias}#{leg.key}") for leg, _ in sides]
    if None not in balances:
        for balance, (_, side) in zip(balances, sides, strict=True):
            if balance is not None and balance.asset != request.asset:
                return RefusedError("0034", entity=f"validate{side}Accounts")
    return RefusedError("0019")


def _check_balances(state: SandboxState, request: TransactionRequest, parts: list[Part], *, holds: bool) -> None:
    """Check the asset (0034), the permissions (0024) and that no external account is held (0098), leg by leg."""
    for part in parts:
        balance = part.balance
        if balance.asset != request.asset:
            raise RefusedError("0034", entity=_checker(part))
        allowed = balance.allow_sending and balance.allow_receiving and balance.former_permissions is None
        if not allowed and not may_move(state, balance, sends=part.is_source):
            raise RefusedError("0024", entity=_checker(part))
        if holds and part.is_source and balance.is_external:
            raise RefusedError("0098")


def _checker(part: Part) -> str:
    """Return the name of the server's function that refuses such a leg, as v4 shows it."""
    return "validateFromAccounts" if part.is_source else "validateToAccounts"


def _move(
    ledger: LedgerState, parts: list[Part], endpoint: Endpoint, *, pending: bool, splits: bool
) -> list[Operation]:
    """Apply the parts, or put their money on hold; `splits`: a hold is a debit and a reservation."""
    postings: list[Posting] = []
    for part in parts:
        if not part.is_source:
            if not pending:
                postings.append(_posting(ledger, part.balance, Effect.CREDIT, part.amount, leg_texts(part.leg)))
            continue
        effect = Effect.HOLD if pending and not splits else Effect.DEBIT
        postings.append(_posting(ledger, part.balance, effect, part.amount, leg_texts(part.leg)))
        if pending and splits:
            postings.append(_posting(ledger, part.balance, Effect.RESERVE, part.amount, leg_texts(part.leg)))
    return [_operation(change, endpoint.operation) for change in apply_or_refuse(postings)]


def _posting(ledger: LedgerState, balance: Balance, effect: Effect, amount: Decimal, texts: dict[str, Any]) -> Posting:
    posting = Posting(balance, effect, amount, texts)
    if balance.overdraft_limit is not None or balance.overdraft_used:
        posting.companion = companion_of(ledger, balance)
    return posting


def raise_version(balance: Balance) -> None:
    """Raise the version of a balance without another change."""
    available, on_hold, version, used = balance.state
    balance.state = (available, on_hold, version + 1, used)


def apply_or_refuse(postings: list[Posting]) -> list[Change]:
    """Apply postings; a refusal becomes the server's error."""
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
    """Return the texts of a leg for its operation."""
    if not (leg.description or leg.chart or leg.metadata or leg.route or leg.route_id):
        return {}
    texts = {"d": leg.description, "c": leg.chart, "m": leg.metadata, "r": leg.route, "i": leg.route_id}
    return {name: value for name, value in texts.items() if value}


def _note(request: TransactionRequest, parts: list[Part], dialect: Dialect) -> list[Operation]:
    """Return the operations of an annotation.

    The server has no debit for a pending annotation, because it is neither held nor settled.
    """
    return [
        Operation(
            "DEBIT" if p.is_source and not request.pending else "CREDIT",
            p.balance.number,
            p.is_source and not request.pending,
            decimals.text_of(p.amount) if dialect.note_amount == "sent" else "0",
            _NO_CHANGE,
            _NO_CHANGE,
            leg_texts(p.leg),
        )
        for p in parts
    ]


def _write(
    state: SandboxState,
    ledger: LedgerState,
    request: TransactionRequest,
    operations: list[Operation],
    held: list[Part],
    claim: KeyClaim,
    parent: str,
    status: str,
) -> tuple[int, Transaction]:
    epoch_s, stamp = state.now()
    extra: dict[str, Any] = {}
    created, created_s = stamp, epoch_s
    if request.date is not None:
        created, created_s = rfc3339(request.date), request.date.timestamp()
        extra["utc"] = rfc3339(request.date.astimezone(UTC))
    if request.group:
        extra["group"] = request.group
    if request.route:
        extra["route"] = request.route
    if request.route_id:
        extra["routeId"] = request.route_id
    if request.skips_fees or request.skips_tracer:
        extra["skips"] = [request.skips_fees, request.skips_tracer]
    if parent:
        extra["parent"] = parent
    if held:
        extra["held"] = [[p.balance.number, p.is_source, decimals.text_of(p.amount), leg_texts(p.leg)] for p in held]
    transaction = Transaction(
        ms=state.ms(epoch_s),
        ledger=ledger.number,
        created=created,
        updated=stamp,
        status=status,
        amount=decimals.text_of(request.value),
        asset=request.asset,
        description=request.description,
        sources=[leg.alias for leg in request.sources],
        destinations=[leg.alias for leg in request.destinations],
        metadata=request.metadata,
        operations=operations,
        claim=claim,
        extra=extra,
    )
    return write_transaction(state, ledger, transaction, created_s), transaction


def end_pending(
    state: SandboxState, ledger: LedgerState, seq: int, transaction: Transaction, *, commit: bool
) -> Ending:
    """Commit or cancel a pending transaction.

    Raises:
        RefusedError: it is not pending any more: 0486 while it is still locked, then 0099.
    """
    if ledger.status_of(seq) != "PENDING":
        ended = state.endings.get(seq)
        made_ms = orjson.loads(state.store.record(ended[-1]) or b"[0,0]")[1] if ended else 0
        locked = state.clock.time() - made_ms / 1000 < _LOCKED_S
        raise RefusedError("0486" if locked else "0099", entity="ValidateTransactionNotPending")
    with_routes = checks_routes(state.ledger_doc(ledger.org_id, ledger.ledger_id))
    postings: list[Posting] = []
    for number, is_source, amount, texts in transaction.extra["held"]:
        if not commit and not is_source:
            continue
        balance, value = state.balance_by_number[number], Decimal(amount)
        if not commit and with_routes:
            postings.append(_posting(ledger, balance, Effect.UNRESERVE, value, dict(texts)))
            postings.append(_posting(ledger, balance, Effect.CREDIT, value, dict(texts)))
            continue
        effect = Effect.RELEASE if not commit else Effect.SETTLE if is_source else Effect.CREDIT
        postings.append(_posting(ledger, balance, effect, value, texts))
    operations = [_operation(change) for change in apply_or_refuse(postings)]
    if with_routes:
        for operation in operations:
            operation.texts |= route_texts(ledger, operation, "commit" if commit else "cancel")
    epoch_s, stamp = state.now()
    ending = Ending(state.ms(epoch_s), seq, "APPROVED" if commit else "CANCELED", stamp, operations)
    write_ending(state, ledger, ending)
    return ending
