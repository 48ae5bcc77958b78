"""The differences between the Midaz versions that the sandbox imitates, as data.

A handler reads a trait of the dialect, never a version. Another version is another `Dialect` value. The facts come from
recorded exchanges with a real v3.3.15, v3.8.0 and v4.0.0-beta.11. A trait's default is the behaviour of v3.8.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from midaz_seed.sandbox.core.records import Amounts

Empty = Literal["null", "[]"]
Service = Literal["onboarding", "transaction"]

SERVICES: Mapping[str, Service] = {
    "organizations": "onboarding", "ledgers": "onboarding", "assets": "onboarding", "portfolios": "onboarding",
    "segments": "onboarding", "accounts": "onboarding", "account-types": "onboarding",
    "balances": "transaction", "transactions": "transaction", "operations": "transaction",
    "asset-rates": "transaction", "operation-routes": "transaction", "transaction-routes": "transaction",
    "holders": "onboarding", "instruments": "onboarding",
}  # fmt: skip
"""Group of endpoints -> the service that serves it, in versions with two; both serve health and version."""
GROUPS = frozenset({*SERVICES, "service"})
"""The groups of endpoints that fault plans and statistics name."""


def _all_amounts(before: Amounts, after: Amounts) -> str:
    return (
        f'"balance":{{"available":"{before[0]}","onHold":"{before[1]}",'
        f'"version":{before[2]},"overdraftUsed":"{before[3]}"}},'
        f'"balanceAfter":{{"available":"{after[0]}","onHold":"{after[1]}",'
        f'"version":{after[2]},"overdraftUsed":"{after[3]}"}}'
    )


def _two_amounts(before: Amounts, after: Amounts) -> str:
    return (
        f'"balance":{{"available":"{before[0]}","onHold":"{before[1]}"}},'
        f'"balanceAfter":{{"available":"{after[0]}","onHold":"{after[1]}"}}'
    )


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """The behaviour of one server version."""

    name: str
    """Its name on the command line."""
    version: str
    """The version in the answer of `GET /version`."""
    version_fields: Mapping[str, Any] = field(default_factory=dict)
    """The other fields of that answer."""
    features: frozenset[str] = frozenset()
    """The endpoints and fields that not every version has, by name: see `_FEATURES`."""
    separate_services: bool = False
    """Whether onboarding and transaction are two services with a port each."""

    # ---- errors
    error_shape: Literal["title", "problem"] = "title"
    """`title`: {code, title, message}, with `fields` for 0009, 0047 and 0053. `problem`: RFC 9457, with `errors` for
    these codes."""
    framework_error_shape: Literal["error", "title", "problem"] = "title"
    """For an unknown path, a wrong method, an internal error. `error`: {error: text}. `title`: a numeric code."""
    error_content_type: str = "application/json"
    plain_json_codes: frozenset[str] = frozenset()
    """The codes whose answers are `application/json` nevertheless."""
    names_entities: bool = False
    """Whether every business error names the kind of entity, or the server's function, that it comes from."""
    entity_by_code: Mapping[str, str] = field(default_factory=lambda: {"0144": "request", "0145": "request"})
    """Code -> `entityType` of the error (midaz-behaviour: entity-types-of-errors); "" for none.
    With `names_entities`, codes that are missing here have the
    endpoint's."""
    empty_body_nameless: bool = False
    """Whether an empty body is refused without a code; else with 0094 (no JSON)."""
    status_by_code: Mapping[str, int] = field(default_factory=dict)
    """Code -> HTTP status, where it differs from the table in `error_codes`."""
    code_instead: Mapping[str, str] = field(default_factory=dict)
    """Code -> the code that this version has instead."""
    failing: frozenset[tuple[str, str, str]] = frozenset()
    """(method, group of endpoints, code): refusals for which this version answers with an internal error."""
    replay_header_on_errors: bool = True
    """Whether errors from the claim of the idempotency key on carry `X-Idempotency-Replayed: false`, also an error of
    the claim itself (midaz-behaviour: headers-of-refusals)."""
    head_answers_as_get: bool = True
    """Whether HEAD of a path below /v1 that has GET is answered as GET, without the body; else it is a 404, although
    `Allow` names it."""

    # ---- bodies
    body_bytes_max: int = 4 * 1024 * 1024
    """Of a body for a handler; the framework itself refuses those above 4 MiB."""
    metadata_keys_max: int | None = 100
    """Of a whole body; None: no limit."""
    nesting_depth_max: int | None = 11
    """Depth of nested objects, including the body; None: no limit."""
    nulls_are_absent: bool = True
    """Whether null in a field that the server omits when empty counts as no field; else it is 0053."""
    dates: Literal["loose", "rfc3339"] = "loose"
    """Of transactions. `loose`: zone and time may be missing, up to three decimals. `rfc3339`: only that form, and as
    the server would write it: no zeros at the end of a fraction, `Z` for UTC."""
    send_is_pointer: bool = False
    """Whether a transaction without `send` lacks that field alone; else the fields that would be in it
    (midaz-behaviour: missing-legs)."""
    lengths: Mapping[str, int] = field(default_factory=dict)
    """Field -> the longest text in characters, where it differs."""
    too_long_code: Mapping[str, str] = field(default_factory=dict)
    """Field -> the code for a text that is too long, where it is not 0047."""
    country_required: bool = False
    """Whether an organization needs a country."""

    # ---- lists
    offset_list_empty: Empty = "null"
    """`items` of an empty list paged by number."""
    cursor_list_empty: Mapping[str, Empty] = field(
        default_factory=lambda: {
            "account-types": "null",
            "balances": "[]",
            "transactions": "[]",
            "operations": "[]",
            "operation-routes": "null",
            "transaction-routes": "null",
            "asset-rates": "[]",
        }
    )
    """`items` of each empty list paged by cursor."""
    first_page_leads_on: bool = False
    """Whether the first page has a next cursor when it is reached backwards; else it has only a previous one, which
    leads to nothing."""
    first_page_has_next: frozenset[str] = frozenset()
    """Lists by cursor whose first page always has a next cursor."""
    cursor_lists_with_page: frozenset[str] = frozenset({"account-types"})
    """Lists by cursor that show a page number nevertheless."""
    bare_route_lists: bool = False
    """Whether lists of transaction routes omit the operation routes."""
    filters: frozenset[str] | None = None
    """The parameters of lists that have an effect; None: all."""
    metadata_match_required: bool = True
    """Whether a list by metadata without a match is a 404."""
    metadata_pages_descend: bool = False
    """Whether a list by metadata is cut into pages from the oldest item and each page is shown in descending order,
    whatever the requested order."""
    checks_numbers: bool = True
    """Whether a page or limit below 1 or without digits is refused (0082)."""
    checks_dates: bool = True
    """Whether an invalid date is refused (0131); else it is ignored, and only plain dates are valid."""
    date_window_months: int = 3
    """Lists without dates omit transactions and operations that are older than this."""
    date_window_hides_operations: bool = False
    """Whether a read of one older transaction omits its operations."""
    page_limit_default: int = 10
    page_limit_max: int = 100

    # ---- entities
    asset_types: tuple[str, ...] = ("crypto", "currency", "commodity", "others")
    currency_types: tuple[str, ...] = ("currency",)
    """The types of asset whose code must be that of a currency."""
    asset_deletable: bool = True
    external_type_allowed: bool = True
    """Whether an account may have the type `external`; else no type may contain that word (0066)."""
    account_needs_ledger: bool = True
    """Whether an account's ledger is looked up before its asset."""
    account_deletion_checks_balances: bool = True
    """Whether an account with money or recent movements cannot be deleted (0012); else it can, its balances stay."""
    echoed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Kind -> the fields that a 201 shows as they were sent, although they are stored in another form."""
    operation_types: tuple[str, ...] = ("source", "destination", "bidirectional")
    """Of operation routes."""
    ledger_settings: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"accounting": {"validateAccountType": False, "validateRoutes": False}}
    )
    """The settings of a ledger with their defaults."""
    settings_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Setting -> its allowed words, where it is not a switch."""

    rate_without_ttl_kills: bool = True
    """Whether a change of an asset rate without `ttl` ends the real server; the sandbox imitates that only under a
    fault plan with `rate_crash`."""

    readiness_checks: tuple[str, ...] = (
        "postgres_onboarding", "postgres_transaction", "mongo_onboarding", "mongo_transaction", "redis", "rabbitmq",
    )  # fmt: skip
    """What `GET /readyz` reports on."""

    # ---- balances and transactions
    external_direction: Literal["credit", "debit"] = "debit"
    """The direction of an external account's balance: `debit` grows when money enters the ledger."""
    default_balance_delay_ms: int = 0
    """How long after the account its default balance appears."""
    permissions_stale_s: int = 3600
    """How long a recently used balance keeps its former permissions after they were changed."""
    checks_before_claim: bool = True
    """Whether date and value are checked before the idempotency key is claimed, and a value of zero or less is 0125;
    else only a wrong sum is refused, and a value of zero is an internal error."""
    negative_ttl_fails: bool = False
    """Whether an `X-TTL` below zero is an internal error; else the default applies."""
    transaction_needs_ledger: bool = True
    """Whether the ledger of a transaction is looked up (0007); else its balances are missing (0019)."""
    leg_without_account_fails: bool = True
    """Whether a leg without account is an internal error; else it is 0019."""
    remaining_counts: bool = True
    """Whether a leg with `remaining` gets the rest; else it gets nothing."""
    remaining_of_zero_shows: bool = False
    """Whether a leg with `remaining` has an operation even when the rest is zero."""
    pending_touches_destination: bool = False
    """Whether a hold raises the version of the destination's balance."""
    note_amount: Literal["sent", "zero"] = "zero"
    """The amount in the operations of an annotation."""
    revert_replays_silently: bool = False
    """Whether the key of a revert is always its content, and a replay of it has no header."""
    queued_balances_wait: bool = False
    """Whether reads of balances wait for the queue in asynchronous mode."""
    cache_header: bool = True
    """Whether a read of a transaction carries `X-Cache-Hit`."""
    idempotency_ttl_s: int = 300
    operation_amounts: Callable[[Amounts, Amounts], str] = _all_amounts
    """Renders the balance before and after an operation: two fields of a JSON object."""
    operation_direction: tuple[str, str] = ('"direction":"credit",', '"direction":"debit",')
    """The field that shows the direction of a credit, and of a debit; empty where there is none."""
    shows_skips: bool = False
    """Whether a transaction shows if fees and tracer were skipped."""

    def has(self, feature: str) -> bool:
        """Return whether this version has a feature; "" stands for what every version has."""
        return not feature or feature in self.features


