"""The rules of single kinds of entity: checks beyond the fields, and what is created with an entity."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from midaz_seed.sandbox.core.countries import CURRENCIES
from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.entities.balances import add_balance, delete_account_balances
from midaz_seed.sandbox.entities.body_schema import Body
from midaz_seed.sandbox.entities.kinds import SCENARIOS, asset_code_rule, country_rule
from midaz_seed.sandbox.entities.list_queries import like
from midaz_seed.sandbox.storage.state import EntityDoc, LedgerState, SandboxState

Parts = dict[str, Any]


def plain(state: SandboxState, org_id: str, ledger_id: str, body: Body) -> Parts:
    """Return the values of a body without its metadata; the default of `Hooks.prepare`."""
    return {name: value for name, value in body.values.items() if name != "metadata"}


def _nothing(state: SandboxState, org_id: str, ledger_id: str, doc: EntityDoc) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Hooks:
    """The rules of one kind. Each may raise RefusedError, except `created`, `fill` and `show`.

    All but `fill` and `show` get the ids of organization and ledger, which are "" where the kind has no such parent.
    """

    prepare: Callable[[SandboxState, str, str, Body], Parts] = plain
    """Returns the entity's own fields from the body of a create."""
    fill: Callable[[EntityDoc], None] = lambda doc: None
    """Sets the fields that depend on the new id."""
    created: Callable[[SandboxState, str, str, EntityDoc], None] = _nothing
    """Creates what belongs to the new entity."""
    check_patch: Callable[[SandboxState, str, str, EntityDoc, Parts], None] = lambda *_: None
    check_delete: Callable[[SandboxState, str, str, EntityDoc], None] = _nothing
    show: Callable[[SandboxState, EntityDoc], EntityDoc] = lambda state, doc: doc


def _status(body: Body) -> Parts:
    status = body["status"]
    return {"code": status["code"] or "ACTIVE", "description": status["description"]}


def _with_status(state: SandboxState, org_id: str, ledger_id: str, body: Body) -> Parts:
    return {**plain(state, org_id, ledger_id, body), "status": _status(body)}


# ---- organizations and ledgers


def _organization(state: SandboxState, org_id: str, ledger_id: str, body: Body) -> Parts:
    address = body["address"]
    if country_rule(address, required=state.dialect.country_required):
        raise RefusedError("0032")
    parent = body["parentOrganizationId"]
    if parent is not None and not state.organizations.exists_or_deleted(parent):
        raise RefusedError("0039")
    shown = {key: text for key, text in address.items() if key != "description" or text}
    return {
        "parentOrganizationId": parent,
        "legalName": body["legalName"],
        "doingBusinessAs": body["doingBusinessAs"],
        "legalDocument": body["legalDocument"],
        "address": shown,
        "status": _status(body),
    }


def _organization_patch(state: SandboxState, org_id: str, ledger_id: str, doc: EntityDoc, changes: Parts) -> None:
    if "address" in changes and country_rule(changes["address"]):
        raise RefusedError("0032")
    parent = changes.get("parentOrganizationId")
    if parent == doc["id"]:
        raise RefusedError("0091")
    if parent is not None and not state.organizations.exists_or_deleted(parent):
        raise RefusedError("0039")


def _organization_created(state: SandboxState, org_id: str, ledger_id: str, doc: EntityDoc) -> None:
    """Create the holder that an organization is itself."""
    if not state.dialect.has("holders"):
        return
    epoch_s, stamp = state.now()
    holder = dict.fromkeys(("externalId", "addresses", "contact", "naturalPerson", "legalPerson"))
    own = {"type": "LEGAL_PERSON", "name": doc["legalName"], "document": doc["legalDocument"], "isSelf": True}
    stamps: Parts = {"createdAt": stamp, "updatedAt": stamp, "deletedAt": None, "metadata": {}}
    state.save("holders", doc["id"], "", {"id": state.new_id(epoch_s), **holder, **own, **stamps})


def _ledger(state: SandboxState, org_id: str, ledger_id: str, body: Body) -> Parts:
    settings = body.get("settings")
    for name, words in state.dialect.settings_words.items():
        if settings is not None and settings["tracer"][name] not in words:
            raise RefusedError("0176")
    return {
        "name": body["name"],
        "status": _status(body),
        "settings": None if settings == state.dialect.ledger_settings else settings,
    }


