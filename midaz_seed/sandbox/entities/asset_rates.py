"""The asset rate endpoints."""

from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.messages import Call, Reply, json_reply
from midaz_seed.sandbox.entities.body_reader import read_body
from midaz_seed.sandbox.entities.kinds import ASSET_RATE, asset_code_rule
from midaz_seed.sandbox.entities.list_queries import by_cursor, read_listing
from midaz_seed.sandbox.storage.state import EntityDoc, SandboxState


def put(state: SandboxState, call: Call) -> Reply:
    """Create the rate between two assets, or change it.

    Raises:
        RefusedError: 0004 or 0033 for a code that is none, 0037 for an unknown ledger.
        FailedError: 500 without `ttl`.
    """
    body = read_body(ASSET_RATE, call.body, state.dialect)
    for name in ("from", "to"):
        code = asset_code_rule(body[name])
        if code is not None:
            raise RefusedError(code)
    if body["ttl"] is None:
        raise FailedError(500, "Internal Server Error")  # the real process ends here
    rates = state.ledger_state(call.org_id, call.ledger_id).collection("asset-rates")
    former = next((rate for rate in rates if rate["from"] == body["from"] and rate["to"] == body["to"]), None)
    if former is None and not state.ledgers_of(call.org_id).exists_or_deleted(call.ledger_id):
        raise RefusedError("0037")
    epoch_s, stamp = state.now()
    own = {name: body[name] for name in ("from", "to", "rate", "scale", "source", "ttl")}
    if former is None:
        new_id = state.new_id(epoch_s)
        external_id = body["externalId"] or state.new_id(epoch_s)
        rate: EntityDoc = {
            "id": new_id, "organizationId": call.org_id, "ledgerId": call.ledger_id, "externalId": external_id, **own,
            "createdAt": stamp, "updatedAt": stamp, "metadata": body["metadata"] or {}, "deletedAt": None,
        }  # fmt: skip
    else:
        rate = {**former, **own, "updatedAt": stamp, "metadata": {**former["metadata"], **(body["metadata"] or {})}}
    state.save("asset-rates", call.org_id, call.ledger_id, rate)
    return json_reply(201, _rate_shown(rate))


def changes_without_ttl(state: SandboxState, call: Call) -> bool:
    """Return whether a PUT changes an existing rate and has no `ttl`."""
    try:
        body = read_body(ASSET_RATE, call.body, state.dialect)
    except RefusedError:
        return False
    rates = state.ledger_state(call.org_id, call.ledger_id).collection("asset-rates")
    return body["ttl"] is None and any(rate["from"] == body["from"] and rate["to"] == body["to"] for rate in rates)


def _rate_shown(rate: EntityDoc) -> EntityDoc:
    """Return a rate as an answer shows it: with its metadata, also empty ones (midaz-behaviour: rate-metadata)."""
    return {name: value for name, value in rate.items() if name != "deletedAt"}


def get(state: SandboxState, call: Call) -> Reply:
    """Show the rate with the external id of the path (0007 when there is none)."""
    for rate in state.ledger_state(call.org_id, call.ledger_id).collection("asset-rates"):
        if rate["externalId"] == call.params[2]:
            return json_reply(200, _rate_shown(rate))
    raise RefusedError("0007")


def list_from(state: SandboxState, call: Call) -> Reply:
    """List all rates from an asset. The real server checks the codes in `to` of the query, but does not filter by them.

    Raises:
        RefusedError: 0004 or 0033 for a code that is none.
    """
    query = call.query()
    listing = read_listing(query, state.dialect)
    for text in (call.params[2], *(query["to"].split(",") if "to" in query else ())):
        code = asset_code_rule(text)
        if code is not None:
            raise RefusedError(code)
    rates = [
        rate
        for rate in state.ledger_state(call.org_id, call.ledger_id).collection("asset-rates")
        if rate["from"] == call.params[2]
    ]
    items, cursors = by_cursor(rates, lambda rate: str(rate["id"]), listing, state.dialect, kind="asset-rates")
    return json_reply(200, {"items": [_rate_shown(rate) for rate in items], "limit": listing.limit, **cursors})
