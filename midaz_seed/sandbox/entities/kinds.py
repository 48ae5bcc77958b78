"""The entities as data: the fields of their bodies, and how their lists behave.

The rules of single kinds (an asset has an external account, an account a default balance) are in `kind_rules`.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from midaz_seed.sandbox.core.countries import COUNTRIES
from midaz_seed.sandbox.entities.body_schema import Field, Rule, Schema, is_uuid, parse_uuid

_ALIAS = re.compile(r"[a-zA-Z0-9@:_-]+")
_KEY_VALUE = re.compile(r"[a-zA-Z0-9_-]+")


def _matches(pattern: re.Pattern[str], code: str) -> Rule:
    return lambda text: None if pattern.fullmatch(text) else code


def _alias_prefix(text: str) -> str | None:
    return "0047" if "@external/" in text else None


def country_rule(address: Mapping[str, Any], *, required: bool = False) -> str | None:
    """Check that an address that is not empty, or any when `required`, has an upper-case ISO 3166 country."""
    return "0032" if (required or any(address.values())) and address["country"] not in COUNTRIES else None


def asset_code_rule(code: str) -> str | None:
    """Check that a code consists of letters of any alphabet (0033), all upper-case (0004)."""
    if not all(unicodedata.category(character).startswith("L") for character in code):
        return "0033"
    return None if all(unicodedata.category(character) == "Lu" for character in code) else "0004"


def _not_negative(number: int) -> str | None:
    return "0047" if number < 0 else None


def _no_blanks(text: str) -> str | None:
    return "0047" if any(character.isspace() for character in text) else None


STATUS = Field("status", "object", fields=(Field("code", max=100), Field("description", "text", max=256)))
ADDRESS = Field(
    "address",
    "object",
    fields=(
        Field("line1"),
        Field("line2", "text"),
        Field("zipCode"),
        Field("city"),
        Field("state"),
        Field("country"),
        Field("description", omitempty=True, max=100, feature="address-description"),
    ),
)
META_NEW = Field("metadata", "meta")
META = Field("metadata", "meta", nulls=True)
AN_ID = (is_uuid,)
_SWITCHES = Field(
    "accounting",
    "object",
    fields=(
        Field("validateAccountType", "bool"),
        Field("validateRoutes", "bool"),
        Field("requireHolder", "bool", feature="holders"),
    ),
)
_TRACER = Field(
    "tracer", "object", feature="tracer", fields=(Field("mode"), Field("failPosture"), Field("timeoutMs", "int"))
)
_OVERRIDES = Field(
    "overrides",
    "object",
    feature="tracer",
    fields=(Field("allowFeeSkip", "bool"), Field("allowTracerSkip", "bool"), Field("allowHolderSkip", "bool")),
)
_SETTINGS = Field(
    "settings", "object?", omitempty=True, feature="ledger-settings",
    fields=(_SWITCHES, _TRACER, _OVERRIDES),
)  # fmt: skip

_ENTRY_SIDE = (Field("code", omitempty=True, max=50), Field("description", required=True, max=250))
SCENARIOS = ("direct", "hold", "commit", "cancel", "revert", "overdraft", "block", "unblock")
_ENTRIES = Field(
    "accountingEntries", "object?", omitempty=True, feature="route-entries",
    fields=tuple(
        Field(name, "object?", omitempty=True, fields=(
            Field("debit", "object?", omitempty=True, fields=_ENTRY_SIDE),
            Field("credit", "object?", omitempty=True, fields=_ENTRY_SIDE),
        ))
        for name in SCENARIOS
    ),
)  # fmt: skip
_RULE = Field(
    "account",
    "object?",
    omitempty=True,
    fields=(Field("ruleType", omitempty=True), Field("validIf", "raw", omitempty=True)),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entity."""

    name: str
    """Its name in the path."""
    create: Schema
    patch: Schema
    not_found: str
    no_match: str
    """The code of a list by metadata without a match; "" when that is an empty list."""
    paging: Literal["page", "cursor"]
    filters: Mapping[str, "Filter"]
    omit_empty: tuple[str, ...] = ()
    """Fields that an answer omits when they are empty."""
    clearable: tuple[str, ...] = ()
    """Fields that null in a PATCH empties."""
    hidden: tuple[str, ...] = ()
    """Fields that no answer shows."""
    countable: bool = True
    """Whether they can be counted, when they are paged by number."""
    names_exclude_metadata: bool = False
    """Whether filters by name and by metadata exclude each other."""
    offset_applied_twice: bool = False
    """Whether a list by metadata has only a first page: the real server applies the offset twice."""
    unique_field: str = ""
    unique_code: str = ""
    unique_ignores_case: bool = False
    unknown_parent: str = "0037"
    """The code for an unknown parent of a new entity; "" when the parent is not checked."""
    fields_by_feature: Mapping[str, str] = field(default_factory=dict)
    """Field -> the feature of versions whose answers have it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A query parameter of a list."""

    test: Callable[[Mapping[str, Any], str], bool]
    allowed: Callable[[str], bool] = lambda _: True
    """Whether a value is allowed; any other is 0082."""
    is_id: bool = False
    feature: str = ""
    """Only versions with this feature have it."""


