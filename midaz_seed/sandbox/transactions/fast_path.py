"""The fast path of common transactions: amounts given by value, balances without special settings, a key of its own.

Most requests to a sandbox are of this kind, and the general path (`request`, `execution`) takes three times as long for
them. The fast path reads a body without schema and legs, and accepts a request only when the general path is certain to
make the transaction. It changes nothing before that. The rules, the form of the record and the texts of the answer are
those of the general path, so both leave the same answer, record and balances. A property test compares them byte by
byte.

Arguments are passed by position, and the functions have no keyword-only parameters: CPython makes only such calls
quickly.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

from midaz_seed.sandbox.core import ids
from midaz_seed.sandbox.core.decimals import ZERO, add, parse, text_of
from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.error_codes import RefusedError
from midaz_seed.sandbox.core.ledger import Balance, LedgerRefusedError, available_after, set_available
from midaz_seed.sandbox.core.messages import Call, Reply, new_tuple, raw_json_reply
from midaz_seed.sandbox.core.records import pack_operation, pack_stored_key, pack_transaction
from midaz_seed.sandbox.entities.balances import is_visible
from midaz_seed.sandbox.entities.body_schema import check_metadata
from midaz_seed.sandbox.storage.idempotency import NOT_REPLAYED, key_and_lifetime
from midaz_seed.sandbox.storage.state import LedgerState, SandboxState
from midaz_seed.sandbox.transactions.execution import checks_routes
from midaz_seed.sandbox.transactions.rendering import (
    OperationFrame,
    operation_frame,
    operation_text,
    optional_fields,
    quote,
    transaction_text,
)
from midaz_seed.sandbox.transactions.request import DESCRIPTION_LENGTH_MAX

LEGS_MAX = 1_000
_PARTS = [f"{part:04x}" for part in range(1, LEGS_MAX + 1)]
"""The ends of the ids of operations."""
_METADATA_KEYS_MAX = 50
"""Below the limit of every version, which holds for a whole body."""
_CREATED = raw_json_reply(201, b"", NOT_REPLAYED).headers
_quote_code = lru_cache(quote)
_PLACEHOLDER = "\0"
"""Stands for a description: a character that JSON has only escaped."""


# plain tuples, because they are faster to make than named ones
_Leg = tuple[str, bool, Balance, Decimal, Decimal]
"""(alias#key, is debit, balance, amount, available afterwards). Legs are applied in the order of alias#key."""

_Accepted = tuple[dict[str, Any], Decimal, list[_Leg], list[str], list[str]]
"""A transaction that cannot be refused any more: (body, value, legs in the order in which they are applied, aliases of
the sources, aliases of the destinations)."""


def post_fast(state: SandboxState, call: Call, external: str) -> Reply | None:
    """Make the transaction and return the answer; None, with nothing changed, for a request of the general path.

    Args:
        external: the side that the endpoint leaves to the external account, `source` or `distribute`; "" for none.
    """
    if state.lag is not None:
        return None
    org_id, ledger_id = call.params
    ledger, ledger_doc = state.ledger_states.get((org_id, ledger_id)), state.ledger_doc(org_id, ledger_id)
    if ledger is None or ledger_doc is None or checks_routes(ledger_doc):
        return None
    key, lifetime_s = key_and_lifetime(call.headers, state.dialect)
    if not key or lifetime_s is None or key in ledger.stored_keys or len(ledger.stored_keys) > ledger.sweep_keys_at:
        return None
    try:
        accepted = _accept(state, ledger, call.body, external)
    except (AttributeError, KeyError, TypeError, ValueError, RefusedError, LedgerRefusedError):
        return None  # the general path says what is wrong
    return None if accepted is None else _make(state, ledger, accepted, key, lifetime_s)


def _accept(state: SandboxState, ledger: LedgerState, data: bytes, external: str) -> _Accepted | None:
    """Read a body; None, or an error, when the general path has to look at it."""
    if b"\\" in data and b"\\u0000" in data:
        return None
    sent = orjson.loads(data)
    send = sent["send"]
    asset, text = send["asset"], send["value"]
    value = parse(text)
    # both have no other members than those that are read here
    if type(asset) is not str or value <= ZERO or len(send) != (3 if external else 4):
        return None
    if len(sent) != 1 + ("description" in sent) + ("metadata" in sent):
        return None
    legs: dict[str, _Leg] = {}
    outside = f"@external/{asset}"
    if external == "source":
        sources = [outside] if _add_leg(state, ledger, legs, outside, asset, value, True) else None
    else:
        sources = _add_side(state, ledger, legs, send["source"], "from", asset, text, value, True)
    if external == "distribute":
        destinations = [outside] if _add_leg(state, ledger, legs, outside, asset, value, False) else None
    else:
        destinations = _add_side(state, ledger, legs, send["distribute"], "to", asset, text, value, False)
    if not sources or not destinations or len(legs) > LEGS_MAX or not _has_plain_texts(sent):
        return None
    ordered = [*legs.values()]
    ordered.sort()  # quicker than `sorted`
    return sent, value, ordered, sources, destinations


def _has_plain_texts(sent: dict[str, Any]) -> bool:
    """Return whether description and metadata are as the rules want them."""
    if "description" in sent:
        description = sent["description"]
        if type(description) is not str or not 0 < len(description) <= DESCRIPTION_LENGTH_MAX:
            return False
    metadata = sent.get("metadata")
    if metadata is None:
        return True
    if type(metadata) is not dict or len(metadata) > _METADATA_KEYS_MAX:
        return False
    check_metadata(metadata, nulls=True)
    return True


def _add_side(
    state: SandboxState,
    ledger: LedgerState,
    legs: dict[str, _Leg],
    side: dict[str, Any],
    name: str,
    asset: str,
    whole_text: str,
    whole: Decimal,
    is_debit: bool,
) -> list[str] | None:
    """Add the legs of a side and return their aliases; None unless they can be made and move the whole value."""
    if len(side) != 1:
        return None
    aliases: list[str] = []
    moved = ZERO
    for sent in side[name]:
        amount = sent["amount"]
        if len(sent) != 2 or len(amount) != 2 or type(amount["asset"]) is not str or not amount["asset"]:
            return None
        text = amount["value"]
        number = whole if text == whole_text else parse(text)
        alias = sent["accountAlias"]
        if not _add_leg(state, ledger, legs, alias, asset, number, is_debit):
            return None
        moved = add(moved, number) if aliases else number
        aliases.append(alias)
    return aliases if moved is whole or moved == whole else None


def _add_leg(
    state: SandboxState,
    ledger: LedgerState,
    legs: dict[str, _Leg],
    alias: Any,
    asset: str,
    amount: Decimal,
    is_debit: bool,
) -> bool:
    """Add a leg under its alias#key; return False for a balance that is missing, has special settings or has a leg.

    Raises:
        LedgerRefusedError: the balance has not enough.
    """
    if type(alias) is not str:
        return False
    name = f"{alias}#default"
    balance = ledger.balance_by_key.get(name)
    if (
        balance is None
        or balance.asset != asset
        or (balance.visible_from_s and not is_visible(state, balance))
        or balance.settings is not None
        or balance.overdraft_limit is not None
        or balance.overdraft_used
        or balance.former_permissions is not None
        or not (balance.allow_sending and balance.allow_receiving)
        or name in ledger.ambiguous
        or amount <= ZERO
        or name in legs
    ):
        return False
    legs[name] = (name, is_debit, balance, amount, available_after(balance, amount, is_debit))
    return True


def _make(state: SandboxState, ledger: LedgerState, accepted: _Accepted, key: str, lifetime_s: int) -> Reply:
    """Change the balances, write the transaction and return the answer."""
    sent, value, legs, sources, destinations = accepted
    dialect = state.dialect
    epoch_s, stamp = state.now()
    ms = state.ms(epoch_s)
    state.seq = seq = state.seq + 1
    transaction_id = ids.record_id(state.head(ms), seq, 0)
    whole, asset = text_of(value), sent["send"]["asset"]
    description, metadata = sent.get("description", ""), sent.get("metadata")
    description_json, asset_json = orjson.dumps(description), _quote_code(asset)
    # characters beyond ASCII come in at the end, because a single one makes the whole text slow to encode
    described = description_json.decode() if description_json.isascii() else _PLACEHOLDER
    metadata_json = orjson.dumps(metadata) if metadata else b""
    frame = operation_frame(transaction_id, described, asset_json, stamp, stamp)
    packed, shown, touched = _move(dialect, legs, value, whole, transaction_id, frame)
    expires_s = int(epoch_s) + lifetime_s
    record = pack_transaction(
        ms,
        ledger.number,
        stamp,
        stamp,
        "CREATED",
        whole,
        asset,
        description,
        sources,
        destinations,
        orjson.Fragment(metadata_json) if metadata else None,
        packed,
        key,
        expires_s,
        None,
    )
    state.store.append(seq, orjson.dumps(record))
    ledger.add(seq, epoch_s, "APPROVED", touched)
    ledger.stored_keys[key] = pack_stored_key(expires_s, seq)
    body = transaction_text(
        transaction_id,
        described,
        "CREATED",
        whole,
        asset_json,
        sources,
        destinations,
        ledger,
        optional_fields(dialect, {}, metadata_json.decode()),
        stamp,
        shown,
    ).encode()
    if described is _PLACEHOLDER:
        body = body.replace(_PLACEHOLDER.encode(), description_json)
    return new_tuple(Reply, (201, _CREATED, body))


def _move(
    dialect: Dialect, legs: list[_Leg], value: Decimal, whole: str, transaction_id: str, frame: OperationFrame
) -> tuple[list[list[Any]], list[str], list[str]]:
    """Change the balances; return the operations as the record holds them, and as the answer shows them, and the ids
    of their accounts.

    Args:
        whole: the text of `value`.
    """
    amounts_of, directions = dialect.operation_amounts, dialect.operation_direction
    stem = transaction_id[:-4]  # with no more than LEGS_MAX parts only the last four digits of their ids differ
    packed, shown, touched = [], [], []
    for part, (_, is_debit, balance, amount, available) in zip(_PARTS, legs, strict=False):
        before, after = balance.state, set_available(balance, available)
        kind = "DEBIT" if is_debit else "CREDIT"
        moved = whole if amount is value else text_of(amount)
        packed.append(pack_operation(kind, balance.number, is_debit, moved, before, after, None))
        shown.append(
            operation_text(
                frame, stem + part, kind, moved, amounts_of(before, after), balance.json, directions[is_debit]
            )
        )
        touched.append(balance.account_id)
    return packed, shown, touched
