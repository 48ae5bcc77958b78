"""Holders and instruments (v4) as data, with their rules."""

from midaz_seed.sandbox.core.error_codes import RefusedError
from midaz_seed.sandbox.entities.body_schema import Body, Field, Schema
from midaz_seed.sandbox.entities.kind_rules import Hooks, Parts, plain, without_empty
from midaz_seed.sandbox.entities.kinds import (
    ACCOUNTS,
    ADDRESS,
    AN_ID,
    META,
    META_NEW,
    NAME,
    NAME_PATCH,
    Kind,
    equals,
)
from midaz_seed.sandbox.storage.state import EntityDoc, SandboxState

_PERSON = tuple(
    Field(name, omitempty=True)
    for name in (
        "favoriteName", "socialName", "gender", "birthDate", "civilStatus", "nationality", "motherName", "fatherName",
        "status",
    )
)  # fmt: skip
_COMPANY = (
    *(Field(name, omitempty=True) for name in ("tradeName", "activity", "type", "foundingDate", "size", "status")),
    Field(
        "representative",
        "object?",
        omitempty=True,
        fields=tuple(Field(name, omitempty=True) for name in ("name", "document", "email", "role")),
    ),
)
_HOLDER_PARTS = (
    Field(
        "addresses",
        "object?",
        omitempty=True,
        fields=tuple(
            Field(name, "object?", omitempty=True, fields=ADDRESS.fields)
            for name in ("primary", "additional1", "additional2")
        ),
    ),
    Field(
        "contact",
        "object?",
        omitempty=True,
        fields=tuple(
            Field(name, omitempty=True) for name in ("primaryEmail", "secondaryEmail", "mobilePhone", "otherPhone")
        ),
    ),
    Field("naturalPerson", "object?", omitempty=True, fields=_PERSON),
    Field("legalPerson", "object?", omitempty=True, fields=_COMPANY),
)
HOLDERS = Kind(
    "holders",
    Schema((
        Field("type", required=True), NAME, Field("document", required=True),
        Field("externalId", "text", omitempty=True), *_HOLDER_PARTS, META_NEW,
    )),
    Schema((NAME_PATCH, Field("externalId", "text", omitempty=True), *_HOLDER_PARTS, META)),
    "CRM-0006", "", "page", {"document": equals("document"), "external_id": equals("externalId")},
    omit_empty=("externalId", "addresses", "contact", "naturalPerson", "legalPerson"),
    hidden=("claim", "isSelf", "organizationId"), countable=False, unknown_parent="",
)  # fmt: skip

INSTRUMENT_PARTS = (
    Field(
        "bankingDetails",
        "object?",
        omitempty=True,
        fields=tuple(
            Field(name, omitempty=True)
            for name in (
                "branch",
                "account",
                "type",
                "openingDate",
                "closingDate",
                "iban",
                "countryCode",
                "bankId",
            )
        ),
    ),
    Field("regulatoryFields", "object?", omitempty=True, fields=(Field("participantDocument", omitempty=True),)),
    Field(
        "relatedParties",
        "list",
        omitempty=True,
        fields=tuple(Field(name, omitempty=True) for name in ("document", "name", "role", "startDate", "endDate")),
    ),
)
INSTRUMENTS = Kind(
    "instruments",
    Schema((
        Field("ledgerId", required=True, rules=AN_ID), Field("accountId", required=True, rules=AN_ID),
        *INSTRUMENT_PARTS, META_NEW,
    )),
    Schema((*INSTRUMENT_PARTS, META)),
    "CRM-0008", "", "page",
    {
        "holder_id": equals("holderId"), "account_id": equals("accountId"), "ledger_id": equals("ledgerId"),
        "document": equals("document"),
    },
    omit_empty=tuple(field.name for field in INSTRUMENT_PARTS), hidden=("claim", "organizationId"), countable=False,
    unknown_parent="",
)  # fmt: skip
ACCOUNT_OF_HOLDER = Schema(
    (*(field for field in ACCOUNTS.create.fields if field.name != "holderId"), *INSTRUMENT_PARTS)
)

HOLDER_KINDS = {kind.name: kind for kind in (HOLDERS, INSTRUMENTS)}


def _holder(state: SandboxState, org_id: str, ledger_id: str, body: Body) -> Parts:
    if any(holder["document"] == body["document"] for holder in state.collection_of("holders", org_id, "")):
        raise RefusedError("CRM-0010")
    return plain(state, org_id, "", body)


def _holder_show(state: SandboxState, doc: EntityDoc) -> EntityDoc:
    """Show a holder without empty parts, but with an empty second line of an address."""
    shown: EntityDoc = {
        **doc,
        **{name: without_empty(doc[name]) for name in ("contact", "naturalPerson", "legalPerson") if name in doc},
    }
    if "addresses" in doc:
        shown["addresses"] = {
            name: {key: text for key, text in address.items() if key != "description" or text}
            for name, address in doc["addresses"].items()
            if address is not None
        }
    return shown


def _holder_delete(state: SandboxState, org_id: str, ledger_id: str, doc: EntityDoc) -> None:
    for owned_id in state.ledgers_of(org_id).live:
        if any(
            account["holderId"] == doc["id"] for account in state.ledger_state(org_id, owned_id).collection("accounts")
        ):
            raise RefusedError("CRM-0030")
    if any(known["holderId"] == doc["id"] for known in state.collection_of("instruments", org_id, "")):
        raise RefusedError("CRM-0017")


def _instrument_show(state: SandboxState, doc: EntityDoc) -> EntityDoc:
    shown = dict(doc)
    for name in ("bankingDetails", "regulatoryFields"):
        if name in shown:
            shown[name] = without_empty(shown[name])
    if "relatedParties" in shown:
        shown["relatedParties"] = [without_empty(party) for party in shown["relatedParties"]]
    return shown


HOLDER_HOOKS = {
    "holders": Hooks(prepare=_holder, check_delete=_holder_delete, show=_holder_show),
    "instruments": Hooks(show=_instrument_show),
}
