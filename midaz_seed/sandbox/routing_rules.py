"""The accounting routes of a transaction, when its ledger checks them."""

from typing import Any

from midaz_seed.sandbox.intents import Intent, Leg
from midaz_seed.sandbox.ledger import Balance
from midaz_seed.sandbox.records import Operation
from midaz_seed.sandbox.refusals import FailedError, RefusedError
from midaz_seed.sandbox.state import Book, Doc


def check_routes(book: Book, intent: Intent, parts: list[tuple[Leg, Balance, bool]]) -> None:
    """Every leg names an operation route of the transaction's route, for its side and its account (0114, 0116 to
    0119)."""
    if not intent.route_id:
        raise RefusedError("0114")
    route = book.collection("transaction-routes").live.get(intent.route_id)
    if route is None:
        raise FailedError(500, "Internal Server Error")
    if any(not leg.route_id for leg, _, _ in parts):
        raise RefusedError("0116")
    known = book.collection("operation-routes").live
    for leg, balance, is_source in parts:
        operation_route = known.get(leg.route_id or "") if leg.route_id in route["operationRoutes"] else None
        if operation_route is None or operation_route["operationType"] not in (
            "source" if is_source else "destination",
            "bidirectional",
        ):
            raise RefusedError("0117")
        _check_account(operation_route["account"], balance)


def _check_account(rule: Doc | None, balance: Balance) -> None:
    if rule is None:
        return
    if rule["ruleType"] == "alias" and rule["validIf"] != balance.alias:
        raise RefusedError("0118")
    if rule["ruleType"] == "account_type" and balance.account_type not in rule["validIf"]:
        raise RefusedError("0119")


def route_texts(book: Book, operation: Operation) -> dict[str, Any]:
    """The code and description that the operation route gives to this side of a direct movement."""
    route = book.collection("operation-routes").live.get(operation.texts.get("i", ""))
    entries = (route["accountingEntries"] or {}) if route is not None else {}
    entry = (entries.get("direct") or {}).get("debit" if operation.is_debit else "credit") or {}
    texts = {"rc": entry.get("code"), "rd": entry.get("description")}
    return {name: value for name, value in texts.items() if value}
