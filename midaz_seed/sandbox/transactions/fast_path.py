"""The short way of an ordinary transaction: named amounts, balances without peculiarities, a key of its own.

Nine tenths of what a sandbox is asked for is this, and by the general way (`intents`, `execution`, `rendering`) it
takes twice the time. The short way takes a request only when it is certain that the general one would make it, changes
nothing before that, and leaves the same behind: the same answer, the same journal entry, the same balances. A property
test holds the one against the other, byte by byte.
"""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import orjson

from midaz_seed.sandbox.core import ids
from midaz_seed.sandbox.core.decimals import ZERO, add, parse, subtract, text_of, total
from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.ledger import Balance
from midaz_seed.sandbox.core.messages import Call, Headers, Reply
from midaz_seed.sandbox.core.records import TRANSACTION, pack_stored_key
from midaz_seed.sandbox.entities.balances import is_visible
from midaz_seed.sandbox.storage.state import LedgerState, SandboxState
from midaz_seed.sandbox.transactions.execution import checks_routes
from midaz_seed.sandbox.transactions.rendering import more_text, operation_text, quote, transaction_text

Leg = tuple[str, bool, Balance, Decimal, Decimal]
"""alias#key, whether it is a source, its balance, what it moves, and what is available afterwards."""

Order = tuple[dict[str, Any], str, Decimal, list[Leg], list[str], list[str]]
"""The body, the asset, the value, the legs in the order in which they are applied, and the aliases of both sides in
that of the request."""

LEGS_MAX = 1_000
_BODY = frozenset({"send", "description", "metadata"})
_SEND = frozenset({"asset", "value", "source", "distribute"})
_CREATED: Headers = [(b"content-type", b"application/json"), (b"x-idempotency-replayed", b"false")]


def post_fast(state: SandboxState, call: Call, *, inflow: bool) -> Reply | None:
    """Make the transaction and answer; None, and nothing done, when anything about it is out of the ordinary."""
    if state.lag is not None:
        return None
    org_id, ledger_id = call.params
    ledger, ledger_doc = state.ledger_states.get((org_id, ledger_id)), state.ledger_doc(org_id, ledger_id)
    if ledger is None or ledger_doc is None or checks_routes(ledger_doc):
        return None
    key, ttl_s = _key(call.headers, state.dialect)
    if not key or key in ledger.stored_keys or len(ledger.stored_keys) > ledger.stored_keys_swept:
        return None
    order = _read(state, call.body, ledger, inflow=inflow)
    return None if order is None else _make(state, ledger, order, key, ttl_s)


def _key(headers: Headers, dialect: Dialect) -> tuple[str, int]:
    """The idempotency key and its lifetime in seconds; no key where the lifetime is not a plain number."""
    key = ttl = b""
    for name, value in headers:
        if name == b"x-idempotency":
            key = value
        elif name == b"x-ttl":
            ttl = value
    if not ttl:
        return key.decode("latin-1"), dialect.idempotency_ttl_s
    if not ttl.isdigit() or len(ttl) >= 10:
        return "", 0
    return key.decode("latin-1"), int(ttl) or dialect.idempotency_ttl_s


def _read(state: SandboxState, data: bytes, ledger: LedgerState, *, inflow: bool) -> Order | None:
    if b"\\u0000" in data:
        return None
    try:
        sent = orjson.loads(data)
        send = sent["send"]
        asset, text = send["asset"], send["value"]
        value = parse(text)
        if type(asset) is not str or not (_BODY.issuperset(sent) and _SEND.issuperset(send) and value > ZERO):
            return None
        if inflow:
            sources = None if "source" in send else _external(state, ledger, asset, value)
        else:
            sources = _side(state, ledger, send["source"], "from", asset, text, value, is_source=True)
        destinations = _side(state, ledger, send["distribute"], "to", asset, text, value, is_source=False)
    except (KeyError, TypeError, ValueError):
        return None
    if not sources or not destinations or not _is_plain(sent):
        return None
    legs = sources + destinations
    if len(legs) == 2:
        (source,), (destination,) = sources, destinations
        first, second = source[0], destination[0]
        if first == second:
            return None
        if second < first:
            legs.reverse()
        return sent, asset, value, legs, [first[:-8]], [second[:-8]]
    if len(legs) > LEGS_MAX:
        return None
    legs.sort(key=_name)
    if any(one[0] == another[0] for one, another in pairwise(legs)):
        return None
    return sent, asset, value, legs, [leg[0][:-8] for leg in sources], [leg[0][:-8] for leg in destinations]


def _name(leg: Leg) -> str:
    return leg[0]


