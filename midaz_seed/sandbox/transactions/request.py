"""Transaction requests, as the general path reads them from a body, and the endpoints that take them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from midaz_seed.sandbox.core import decimals
from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.entities.body_reader import read_body
from midaz_seed.sandbox.entities.body_schema import Field, Schema, is_uuid
from midaz_seed.sandbox.entities.kinds import META

DESCRIPTION_LENGTH_MAX = 256
"""In characters."""


@dataclass(slots=True)
class Leg:
    """The part of one account. Exactly one of `amount`, `share` (percent, percent of that percent) and `remaining` is
    given."""

    alias: str
    key: str = "default"
    amount: Decimal | None = None
    amount_asset: str = ""
    share: tuple[int, int] | None = None
    remaining: str = ""
    description: str = ""
    chart: str = ""
    metadata: dict[str, Any] | None = None
    route: str = ""
    route_id: str | None = None
    rate: dict[str, Any] | None = None


@dataclass(slots=True)
class TransactionRequest:
    """A requested transaction; an inflow and an outflow have their external side already."""

    asset: str
    value: Decimal
    sources: list[Leg]
    destinations: list[Leg]
    description: str = ""
    group: str = ""
    code: str = ""
    pending: bool = False
    route: str = ""
    route_id: str | None = None
    date: datetime | None = None
    metadata: dict[str, Any] | None = field(default=None)
    skips_fees: bool = False
    skips_tracer: bool = False

    def fingerprint(self) -> str:
        """Return the idempotency key of a request that sends none: the same for equal content in any JSON form."""
        legs = [[_leg_content(leg) for leg in side] for side in (self.sources, self.destinations)]
        head = [
            self.asset,
            decimals.text_of(self.value),
            self.description,
            self.group,
            self.code,
            self.pending,
            self.route,
            self.route_id,
        ]
        date = self.date.timestamp() if self.date else None
        content = orjson.dumps(
            [*head, self.skips_fees, self.skips_tracer, date, self.metadata, legs], option=orjson.OPT_SORT_KEYS
        )
        return hashlib.sha256(content).hexdigest()


def _leg_content(leg: Leg) -> list[Any]:
    amount = decimals.text_of(leg.amount) if leg.amount is not None else None
    rate = {name: str(value) for name, value in leg.rate.items()} if leg.rate else None
    texts = [leg.alias, leg.key, leg.amount_asset, leg.remaining, leg.description, leg.chart, leg.route, leg.route_id]
    return [*texts, amount, leg.share, leg.metadata, rate]


def _one_way_each(legs: Sequence[Mapping[str, Any]]) -> str | None:
    for leg in legs:
        if (leg["amount"] is not None) + (leg["share"] is not None) + (leg["remaining"] != "") != 1:
            return "0072"
    return None


_ASSET = Field("asset", required=True, omitempty=True)
_REST = Field("remaining", omitempty=True)
_LEG = (
    Field("accountAlias", omitempty=True),
    Field("balanceKey", omitempty=True, max=100),
    Field("amount", "object?", omitempty=True, fields=(_ASSET, Field("value", "decimal"))),
    Field(
        "share", "object?", omitempty=True,
        fields=(Field("percentage", "int", required=True), Field("percentageOfPercentage", "int", omitempty=True)),
    ),
    Field("remaining", omitempty=True),
    Field(
        "rate", "object?", omitempty=True,
        fields=(
            Field("from", required=True), Field("to", required=True), Field("value", "decimal"),
            Field("externalId", required=True, rules=(is_uuid,)),
        ),
    ),
    Field("description", omitempty=True, max=DESCRIPTION_LENGTH_MAX),
    Field("chartOfAccounts", max=256),
    META,
    Field("isFrom", "bool", omitempty=True),
    Field("route", omitempty=True, max=250),
    Field("routeId", "text", omitempty=True, rules=(is_uuid,), feature="route-id"),
)  # fmt: skip
_SOURCE = Field(
    "source", "object",
    fields=(_REST, Field("from", "list", required=True, omitempty=True, rules=(_one_way_each,), fields=_LEG)),
)  # fmt: skip
_DISTRIBUTE = Field(
    "distribute", "object",
    fields=(_REST, Field("to", "list", required=True, omitempty=True, rules=(_one_way_each,), fields=_LEG)),
)  # fmt: skip
_PENDING = Field("pending", "bool")
_SKIP = Field(
    "skip", "object?", omitempty=True, feature="tracer", fields=(Field("fees", "bool"), Field("tracer", "bool"))
)


def _schema(*sides: Field, pending: bool) -> Schema:
    common = (
        Field("chartOfAccountsGroupName", omitempty=True, max=256),
        Field("description", omitempty=True, max=DESCRIPTION_LENGTH_MAX),
        Field("code", omitempty=True, max=100),
        Field("route", omitempty=True, max=250),
        Field("routeId", "text", omitempty=True, rules=(is_uuid,), feature="route-id"),
        Field("transactionDate", "time", omitempty=True),
        _SKIP,
        META,
        Field(
            "send",
            "object",
            required=True,
            omitempty=True,
            fields=(Field("asset", required=True, omitempty=True), Field("value", "decimal"), *sides),
        ),
    )
    return Schema((*common, _PENDING) if pending else common)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint to which transactions are posted."""

    name: str
    schema: Schema
    operation: str = ""
    """The type of its operations, where it is neither DEBIT nor CREDIT."""
    action: str = "direct"
    """Its name in accounting routes."""
    supports_pending: bool = True
    """Whether `pending` puts money on hold."""
    reads_pending: bool = True
    """Whether `pending` has an effect on the checks, even where nothing is held."""
    is_annotation: bool = False
    """Whether transactions are noted and move no money."""