# beside these, "holders" (holders and instruments) and "tracer" (its settings, and `skip`) of v4
_FEATURES = frozenset(
    {
        "address-description",  # address.description
        "blocked",  # account.blocked
        "block",  # transactions/block and /unblock
        "balance-history",  # balances at a given time
        "balance-settings",  # direction, settings, overdraft and position of balances
        "ledger-settings",  # the settings of a ledger, and their endpoint
        "readyz",
        "route-entries",  # accountingEntries of operation routes
        "route-id",  # routeId of transactions and legs
        "transaction-count",  # HEAD transactions/metrics/count
    }
)

_STILL_LOCKED = {"0486": "0099"}

V3_3 = Dialect(
    name="v3.3",
    version="v3.3.15",
    separate_services=True,
    framework_error_shape="error",
    status_by_code={"0098": 400},
    code_instead={**_STILL_LOCKED, "0153": "0104", "0154": "0104"},
    entity_by_code={},
    failing=frozenset(
        {
            ("PATCH", "organizations", "0032"),
            ("PATCH", "balances", "0007"),
            ("PUT", "asset-rates", "0004"),
            ("PUT", "asset-rates", "0033"),
            ("GET", "asset-rates", "0004"),
            ("GET", "asset-rates", "0033"),
            ("POST", "operation-routes", "0103"),
            ("POST", "operation-routes", "incomplete rule"),
            ("PATCH", "operation-routes", "incomplete rule"),
        }
    ),
    metadata_keys_max=None,
    nesting_depth_max=None,
    nulls_are_absent=False,
    dates="rfc3339",
    send_is_pointer=True,
    lengths={"title": 50},
    too_long_code={"route": "0051"},
    country_required=True,
    first_page_leads_on=True,
    first_page_has_next=frozenset({"account-types", "asset-rates"}),
    cursor_lists_with_page=frozenset(),
    bare_route_lists=True,
    filters=frozenset({"portfolio_id"}),
    metadata_match_required=False,
    metadata_pages_descend=True,
    checks_numbers=False,
    checks_dates=False,
    date_window_months=1,
    date_window_hides_operations=True,
    external_type_allowed=False,
    account_needs_ledger=False,
    account_deletion_checks_balances=False,
    echoed={"account-types": ("keyValue",)},
    operation_types=("source", "destination"),
    external_direction="credit",
    default_balance_delay_ms=30,
    checks_before_claim=False,
    negative_ttl_fails=True,
    transaction_needs_ledger=False,
    leg_without_account_fails=False,
    remaining_of_zero_shows=True,
    pending_touches_destination=True,
    note_amount="sent",
    queued_balances_wait=True,
    cache_header=False,
    operation_amounts=_two_amounts,
    operation_direction=("", ""),
)

