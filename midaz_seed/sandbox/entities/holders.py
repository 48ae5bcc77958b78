"""The endpoints of v4 for holders, the instruments that connect them to accounts, and accounts with an instrument."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from midaz_seed.sandbox.core.error_codes import RefusedError
from midaz_seed.sandbox.core.messages import Call, Headers, Reply, json_reply
from midaz_seed.sandbox.entities.body_reader import read_body
from midaz_seed.sandbox.entities.body_schema import Body
from midaz_seed.sandbox.entities.crud import ENTITIES, Entity
from midaz_seed.sandbox.entities.holder_kinds import ACCOUNT_OF_HOLDER, INSTRUMENT_PARTS
from midaz_seed.sandbox.entities.list_queries import by_page, read_listing
from midaz_seed.sandbox.storage.idempotency import NOT_REPLAYED, REPLAYED, key_and_expiry
from midaz_seed.sandbox.storage.state import EntityDoc, SandboxState

_PARTS = tuple(field.name for field in INSTRUMENT_PARTS)


def create_holder(state: SandboxState, call: Call) -> Reply:
    """Create a holder, or replay the first answer for the same key, or without a key the same body."""
    entity = ENTITIES["holders"]
    body = read_body(entity.kind.create, call.body, state.dialect)
    return _once(state, call, entity, lambda claim: entity.add(state, call.org_id, "", body, claim))


def create_instrument(state: SandboxState, call: Call) -> Reply:
    """Connect the holder of the path to an account, or replay the first answer."""
    entity = ENTITIES["instruments"]
    body = read_body(entity.kind.create, call.body, state.dialect)
    return _once(state, call, entity, lambda claim: _instrument(state, call.org_id, call.params[1], body.values, claim))


def _once(state: SandboxState, call: Call, entity: Entity, make: Callable[[EntityDoc], EntityDoc]) -> Reply:
    """Show what the key already created, or create it."""
    content = hashlib.sha256(orjson.dumps(orjson.loads(call.body), option=orjson.OPT_SORT_KEYS)).hexdigest()
    key, expires_s = key_and_expiry(state, call, content)
    scoped = f"{'/'.join([entity.kind.name, *call.params])}:{key}"
    former = state.holder_keys.get(scoped)
    if former is not None and former[1] > state.clock.time():
        doc = state.collection_of(entity.kind.name, call.org_id, "").live.get(former[0])
        if doc is not None:
            return _made(state, entity, doc, REPLAYED)
    return _made(state, entity, make({"claim": [scoped, expires_s]}), NOT_REPLAYED)


def _made(state: SandboxState, entity: Entity, doc: EntityDoc, headers: Headers) -> Reply:
    return json_reply(201, entity.render(state, doc), headers)


def _instrument(
    state: SandboxState, org_id: str, holder_id: str, sent: Mapping[str, Any], claim: EntityDoc
) -> EntityDoc:
    holder = state.collection_of("holders", org_id, "").live.get(holder_id)
    if holder is None:
        raise RefusedError("CRM-0006")
    account = (
        state.ledger_state(org_id, sent["ledgerId"].lower()).collection("accounts").live.get(sent["accountId"].lower())
    )
    if account is None:
        raise RefusedError("0007", entity="Account")
    if any(known["accountId"] == account["id"] for known in state.collection_of("instruments", org_id, "")):
        raise RefusedError("CRM-0013")
    entity = ENTITIES["instruments"]
    own = {
        "document": holder["document"],
        "type": holder["type"],
        "ledgerId": account["ledgerId"],
        "accountId": account["id"],
        "holderId": holder_id,
        **{name: sent.get(name) for name in _PARTS},
    }
    return entity.store(state, org_id, "", own, sent.get("metadata"), claim)


def accounts_of(state: SandboxState, call: Call) -> Reply:
    """List the accounts of a holder in one ledger (0142 when the query names none)."""
    query = call.query()
    ledger_id = query.get("ledger_id", "").lower()
    if not ledger_id:
        raise RefusedError("0142")
    listing = read_listing(query, state.dialect)
    accounts = state.ledger_state(call.org_id, ledger_id).collection("accounts")
    own = (doc for doc in accounts if doc["holderId"] == call.params[1] and state.shows(doc["id"]))
    items = by_page(own, listing)
    shown = [ENTITIES["accounts"].render(state, doc) for doc in items] or None
    return json_reply(200, {"items": shown, "limit": listing.limit, "page": listing.page})


def create_account(state: SandboxState, call: Call) -> Reply:
    """Create an account for the holder of the path and, when the body has parts of one, its instrument.

    The account stays when the instrument is refused.
    """
    org_id, ledger_id, holder_id = call.params
    body = read_body(ACCOUNT_OF_HOLDER, call.body, state.dialect)
    entity = ENTITIES["accounts"]
    own = Body({**body.values, "holderId": holder_id}, body.sent)
    account = entity.add(state, org_id, ledger_id, own)
    answer: EntityDoc = {"account": entity.render(state, account), "instrument": None}
    if any(body[name] for name in _PARTS):
        sent = {**body.values, "ledgerId": ledger_id, "accountId": account["id"], "metadata": None}
        try:
            instrument = _instrument(state, org_id, holder_id, sent, {})
        except RefusedError as error:
            answer["instrumentError"] = {"status": "FAILED", "reason": error.code}
        else:
            answer["instrument"] = ENTITIES["instruments"].render(state, instrument)
    return json_reply(201, answer)
