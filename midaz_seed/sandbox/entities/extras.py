"""Asset rates, ledger settings, look-ups of accounts by alias, and the endpoints about the server itself."""

from collections.abc import Mapping
from typing import Any

import orjson

from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.messages import Call, Reply, json_reply, text_reply
from midaz_seed.sandbox.entities.body_schema import read_body
from midaz_seed.sandbox.entities.crud import ENTITIES
from midaz_seed.sandbox.entities.kinds import ASSET_RATE, asset_code_rule
from midaz_seed.sandbox.entities.list_queries import by_cursor, read_listing
from midaz_seed.sandbox.storage.state import Doc, World

# ---- asset rates


def put_rate(world: World, call: Call) -> Reply:
    body = read_body(ASSET_RATE, call.body, world.dialect)
    for name in ("from", "to"):
        code = asset_code_rule(body[name])
        if code is not None:
            raise RefusedError(code)
    if body["ttl"] is None:
        raise FailedError(500, "Internal Server Error")  # the real process dies here; this one only says so
    place = world.book(call.org_id, call.ledger_id).collection("asset-rates")
    former = next((rate for rate in place if rate["from"] == body["from"] and rate["to"] == body["to"]), None)
    if former is None and not world.ledgers_of(call.org_id).ever(call.ledger_id):
        raise RefusedError("0037")
    epoch_s, stamp = world.now()
    own = {name: body[name] for name in ("from", "to", "rate", "scale", "source", "ttl")}
    if former is None:
        new_id = world.new_id(epoch_s)
        external_id = body["externalId"] or world.new_id(epoch_s)
        rate: Doc = {
            "id": new_id, "organizationId": call.org_id, "ledgerId": call.ledger_id, "externalId": external_id, **own,
            "createdAt": stamp, "updatedAt": stamp, "metadata": body["metadata"] or {}, "deletedAt": None,
        }  # fmt: skip
    else:
        rate = {**former, **own, "updatedAt": stamp, "metadata": {**former["metadata"], **(body["metadata"] or {})}}
    world.save("asset-rates", call.org_id, call.ledger_id, rate)
    return json_reply(201, _rate_shown(rate))


def changes_without_ttl(world: World, call: Call) -> bool:
    """Whether a PUT changes a rate that is there and says no `ttl`."""
    try:
        body = read_body(ASSET_RATE, call.body, world.dialect)
    except RefusedError:
        return False
    rates = world.book(call.org_id, call.ledger_id).collection("asset-rates")
    return body["ttl"] is None and any(rate["from"] == body["from"] and rate["to"] == body["to"] for rate in rates)


def _rate_shown(rate: Doc) -> Doc:
    return {name: value for name, value in rate.items() if name != "deletedAt" and (name != "metadata" or value)}


def get_rate(world: World, call: Call) -> Reply:
    for rate in world.book(call.org_id, call.ledger_id).collection("asset-rates"):
        if rate["externalId"] == call.params[2]:
            return json_reply(200, _rate_shown(rate))
    raise RefusedError("0007")


def list_rates(world: World, call: Call) -> Reply:
    """All rates from an asset; the server does not select by the `to` of the query, but wants codes there, too.

    Raises RefusedError (0004, 0033) for what is no code of an asset.
    """
    query = call.query()
    listing = read_listing(query, world.dialect)
    for text in (call.params[2], *(query["to"].split(",") if "to" in query else ())):
        code = asset_code_rule(text)
        if code is not None:
            raise RefusedError(code)
    rates = [
        rate
        for rate in world.book(call.org_id, call.ledger_id).collection("asset-rates")
        if rate["from"] == call.params[2]
    ]
    items, cursors = by_cursor(rates, lambda rate: str(rate["id"]), listing, world.dialect, kind="asset-rates")
    return json_reply(200, {"items": [_rate_shown(rate) for rate in items], "limit": listing.limit, **cursors})


# ---- ledger settings

_SETTINGS_BYTES_MAX = 64 * 1024


def get_settings(world: World, call: Call) -> Reply:
    return json_reply(200, _settings_of(world, _ledger(world, call)))


def _ledger(world: World, call: Call) -> Doc:
    ledger = world.ledger(call.org_id, call.ledger_id)
    if ledger is None or not world.shows(ledger["id"]):
        raise RefusedError("0007")
    return ledger


def _settings_of(world: World, ledger: Doc) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = ledger["settings"] or world.dialect.ledger_settings
    return found


def patch_settings(world: World, call: Call) -> Reply:
    if len(call.body) > _SETTINGS_BYTES_MAX:
        raise RefusedError("0143")
    try:
        sent = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        raise RefusedError("0094") from None
    if not isinstance(sent, dict):
        raise RefusedError("0094")
    defaults = world.dialect.ledger_settings
    _check_settings(sent, world.dialect)
    ledger = _ledger(world, call)
    changed = {group: dict(values) for group, values in _settings_of(world, ledger).items()}
    for group, values in sent.items():
        if values is None:
            changed[group] = dict(defaults[group])
            continue
        for name, value in values.items():
            changed[group][name] = defaults[group][name] if value is None else value
    kept = None if changed == defaults else changed
    world.save("ledgers", call.org_id, "", {**ledger, "settings": kept, "updatedAt": world.now()[1]})
    return json_reply(200, changed)


def _check_settings(sent: Mapping[str, Any], dialect: Dialect) -> None:
    """Known groups with known settings (0147, 0149) of the right kind (0148), words being known ones (0176)."""
    defaults = dialect.ledger_settings
    switches = {name for group in defaults.values() for name in group}
    for group, values in sent.items():
        if group in switches:
            raise RefusedError("0149")
        if group not in defaults:
            raise RefusedError("0147")
        if values is None:
            continue
        if not isinstance(values, dict):
            raise RefusedError("0148")
        for name, value in values.items():
            if name not in defaults[group]:
                raise RefusedError("0147")
            if value is not None and not _is_like(value, defaults[group][name]):
                raise RefusedError("0148")
            if value is not None and value not in dialect.settings_words.get(name, (value,)):
                raise RefusedError("0176")


def _is_like(value: Any, default: Any) -> bool:
    """Whether a value is of the kind of its default."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    return isinstance(value, int | float if isinstance(default, int) else str)


# ---- accounts by other names


def account_by_alias(world: World, call: Call) -> Reply:
    return _account(world, call, call.params[2])


def account_by_external_code(world: World, call: Call) -> Reply:
    return _account(world, call, f"@external/{call.params[2]}")


def _account(world: World, call: Call, alias: str) -> Reply:
    """Without metadata, which the server looks up under the wrong id here."""
    account = world.book(call.org_id, call.ledger_id).account_by_alias.get(alias)
    if account is None or not world.shows(account["id"]):
        raise RefusedError("0085")
    return json_reply(200, ENTITIES["accounts"].render(world, {**account, "metadata": {}}))


# ---- the server itself


def health(_world: World, _call: Call) -> Reply:
    return text_reply(200, "healthy")


def version(world: World, _call: Call) -> Reply:
    return json_reply(
        200, {"version": world.dialect.version, **world.dialect.version_fields, "requestDate": world.now()[1]}
    )


def ready(world: World, _call: Call) -> Reply:
    parts = (
        "postgres_onboarding",
        "postgres_transaction",
        "mongo_onboarding",
        "mongo_transaction",
        "redis",
        "rabbitmq",
    )
    checks = {part: {"status": "up", "latency_ms": 0, "tls": False} for part in parts}
    return json_reply(
        200, {"status": "healthy", "version": world.dialect.version, "deployment_mode": "local", "checks": checks}
    )
