"""The accounting routes of a transaction, for ledgers that check them."""

from collections.abc import Mapping
from typing import Any

from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.ledger import Balance
from midaz_seed.sandbox.core.records import Operation
from midaz_seed.sandbox.entities.body_schema import parse_uuid
from midaz_seed.sandbox.storage.state import EntityDoc, LedgerState
from midaz_seed.sandbox.transactions.request import Leg, TransactionRequest


def check_routes(
    ledger: LedgerState, request: TransactionRequest, parts: list[tuple[Leg, Balance, bool]], action: str
) -> None:
    """Check that the legs use all operation routes of the transaction's route for the action, each one for its side and
    its account.

    Raises:
        RefusedError: 0114 (no route), 0115 (`route` instead of `routeId` is no id), 0157 (the route has nothing for the
            action), 0116 (too few or too many operation routes), 0117 (none, or one of another side), 0118 and 0119
            (another account, or type of account).
        FailedError: 500 for an unknown route, as the real server.
    """
    given = request.route_id or request.route
    if not given:
        raise RefusedError("0114")
    route_id = parse_uuid(given)
    if route_id is None:
        raise RefusedError("0115", entity="")
    route = ledger.collection("transaction-routes").live.get(route_id)
    if route is None:
        raise FailedError(500, "Internal Server Error")
    allowed = _routes_for(ledger, route, action)
    if not allowed:
        raise RefusedError("0157", entity="TransactionRoute")
    _check_count(request, allowed)
    for leg, balance, is_source in parts:
        operation_route = allowed.get(leg.route_id or "")
        side = "source" if is_source else "destination"
        if operation_route is None or operation_route["operationType"] not in (side, "bidirectional"):
            raise RefusedError("0117")
        _check_account(operation_route["account"], balance)


def _routes_for(ledger: LedgerState, route: EntityDoc, action: str) -> dict[str, EntityDoc]:
    """Return the operation routes of a transaction route that take part in an action, by id.

    In a hold, the route of a destination has its entries under the commit.
    """
    known = ledger.collection("operation-routes").live
    found = {}
    for route_id in route["operationRoutes"]:
        operation_route = known.get(route_id)
        if operation_route is None:
            continue
        entries = operation_route["accountingEntries"] or {}
        receives = action == "hold" and operation_route["operationType"] == "destination"
        if ("commit" if receives else action) in entries:
            found[route_id] = operation_route
    return found


def _check_count(request: TransactionRequest, allowed: Mapping[str, EntityDoc]) -> None:
    """Check that every operation route is used (0116); a bidirectional one may be used on both sides."""
    sources = {leg.route_id for leg in request.sources if leg.route_id}
    destinations = {leg.route_id for leg in request.destinations if leg.route_id}
    kinds = [operation_route["operationType"] for operation_route in allowed.values()]
    shared = [
        name for name in sources & destinations if name in allowed and allowed[name]["operationType"] == "bidirectional"
    ]
    used = len(sources) + len(destinations) - len(shared)
    if used != len(allowed) or len(sources) < kinds.count("source") or len(destinations) < kinds.count("destination"):
        raise RefusedError("0116")


def _check_account(rule: EntityDoc | None, balance: Balance) -> None:
    if rule is None:
        return
    if rule["ruleType"] == "alias" and rule["validIf"] != balance.alias:
        raise RefusedError("0118")
    if rule["ruleType"] == "account_type" and balance.account_type not in rule["validIf"]:
        raise RefusedError("0119")


def check_revertible(ledger: LedgerState, operations: list[Operation]) -> None:
    """Check that every operation route of a transaction still exists (0101) and is bidirectional (0150)."""
    known = ledger.collection("operation-routes").live
    for operation in operations:
        route_id = operation.texts.get("i")
        if route_id is None:
            continue
        if route_id not in known:
            raise RefusedError("0101", entity="OperationRoute")
        if known[route_id]["operationType"] != "bidirectional":
            raise RefusedError("0150", entity="RevertTransaction")


def route_texts(ledger: LedgerState, operation: Operation, action: str) -> dict[str, Any]:
    """Return the code and description of the operation route for the operation's side."""
    route = ledger.collection("operation-routes").live.get(operation.texts.get("i", ""))
    entries = (route["accountingEntries"] or {}) if route is not None else {}
    entry = (entries.get(action) or {}).get("debit" if operation.is_debit else "credit") or {}
    texts = {"rc": entry.get("code"), "rd": entry.get("description")}
    return {name: value for name, value in texts.items() if value}
