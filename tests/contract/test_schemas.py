"""The bodies that the generators make are what each version's own API description asks for.

`schemas/` holds the request bodies' types, limits and required fields from the specifications of v3.3.15 and v3.8.0,
without their prose. v4 publishes none for requests; its bodies are v3.8's with additions that midaz-seed does not use.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Entity, Phase
from midaz_seed.plan.plan import build_plan
from tests.support.settings import settings_for

SCHEMAS = Path(__file__).parent / "schemas"
_ENDPOINTS = {Phase.DEPOSITS: "transactions/inflow", Phase.TRANSFERS: "transactions/json"}
BODIES = {
    Entity.ORGANIZATION: "organizations",
    Entity.LEDGER: "ledgers",
    Entity.ASSET: "assets",
    Entity.ACCOUNT_TYPE: "account-types",
    Entity.PORTFOLIO: "portfolios",
    Entity.SEGMENT: "segments",
    Entity.ACCOUNT: "accounts",
}


def _closed(schema: Any) -> Any:
    """The schema with every object closed: a field that it does not name is refused, as the server does (0053)."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(inner) for name, inner in schema.items()}
    if closed.get("properties", {}).get("value", {}).get("type") == "number":
        closed["properties"]["value"] = {"type": "string"}  # the specification errs: the server refuses numbers (0053)
    if "properties" in closed and closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


def _bodies(pack: int) -> Iterator[tuple[str, str, JsonObject]]:
    """Every body of a small world with everything in it: its kind, its key, itself."""
    plan = build_plan(
        settings_for(
            "http://127.0.0.1",
            volume={"assetsPerLedger": 8, "accountsPerLedger": 24, "accountTypesPerLedger": 5},
            batches={"transactionsPerBatch": pack},
        )
    )
    for organization in plan.organizations:
        yield BODIES[Entity.ORGANIZATION], organization.key, organization.item.payload
        for ledger in organization.ledgers:
            yield BODIES[Entity.LEDGER], ledger.key, ledger.item.payload
            for item in ledger.entities():
                ids = item.ids(lambda _: "00000000-0000-0000-0000-000000000000")
                yield BODIES[item.entity], item.key, {**item.payload, **ids}
            for transaction in (*ledger.deposits(), *ledger.transfers()):
                yield _ENDPOINTS[transaction.phase], transaction.key, json.loads(transaction.body)


@pytest.mark.parametrize("pack", [1, 3])
@pytest.mark.parametrize("version", ["v3.3", "v3.8"])
def test_every_body_of_a_plan_is_one_that_the_version_describes(version: str, pack: int) -> None:
    schemas = json.loads((SCHEMAS / f"{version}.json").read_text(encoding="utf-8"))
    validators = {
        kind: Draft4Validator(_closed({**schema, "definitions": schemas["definitions"]}))
        for kind, schema in schemas["bodies"].items()
    }
    seen = set()
    for kind, key, body in _bodies(pack):
        seen.add(kind)
        errors = [
            f"{key}: {'/'.join(map(str, error.path))}: {error.message}" for error in validators[kind].iter_errors(body)
        ]
        assert errors == []
    assert seen == set(validators)


def test_a_body_with_a_field_that_no_version_knows_is_noticed() -> None:
    schemas = json.loads((SCHEMAS / "v3.8.json").read_text(encoding="utf-8"))
    schema = _closed({**schemas["bodies"]["ledgers"], "definitions": schemas["definitions"]})
    assert list(Draft4Validator(schema).iter_errors({"name": "Main", "colour": "red"}))