def _is_plain(sent: dict[str, Any]) -> bool:
    """Description and metadata are as the rules want them."""
    if "description" in sent:
        description = sent["description"]
        if type(description) is not str or not 0 < len(description) <= 256:
            return False
    metadata = sent.get("metadata")
    if metadata is None:
        return True
    if type(metadata) is not dict or len(metadata) > 50:
        return False
    for key, value in metadata.items():
        kind = type(value)
        if len(key) > 25 or (len(value) > 500 if kind is str else kind is not int and kind is not bool):
            return False
    return True


def _external(state: SandboxState, ledger: LedgerState, asset: str, value: Decimal) -> list[Leg] | None:
    leg = _leg(state, ledger, f"@external/{asset}", asset, value, is_source=True)
    return None if leg is None else [leg]


def _side(
    state: SandboxState,
    ledger: LedgerState,
    side: dict[str, Any],
    name: str,
    asset: str,
    whole_text: str,
    whole: Decimal,
    *,
    is_source: bool,
) -> list[Leg] | None:
    """The legs of a side, which together move the whole value."""
    if len(side) != 1:
        return None
    legs = []
    for sent in side[name]:
        amount = sent["amount"]
        if len(sent) != 2 or len(amount) != 2 or type(amount["asset"]) is not str or not amount["asset"]:
            return None
        text = amount["value"]
        leg = _leg(
            state,
            ledger,
            sent["accountAlias"],
            asset,
            whole if text == whole_text else parse(text),
            is_source=is_source,
        )
        if leg is None:
            return None
        legs.append(leg)
    moved = legs[0][3] if len(legs) == 1 else total([leg[3] for leg in legs])
    return legs if moved is whole or moved == whole else None


def _leg(
    state: SandboxState, ledger: LedgerState, alias: Any, asset: str, amount: Decimal, *, is_source: bool
) -> Leg | None:
    """A leg on a balance that anybody may use in any way and that has enough; None otherwise."""
    if type(alias) is not str:
        return None
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
    ):
        return None
    grows = is_source == (balance.direction == "debit")
    available = add(balance.available, amount) if grows else subtract(balance.available, amount)
    if available < ZERO and balance.account_type != "external":
        return None
    return name, is_source, balance, amount, available


def _make(state: SandboxState, ledger: LedgerState, order: Order, key: str, ttl_s: int) -> Reply:
    """Move the money, write it down, answer. Nothing here can be refused."""
    sent, asset, value, legs, sources, destinations = order
    epoch_s, stamp = state.now()
    ms = state.ms(epoch_s)
    state.seq = seq = state.seq + 1
    stem = ids.record_id_stem(state.head(ms), seq)
    whole, description, metadata = text_of(value), sent.get("description", ""), sent.get("metadata") or None
    described, asset_json = quote(description), quote(asset)
    records, shown, touched = _move(state.dialect, legs, value, whole, stem, described, asset_json, stamp)
    expires_s = int(epoch_s) + ttl_s
    record = (
        TRANSACTION, ms, ledger.number, stamp, stamp, "CREATED", whole, asset, description, sources, destinations,
        metadata, records, key, expires_s, 0,
    )  # fmt: skip
    state.store.append(seq, orjson.dumps(record))
    ledger.add(seq, epoch_s, "APPROVED", touched)
    ledger.stored_keys[key] = pack_stored_key(expires_s, seq)
    body = transaction_text(
        f"{stem}0000",
        described,
        "CREATED",
        whole,
        asset_json,
        orjson.dumps(sources).decode(),
        orjson.dumps(destinations).decode(),
        ledger,
        more_text(state.dialect, {}, metadata),
        stamp,
        f"[{','.join(shown)}]",
    )
    return Reply(201, _CREATED, body.encode())


def _move(
    dialect: Dialect,
    legs: list[Leg],
    value: Decimal,
    whole: str,
    stem: str,
    described: str,
    asset_json: str,
    stamp: str,
) -> tuple[list[Any], list[str], list[str]]:
    """Change the balances; gives the operations as the journal keeps them and as the answer shows them, and the ids of
    their accounts. `whole` is the text of the value."""
    shows_direction, show_amounts = dialect.operation_shows_direction, dialect.operation_amounts
    transaction_id, more = f"{stem}0000", ""
    records: list[Any] = []
    shown, touched = [], []
    for part, (_, is_debit, balance, amount, available) in enumerate(legs, 1):
        before = balance.state
        balance.available = available
        balance.state = now = (text_of(available), before[1], before[2] + 1, before[3])
        kind = "DEBIT" if is_debit else "CREDIT"
        moved = whole if amount is value else text_of(amount)
        records.append((kind, balance.number, is_debit, moved, *before, *now, 0))
        touched.append(balance.account_id)
        if shows_direction:
            more = '"direction":"debit",' if is_debit else '"direction":"credit",'
        shown.append(
            operation_text(
                f"{stem}{part:04x}",
                transaction_id,
                described,
                kind,
                asset_json,
                moved,
                show_amounts(before, now),
                balance.json,
                more,
                stamp,
            )
        )
    return records, shown, touched