def _prefix(name: str) -> Filter:
    return Filter(lambda doc, text: (doc[name] or "").lower().startswith(text.lower()))


def equals(name: str, change: Callable[[str], str] = str) -> Filter:
    """Return a filter for entities whose field equals the text, after `change`."""
    return Filter(lambda doc, text: doc[name] == change(text))


def _by_id(name: str) -> Filter:
    return Filter(
        lambda doc, text: doc[name] == parse_uuid(text), lambda text: parse_uuid(text) is not None, is_id=True
    )


def _status(*codes: str) -> Filter:
    return Filter(lambda doc, text: doc["status"]["code"] == text.upper(), lambda text: text.upper() in codes)


_STATUS_2 = _status("ACTIVE", "INACTIVE")
_SKIP_HOLDER = Field("skip", "object?", omitempty=True, feature="holders", fields=(Field("holder", "bool"),))
NAME = Field("name", required=True, max=256)
NAME_PATCH = Field("name", max=256)

ORGANIZATIONS = Kind(
    "organizations",
    Schema((
        Field("legalName", required=True, max=256),
        Field("parentOrganizationId", "text", rules=AN_ID),
        Field("doingBusinessAs", "text", max=256),
        Field("legalDocument", required=True, max=256),
        ADDRESS, STATUS, META_NEW,
    )),
    Schema((
        Field("legalName", max=256), Field("parentOrganizationId", "text", rules=AN_ID),
        Field("doingBusinessAs", "text", max=256),
        ADDRESS, STATUS, META,
    )),
    "0007", "0059", "page",
    {
        "legal_name": _prefix("legalName"), "doing_business_as": _prefix("doingBusinessAs"),
        "legal_document": equals("legalDocument"), "status": _STATUS_2,
    },
    names_exclude_metadata=True, offset_applied_twice=True,
)  # fmt: skip

LEDGERS = Kind(
    "ledgers", Schema((NAME, STATUS, _SETTINGS, META_NEW)), Schema((NAME_PATCH, STATUS, META)), "0007", "0060",
    "page",
    {"name": _prefix("name"), "status": _STATUS_2}, omit_empty=("settings",), names_exclude_metadata=True,
    offset_applied_twice=True,
    unique_field="name", unique_code="0002", unique_ignores_case=True, unknown_parent="0038",
)  # fmt: skip

ASSETS = Kind(
    "assets",
    Schema((NAME, Field("type", required=True), Field("code", required=True, max=100), STATUS, META_NEW)),
    Schema((NAME_PATCH, STATUS, META)), "0007", "0056", "page", {}, unique_field="name", unique_code="0003",
)  # fmt: skip

PORTFOLIOS = Kind(
    "portfolios",
    Schema((Field("entityId", max=256), NAME, STATUS, META_NEW)),
    Schema((Field("entityId", max=256), NAME_PATCH, STATUS, META)), "0007", "0058", "page",
    {"entity_id": equals("entityId"), "status": _STATUS_2}, omit_empty=("entityId",), offset_applied_twice=True,
)  # fmt: skip

SEGMENTS = Kind(
    "segments", Schema((NAME, STATUS, META_NEW)), Schema((NAME_PATCH, STATUS, META)), "0007", "0057", "page", {},
    unique_field="name", unique_code="0015",
)  # fmt: skip

ACCOUNT_TYPES = Kind(
    "account-types",
    Schema((
        Field("name", required=True, max=100), Field("description", omitempty=True, max=500),
        Field("keyValue", required=True, max=50, rules=(_matches(_KEY_VALUE, "0120"),)), META_NEW,
    )),
    Schema((Field("name", omitempty=True, max=100), Field("description", omitempty=True, max=500), META)),
    "0109", "", "cursor", {"key_value": equals("keyValue", str.lower)}, omit_empty=("description",),
)  # fmt: skip