V3_8 = Dialect(name="v3.8", version="v3.8.0", features=_FEATURES, code_instead=_STILL_LOCKED)

_UNPROCESSABLE = (
    "0008",
    "0012",
    "0024",
    "0030",
    "0073",
    "0074",
    "0086",
    "0089",
    "0090",
    "0091",
    "0113",
    "0124",
    "0170",
)
_CONFLICTS = ("0087", "0088", "0093", "0099")
_NAMELESS = (
    "0047", "0048", "0050", "0051", "0053", "0065", "0067", "0072", "0078", "0080", "0081", "0083", "0094", "0096",
    "0114", "0120", "0131",
)  # fmt: skip

V4 = Dialect(
    name="v4",
    version="v4.0.0",
    version_fields={"commit": "unknown", "buildTime": "unknown", "dirty": False},
    features=_FEATURES | {"holders", "tracer"},
    error_shape="problem",
    framework_error_shape="problem",
    error_content_type="application/problem+json",
    plain_json_codes=frozenset({"0048", "0065"}),
    names_entities=True,
    entity_by_code={
        **dict.fromkeys(_NAMELESS, ""),
        "0018": "validateBalance",
        "0019": "ValidateAccounts",
        "0066": "AccountType",
        "0073": "ValidateSendSourceAndDistribute",
        "0084": "CreateOrCheckIdempotencyKey",
        "0087": "RevertTransaction",
        "0088": "RevertTransaction",
        "0090": "ValidateSendSourceAndDistribute",
        "0098": "validateBalance",
        "0101": "OperationRoute",
        "0116": "TransactionRoute",
        "0117": "OperationRoute",
        "0118": "AccountRule",
        "0119": "AccountRule",
        "0144": "request",
        "0145": "request",
        "0147": "LedgerSettings",
        "0148": "LedgerSettings",
        "0149": "LedgerSettings",
        "0167": "validateBalance",
        "0176": "LedgerSettings",
        "0486": "ValidateTransactionNotPending",
        "0490": "Ledger",
        "CRM-0006": "Holder",
    },
    empty_body_nameless=True,
    status_by_code={**dict.fromkeys(_UNPROCESSABLE, 422), **dict.fromkeys(_CONFLICTS, 409)},
    replay_header_on_errors=False,
    head_answers_as_get=False,
    body_bytes_max=1024 * 1024,
    asset_types=("crypto", "currency", "commodity", "others", "fiat"),
    currency_types=("currency", "fiat"),
    asset_deletable=False,
    ledger_settings={
        "accounting": {"validateAccountType": False, "validateRoutes": False, "requireHolder": False},
        "tracer": {"mode": "off", "failPosture": "open", "timeoutMs": 250},
        "overrides": {"allowFeeSkip": False, "allowTracerSkip": False, "allowHolderSkip": False},
    },
    settings_words={"mode": ("off", "advisory", "enforce"), "failPosture": ("open", "closed")},
    rate_without_ttl_kills=False,
    readiness_checks=(*V3_8.readiness_checks, "mongo_crm", "mongo_fees"),
    remaining_counts=False,
    revert_replays_silently=True,
    shows_skips=True,
)

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (V3_3, V3_8, V4)}