# ---- assets and accounts


def _asset(state: SandboxState, org_id: str, ledger_id: str, body: Body) -> Parts:
    if body["type"] not in state.dialect.asset_types:
        raise RefusedError("0040")
    code = asset_code_rule(body["code"])
    if code is not None:
        raise RefusedError(code)
    if body["type"] in state.dialect.currency_types and body["code"] not in CURRENCIES:
        raise RefusedError("0005")
    assets = state.ledger_state(org_id, ledger_id).collection("assets")
    if any(asset["code"] == body["code"] for asset in assets):
        raise RefusedError("0003")
    return {"name": body["name"], "type": body["type"], "code": body["code"], "status": _status(body)}


def _asset_created(state: SandboxState, org_id: str, ledger_id: str, doc: EntityDoc) -> None:
    """Create the external account of an asset, with its balance."""
    code = doc["code"]
    ledger = state.ledger_state(org_id, ledger_id)
    alias = f"@external/{code}"
    if alias in ledger.account_by_alias:
        return
    epoch_s, stamp = state.now()
    account: EntityDoc = {
        "id": state.new_id(epoch_s), "name": f"External {code}", "parentAccountId": None, "entityId": None,
        "assetCode": code,
        "organizationId": org_id, "ledgerId": ledger_id, "portfolioId": None, "segmentId": None,
        "status": {"code": "external", "description": f"Account external created by asset: {code}"},
        "alias": alias, "type": "external", "blocked": False, "holderId": None, "holderCheckSkipped": False,
        "createdAt": stamp, "updatedAt": stamp, "deletedAt": None, "metadata": {},
    }  # fmt: skip
    state.save("accounts", org_id, ledger_id, account)
    add_balance(state, account, "default", delayed=True)


def _asset_delete(state: SandboxState, org_id: str, ledger_id: str, doc: EntityDoc) -> None:
    if not state.dialect.asset_deletable:
        raise FailedError(500, "Internal Server Error")
    account = state.ledger_state(org_id, ledger_id).account_by_alias.get(f"@external/{doc['code']}")
    if account is not None:
        state.save("accounts", org_id, ledger_id, {**account, "deletedAt": state.now()[1]})


def _account(state: SandboxState, org_id: str, ledger_id: str, body: Body) -> Parts:
    dialect, said = state.dialect, body.values
    ledger_doc = state.ledger_doc(org_id, ledger_id)
    if ledger_doc is None and dialect.account_needs_ledger:
        raise RefusedError("0007", entity="Ledger")
    ledger = state.ledger_state(org_id, ledger_id)
    kind = said["type"].lower()
    if not dialect.external_type_allowed and "external" in kind:
        raise RefusedError("0066")
    if kind == "external" and said["alias"] is None:
        raise RefusedError("0009")
    settings = ledger_doc["settings"] if ledger_doc is not None else None
    checked = settings is not None and settings["accounting"]["validateAccountType"] and kind != "external"
    if checked and not any(known["keyValue"] == kind for known in ledger.collection("account-types")):
        raise RefusedError("0066")
    if said["assetCode"] not in [asset["code"] for asset in ledger.collection("assets")]:
        raise RefusedError("0034")
    entity = said["entityId"]
    if said["portfolioId"] is not None and not entity:  # the server looks it up for its entity alone
        portfolio = ledger.collection("portfolios").live.get(said["portfolioId"])
        if portfolio is None:
            raise RefusedError("0007", entity="Portfolio")
        entity = portfolio["entityId"]
    if said["parentAccountId"] is not None:
        parent = ledger.collection("accounts").live.get(said["parentAccountId"])
        if parent is None:
            raise RefusedError("0029")
        if parent["assetCode"] != said["assetCode"]:
            raise RefusedError("0030")
    holder_id, holder_check_skipped = _holder_of(state, org_id, body, settings) if kind != "external" else (None, False)
    if said["alias"] is not None:
        _check_alias(ledger, said["alias"])
    if said["portfolioId"] is not None and not ledger.collection("portfolios").exists_or_deleted(said["portfolioId"]):
        raise RefusedError("0035")
    if said["segmentId"] is not None and not ledger.collection("segments").exists_or_deleted(said["segmentId"]):
        raise RefusedError("0036")
    return {
        # (midaz-behaviour: account-names)
        "name": said["name"] or f"{said['assetCode']} {kind if kind == 'external' else said['type']} account",
        "parentAccountId": said["parentAccountId"], "entityId": entity, "assetCode": said["assetCode"],
        "portfolioId": said["portfolioId"], "segmentId": said["segmentId"], "status": _status(body),
        "alias": said["alias"], "type": kind, "blocked": bool(said.get("blocked")),
        "holderId": holder_id, "holderCheckSkipped": holder_check_skipped,
    }  # fmt: skip