JSON = Endpoint("json", _schema(_SOURCE, _DISTRIBUTE, pending=True))
INFLOW = Endpoint("inflow", _schema(_DISTRIBUTE, pending=False))
OUTFLOW = Endpoint("outflow", _schema(_SOURCE, pending=True))
ANNOTATION = Endpoint(
    "annotation", _schema(_SOURCE, _DISTRIBUTE, pending=True), supports_pending=False, is_annotation=True
)
BLOCK = Endpoint(
    "block",
    _schema(_SOURCE, _DISTRIBUTE, pending=True),
    operation="BLOCK",
    action="block",
    supports_pending=False,
    reads_pending=False,
)
UNBLOCK = Endpoint(
    "unblock",
    _schema(_SOURCE, _DISTRIBUTE, pending=True),
    operation="UNBLOCK",
    action="unblock",
    supports_pending=False,
    reads_pending=False,
)
ENDPOINTS = {endpoint.name: endpoint for endpoint in (JSON, INFLOW, OUTFLOW, ANNOTATION, BLOCK, UNBLOCK)}


def read_request(endpoint: Endpoint, data: bytes, dialect: Dialect) -> TransactionRequest:
    """Read the body of a transaction.

    Raises:
        RefusedError: as `read_body`.
        FailedError: as `read_body`.
    """
    body = read_body(endpoint.schema, data, dialect)
    send = body["send"]
    skip = body.get("skip") or {}
    external = [Leg(f"@external/{send['asset']}", amount=send["value"], amount_asset=send["asset"])]
    sources = [_leg(leg) for leg in send["source"]["from"]] if "source" in send else external
    destinations = [_leg(leg) for leg in send["distribute"]["to"]] if "distribute" in send else external
    return TransactionRequest(
        asset=send["asset"],
        value=send["value"],
        sources=sources,
        destinations=destinations,
        description=body["description"],
        group=body["chartOfAccountsGroupName"],
        code=body["code"],
        pending=bool(body.values.get("pending", False)),
        route=body["route"],
        route_id=body.values.get("routeId"),
        date=body["transactionDate"],
        metadata=body["metadata"] or None,
        skips_fees=skip.get("fees", False),
        skips_tracer=skip.get("tracer", False),
    )


def _leg(leg: Mapping[str, Any]) -> Leg:
    amount, share = leg["amount"], leg["share"]
    return Leg(
        alias=leg["accountAlias"],
        key=leg["balanceKey"] or "default",
        amount=amount["value"] if amount is not None else None,
        amount_asset=amount["asset"] if amount is not None else "",
        share=(share["percentage"], share["percentageOfPercentage"] or 100) if share is not None else None,
        remaining=leg["remaining"],
        description=leg["description"],
        chart=leg["chartOfAccounts"],
        metadata=leg["metadata"] or None,
        route=leg["route"],
        route_id=leg.get("routeId"),
        rate=leg["rate"],
    )
