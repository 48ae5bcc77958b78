"""Request bodies of Midaz as pydantic models: the validation layer.

Sources (midaz-behaviour: unexpected-fields, field-rules, metadata-limits, names-are-patterns, organization-country).
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from midaz_seed.model.tax_ids import is_cnpj


def _cnpj(text: str) -> str:
    if not is_cnpj(text):
        raise ValueError("not a CNPJ")
    return text


Text256 = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Text100 = Annotated[str, StringConstraints(min_length=1, max_length=100)]
MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=100)]
MetadataValue = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[\x20-\x7e]+$")]
"""At most 100 ASCII characters: v3.3 accepts longer values in its validation and then fails on them."""
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(min_length=1, max_length=20)]
AssetCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,100}$")]
UniqueName = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^_%\\]+$")]
"""The server compares names with LIKE, where `_` and `%` match anything."""
Alias = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[a-zA-Z0-9@:-]+$")]
Cnpj = Annotated[str, AfterValidator(_cnpj)]
DecimalText = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?$")]


class Payload(BaseModel):
    """A request body; unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)  # a run sends some kinds of bodies only


class Address(Payload):
    """The address of an organization; v3.3 rejects one without a country."""

    line1: Text256
    line2: Text256 | None = None
    """The district."""
    zipCode: Text100
    city: Text100
    state: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Organization(Payload):
    """`POST /v1/organizations`."""

    legalName: Text256
    doingBusinessAs: Text256
    legalDocument: Cnpj
    address: Address
    metadata: Metadata


class Ledger(Payload):
    """`POST .../ledgers`."""

    name: UniqueName
    metadata: Metadata


class Asset(Payload):
    """`POST .../assets`."""

    name: UniqueName
    type: Literal["currency", "crypto", "commodity", "others"]
    code: AssetCode
    metadata: Metadata


class AssetRate(Payload):
    """`PUT .../asset-rates`. Servers end without `ttl`, so it is always sent, as `source` is."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    from_: Annotated[AssetCode, Field(alias="from")]
    to: AssetCode
    rate: Annotated[int, Field(gt=0, lt=2**63)]
    """What one unit of `from` costs in `to`, with `scale` decimals."""
    scale: Annotated[int, Field(ge=0, le=18)]
    source: Text100
    ttl: Annotated[int, Field(gt=0)]
    """In seconds."""
    externalId: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    metadata: Metadata


class AccountType(Payload):
    """`POST .../account-types`."""

    name: Text100
    description: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    keyValue: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9-]{1,50}$")]
    metadata: Metadata


class AccountRule(Payload):
    """The accounts of an operation route: an alias, or types of accounts in lower case, as the server keeps them."""

    ruleType: Literal["alias", "account_type"]
    validIf: Annotated[str, StringConstraints(pattern=r"^@external/[A-Z]+$")] | list[Text256]


class AccountingSide(Payload):
    """One side of an accounting entry; the server refuses one without a description."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    description: Annotated[str, StringConstraints(min_length=1, max_length=250)]


class AccountingEntry(Payload):
    """What is booked when something happens to a transaction."""

    debit: AccountingSide
    credit: AccountingSide


class OperationRoute(Payload):
    """`POST .../operation-routes`; `accountingEntries` from v3.6 on."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    description: Annotated[str, StringConstraints(min_length=1, max_length=250)]
    operationType: Literal["source", "destination", "bidirectional"]
    account: AccountRule
    accountingEntries: (
        dict[Literal["direct", "hold", "commit", "cancel", "revert", "block"], AccountingEntry] | None
    ) = None
    metadata: Metadata


class TransactionRoute(Payload):
    """`POST .../transaction-routes`, without the server ids of its operation routes."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    description: Annotated[str, StringConstraints(min_length=1, max_length=250)]
    metadata: Metadata


class AccountingSettings(Payload):
    """What a ledger checks."""

    validateAccountType: bool
    validateRoutes: bool


class LedgerSettings(Payload):
    """`PATCH .../settings` (from v3.6 on)."""

    accounting: AccountingSettings


class LegalPerson(Payload):
    """What is known of a company."""

    tradeName: Text256


class Holder(Payload):
    """`POST /v1/organizations/{id}/holders` (from v4 on)."""

    type: Literal["NATURAL_PERSON", "LEGAL_PERSON"]
    name: Text256
    document: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{11,14}$")]
    legalPerson: LegalPerson | None = None
    metadata: Metadata


class BankingDetails(Payload):
    """Where an account is, as other banks name it."""

    branch: Text100
    account: Text100
    type: Literal["CACC"]
    countryCode: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Instrument(Payload):
    """`POST /v1/organizations/{id}/holders/{id}/instruments` (from v4 on), without the ids of ledger and account."""

    bankingDetails: BankingDetails
    metadata: Metadata


class Portfolio(Payload):
    """`POST .../portfolios`."""

    name: Text256
    entityId: Text256
    metadata: Metadata


class Segment(Payload):
    """`POST .../segments`."""

    name: UniqueName
    metadata: Metadata


class Status(Payload):
    """The status of an account: a text that the server stores and does not interpret."""

    code: Text100
    description: Text256 | None = None


class Account(Payload):
    """`POST .../accounts`, without the server ids, which are known only during the run."""

    name: Text256
    assetCode: AssetCode
    type: Text256
    alias: Alias
    entityId: Text256
    """Of a customer the tax id, possibly one with wrong check digits on purpose."""
    status: Status | None = None
    metadata: Metadata


class Amount(Payload):
    """A leg's amount."""

    asset: AssetCode
    value: DecimalText


class Leg(Payload):
    """One account's part of a transaction, on the side of the source or the destination."""

    accountAlias: Annotated[str, StringConstraints(min_length=1, max_length=110)]
    amount: Amount


class Source(Payload):
    """The accounts that pay."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    legs: Annotated[list[Leg], Field(min_length=1, alias="from")]


class Distribute(Payload):
    """The accounts that receive."""

    to: Annotated[list[Leg], Field(min_length=1)]


class Send(Payload):
    """Amount, asset and legs; an inflow has no source, an outflow no destination."""

    asset: AssetCode
    value: DecimalText
    source: Source | None = None
    distribute: Distribute | None = None


class Transaction(Payload):
    """`POST .../transactions/json` and the other endpoints of transactions.

    Runs do not validate transactions, because that takes too long for a million of them; tests do.
    """

    description: Text256
    metadata: Metadata | None
    """None with `data.metadata: none`."""
    transactionDate: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")] | None = None
    pending: Literal[True] | None = None
    send: Send

    @model_validator(mode="after")
    def _legs_make_the_value(self) -> "Transaction":
        value, send = Decimal(self.send.value), self.send
        sides = [send.source.legs if send.source else [], send.distribute.to if send.distribute else []]
        if not any(sides):
            raise ValueError("a transaction has a source or a destination")
        if value <= 0 or any(sum(Decimal(leg.amount.value) for leg in side) != value for side in sides if side):
            raise ValueError("each side of a transaction must sum to its value")
        return self