ACCOUNTS = Kind(
    "accounts",
    Schema((
        Field("name", max=256), Field("parentAccountId", "text", rules=AN_ID), Field("entityId", "text", max=256),
        Field("assetCode", required=True, max=100), Field("portfolioId", "text", rules=AN_ID),
        Field("segmentId", "text", rules=AN_ID),
        STATUS, Field("alias", "text", max=100, rules=(_alias_prefix, _matches(_ALIAS, "0096"))),
        Field("type", required=True, max=256),
        Field("blocked", "bool?", omitempty=True, feature="blocked"),
        Field("holderId", "text", omitempty=True, rules=AN_ID, feature="holders"), _SKIP_HOLDER, META_NEW,
    )),
    Schema((
        Field("name", max=256), Field("segmentId", "text", rules=AN_ID), Field("portfolioId", "text", rules=AN_ID),
        Field("entityId", "text", max=256), STATUS, Field("blocked", "bool?", omitempty=True, feature="blocked"), META,
    )),
    "0007", "0064", "page",
    {
        "portfolio_id": _by_id("portfolioId"), "segment_id": _by_id("segmentId"),
        "parent_account_id": _by_id("parentAccountId"),
        "status": _status("ACTIVE", "INACTIVE", "BLOCKED"), "type": equals("type", str.lower),
        "asset_code": equals("assetCode", str.upper),
        "entity_id": equals("entityId"), "name": _prefix("name"), "alias": _prefix("alias"),
        "holder_id": replace(_by_id("holderId"), feature="holders"),
        "blocked": Filter(lambda doc, text: doc["blocked"] is (text.lower() in ("true", "1", "t"))),
    },
    clearable=("segmentId", "portfolioId", "entityId"), unknown_parent="0007", offset_applied_twice=True,
    fields_by_feature={"blocked": "blocked", "holderId": "holders", "holderCheckSkipped": "holders"},
)  # fmt: skip

OPERATION_ROUTES = Kind(
    "operation-routes",
    Schema((
        Field("title", required=True, max=255), Field("description", omitempty=True, max=250),
        Field("code", omitempty=True, max=100),
        Field("operationType", required=True), _RULE, _ENTRIES, META,
    )),
    Schema((
        Field("title", omitempty=True, max=255), Field("description", omitempty=True, max=250),
        Field("code", omitempty=True, max=100),
        _RULE, _ENTRIES, META,
    )),
    "0101", "", "cursor", {}, omit_empty=("description", "code", "account", "accountingEntries"), unknown_parent="",
)  # fmt: skip

TRANSACTION_ROUTES = Kind(
    "transaction-routes",
    Schema((
        Field("title", required=True, max=255), Field("description", omitempty=True, max=250),
        Field("operationRoutes", "list", required=True, omitempty=True), META,
    )),
    Schema((
        Field("title", omitempty=True, max=255), Field("description", omitempty=True, max=250),
        Field("operationRoutes", "list", omitempty=True), META,
    )),
    "0105", "", "cursor", {}, omit_empty=("description",), unknown_parent="",
)  # fmt: skip

KINDS = {
    kind.name: kind
    for kind in (
        ORGANIZATIONS, LEDGERS, ASSETS, PORTFOLIOS, SEGMENTS, ACCOUNT_TYPES, ACCOUNTS, OPERATION_ROUTES,
        TRANSACTION_ROUTES,
    )
}  # fmt: skip

BALANCE_SETTINGS = Field(
    "settings", "object?", omitempty=True, feature="balance-settings",
    fields=(
        Field("balanceScope", omitempty=True), Field("allowOverdraft", "bool"), Field("overdraftLimitEnabled", "bool"),
        Field("overdraftLimit", "text", omitempty=True),
    ),
)  # fmt: skip
BALANCE_PATCH = Schema((Field("allowSending", "bool?"), Field("allowReceiving", "bool?"), BALANCE_SETTINGS))
BALANCE_NEW = Schema((
    Field("key", required=True, max=100, rules=(_no_blanks,)),
    Field("allowSending", "bool?"), Field("allowReceiving", "bool?"),
    Field("direction", "text", omitempty=True, feature="balance-settings"),
    BALANCE_SETTINGS,
))  # fmt: skip
ASSET_RATE = Schema((
    Field("from", required=True), Field("to", required=True), Field("rate", "int", required=True),
    Field("scale", "int", omitempty=True, rules=(_not_negative,)), Field("source", "text", omitempty=True),
    Field("ttl", "int?", omitempty=True), Field("externalId", "text", omitempty=True, rules=AN_ID), META,
))  # fmt: skip
DESCRIPTION_PATCH = Schema((Field("description", max=256), META))