def _check_alias(ledger: LedgerState, alias: str) -> None:
    """Refuse an alias that matches an existing one as a LIKE pattern; a look-up is enough for one without wildcard."""
    aliases = ledger.account_by_alias
    taken = alias in aliases
    if not taken and "_" in alias:
        taken = any(map(like(alias), aliases))
    if taken:
        raise RefusedError("0020")


def _holder_of(
    state: SandboxState, org_id: str, body: Body, settings: Mapping[str, Any] | None
) -> tuple[str | None, bool]:
    """Return the id of the account's holder, by default the organization's own, and whether its look-up was skipped.

    Raises:
        RefusedError: 0490, 0491, CRM-0006.
    """
    if not state.dialect.has("holders"):
        return None, False
    chosen = body["holderId"].lower() if body["holderId"] else None
    skips = bool(body["skip"] and body["skip"]["holder"])
    if skips and (settings is None or not settings["overrides"]["allowHolderSkip"]):
        raise RefusedError("0490")
    holders = state.collection_of("holders", org_id, "")
    if settings is not None and settings["accounting"]["requireHolder"] and not skips:
        if chosen is None:
            raise RefusedError("0491")
        if chosen not in holders.live:
            raise RefusedError("CRM-0006")
    own = next((holder["id"] for holder in holders if holder.get("isSelf")), None)
    return chosen or own, skips


def _account_fill(doc: EntityDoc) -> None:
    if doc["alias"] is None:
        doc["alias"] = doc["id"]


def _account_created(state: SandboxState, org_id: str, ledger_id: str, doc: EntityDoc) -> None:
    add_balance(state, doc, "default", delayed=True)


def _account_patch(state: SandboxState, org_id: str, ledger_id: str, doc: EntityDoc, changes: Parts) -> None:
    if doc["type"] == "external":
        raise RefusedError("0074")
    ledger = state.ledger_state(org_id, ledger_id)
    for name, kind, code in (("portfolioId", "portfolios", "0035"), ("segmentId", "segments", "0036")):
        if changes.get(name) is not None and not ledger.collection(kind).exists_or_deleted(changes[name]):
            raise RefusedError(code)


def _account_delete(state: SandboxState, org_id: str, ledger_id: str, doc: EntityDoc) -> None:
    if doc["type"] == "external":
        raise RefusedError("0074")
    if state.dialect.account_deletion_checks_balances:
        delete_account_balances(state, state.ledger_state(org_id, ledger_id), doc["id"])


def _account_type(state: SandboxState, org_id: str, ledger_id: str, body: Body) -> Parts:
    key = body["keyValue"].lower()
    if any(known["keyValue"] == key for known in state.ledger_state(org_id, ledger_id).collection("account-types")):
        raise RefusedError("0108")
    return {"name": body["name"], "description": body["description"], "keyValue": key}


# ---- routes


def _operation_route(state: SandboxState, org_id: str, ledger_id: str, body: Body) -> Parts:
    if body["operationType"].lower() not in state.dialect.operation_types:
        raise RefusedError("0103")
    _check_account_rule(body["account"])
    entries = body.get("accountingEntries")
    _check_entries(body["operationType"].lower(), entries)
    own = {name: body[name] for name in ("title", "description", "code")}
    return {
        **own,
        "operationType": body["operationType"].lower(),
        "accountingEntries": without_empty(entries),
        "account": body["account"],
    }


def _check_account_rule(rule: Mapping[str, Any] | None) -> None:
    if rule is None:
        return
    kind, valid = rule["ruleType"].lower(), rule["validIf"]
    if not kind and valid is None:
        return
    if not kind or valid is None:
        raise RefusedError("0009", situation="incomplete rule")
    if kind not in ("alias", "account_type"):
        raise RefusedError("0111")
    of_form = isinstance(valid, str) if kind == "alias" else _are_texts(valid)
    if not of_form:
        raise RefusedError("0112")


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _check_entries(operation_type: str, entries: Mapping[str, Any] | None) -> None:
    if not entries:
        return
    given = {name for name in SCENARIOS if entries[name] is not None}
    if not given:
        return
    if "revert" in given and operation_type != "bidirectional":
        raise RefusedError("0165")
    if operation_type == "destination" and given & {"hold", "cancel"}:
        raise RefusedError("0162")
    if (
        operation_type != "destination"
        and given & {"hold", "commit", "cancel"}
        and not {"hold", "commit", "cancel"} <= given
    ):
        raise RefusedError("0163")
    if "direct" not in given:
        raise RefusedError("0164")
    if any(entries[name]["debit"] is None or entries[name]["credit"] is None for name in given):
        raise RefusedError("0166")


def without_empty(value: Any) -> Any:
    """Return an object without its empty parts; None when nothing is left."""
    if isinstance(value, dict):
        return {name: without_empty(inner) for name, inner in value.items() if inner not in (None, "")} or None
    return value


def _operation_route_patch(state: SandboxState, org_id: str, ledger_id: str, doc: EntityDoc, changes: Parts) -> None:
    _check_account_rule(changes.get("account"))
    if "accountingEntries" in changes:
        _check_entries(doc["operationType"], changes["accountingEntries"])
        changes["accountingEntries"] = {
            **(doc["accountingEntries"] or {}),
            **(without_empty(changes["accountingEntries"]) or {}),
        }


def _operation_route_delete(state: SandboxState, org_id: str, ledger_id: str, doc: EntityDoc) -> None:
    routes = state.ledger_state(org_id, ledger_id).collection("transaction-routes")
    if any(doc["id"] in route["operationRoutes"] for route in routes):
        raise RefusedError("0107")


def _check_composition(state: SandboxState, org_id: str, ledger_id: str, route_ids: list[str]) -> None:
    known = state.ledger_state(org_id, ledger_id).collection("operation-routes").live
    routes = [known.get(route_id) for route_id in route_ids]
    if any(route is None for route in routes):
        raise RefusedError("0101")
    kinds = {route["operationType"] for route in routes if route is not None}
    if not kinds & {"source", "bidirectional"}:
        raise RefusedError("0153")
    if not kinds & {"destination", "bidirectional"}:
        raise RefusedError("0154")


def _transaction_route(state: SandboxState, org_id: str, ledger_id: str, body: Body) -> Parts:
    _check_composition(state, org_id, ledger_id, body["operationRoutes"])
    return {"title": body["title"], "description": body["description"], "operationRoutes": body["operationRoutes"]}


def _transaction_route_patch(state: SandboxState, org_id: str, ledger_id: str, doc: EntityDoc, changes: Parts) -> None:
    if "operationRoutes" in changes:
        _check_composition(state, org_id, ledger_id, changes["operationRoutes"])


def _transaction_route_show(state: SandboxState, doc: EntityDoc) -> EntityDoc:
    known = state.ledger_state(doc["organizationId"], doc["ledgerId"]).collection("operation-routes").live
    shown = []
    for route_id in doc["operationRoutes"]:
        route = known[route_id]
        shown.append({key: value for key, value in route.items() if value or key == "deletedAt"})
    return {**doc, "operationRoutes": shown}


HOOKS = {
    "organizations": Hooks(prepare=_organization, created=_organization_created, check_patch=_organization_patch),
    "ledgers": Hooks(prepare=_ledger),
    "assets": Hooks(prepare=_asset, created=_asset_created, check_delete=_asset_delete),
    "portfolios": Hooks(prepare=_with_status),
    "segments": Hooks(prepare=_with_status),
    "account-types": Hooks(prepare=_account_type),
    "accounts": Hooks(
        prepare=_account,
        fill=_account_fill,
        created=_account_created,
        check_patch=_account_patch,
        check_delete=_account_delete,
    ),
    "operation-routes": Hooks(
        prepare=_operation_route, check_patch=_operation_route_patch, check_delete=_operation_route_delete
    ),
    "transaction-routes": Hooks(
        prepare=_transaction_route, check_patch=_transaction_route_patch, show=_transaction_route_show
    ),
}
