"""Scenarios for people and editors: the size in words, the JSON Schema, the reference of all names."""

from decimal import Decimal
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from midaz_seed.scenarios.document import OWN_PREFIX
from midaz_seed.scenarios.model import Friends, Hot, Lognormal, Pareto, Scenario
from midaz_seed.scenarios.shape import REPLACED
from midaz_seed.scenarios.values import NAME
from midaz_seed.wording import counted

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def size_text(scenario: Scenario) -> str:
    """Return how much a scenario makes in each ledger: "2,000 customers, about 135,000 movements, 90 days"."""
    volume = scenario.volume
    if volume.from_settings:
        return "as the preset and the flags of counts say"
    parts = [counted(volume.customers or 0, "customer")]
    if volume.movements:
        parts.append(counted(volume.movements, "movement") + " by chance")
    elif volume.per_customer_per_day and scenario.time is not None:
        movements = Decimal(volume.customers or 0) * volume.per_customer_per_day * scenario.time.history
        parts.append(f"{int(movements):,} movements by chance")
    if scenario.schedules or scenario.payouts:
        parts.append("movements by the calendar")
    if scenario.time is not None:
        parts.append(counted(scenario.time.history, "day"))
    ledgers = volume.organizations * volume.ledgers
    return ", ".join(parts) + (f"; {ledgers:,} ledgers" if ledgers > 1 else "")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of scenario files, those with `extends` included.

    A file that extends another may give any part of an entry, and `remove: true` instead of one; so what a part needs
    is required only of parts that are replaced whole, and the rest by `midaz-seed scenario check`.
    """
    schema = Scenario.model_json_schema(by_alias=True, mode="validation", schema_generator=_Schema)
    whole = {part.__name__ for part in REPLACED} | {part.__name__ for part in (Lognormal, Pareto, Friends, Hot)}
    for name, part in schema["$defs"].items():
        if name not in whole:
            part.pop("required", None)
        for value in part.get("properties", {}).values():
            _allow_removal(value)
    for value in schema["properties"].values():
        _allow_removal(value)
        if "$ref" in value:
            value.pop("default", None)  # it follows from the defaults of its names
    schema["$defs"]["Remove"] = {
        "type": "object",
        "description": "Drops an entry of the scenario that is extended.",
        "properties": {"remove": {"const": True}},
        "required": ["remove"],
        "additionalProperties": False,
    }
    schema["$defs"]["Persona"]["properties"]["remove"] = {"const": True, "description": "Drops the persona."}
    extends = {"type": "string", "description": "The scenario that this file changes: builtin:NAME, or a file."}
    schema["$defs"]["Case"] = {
        "type": "object",
        "description": "What a case changes.",
        "properties": {key: value for key, value in schema["properties"].items() if key not in ("scenario", "cases")},
        "additionalProperties": False,
    }
    cases = schema["properties"]["cases"]
    cases["patternProperties"] = {NAME: {"anyOf": [{"$ref": "#/$defs/Case"}, {"$ref": "#/$defs/Remove"}]}}
    cases["additionalProperties"] = False
    required = schema.pop("required")
    name, others = schema["properties"].pop("scenario"), schema["properties"]
    schema["properties"] = {"scenario": name, "extends": extends, **others}
    own = {f"^{OWN_PREFIX}": {"description": "The user's own: ignored, such as a place for anchors."}}
    complete = {"if": {"not": {"required": ["extends"]}}, "then": {"required": required}}
    return {"$schema": SCHEMA_DIALECT, **schema, "required": ["scenario"], **complete, "patternProperties": own}


def _allow_removal(value: dict[str, Any]) -> None:
    """Let the entries of a map be dropped, and refuse names that the pattern of the map does not allow."""
    removal = {"$ref": "#/$defs/Remove"}
    if "patternProperties" in value:
        value["patternProperties"] = {
            pattern: {"anyOf": [inner, removal]} for pattern, inner in value["patternProperties"].items()
        }
        value["additionalProperties"] = False
    elif isinstance(value.get("additionalProperties"), dict):
        value["additionalProperties"] = {"anyOf": [value["additionalProperties"], removal]}


class _Schema(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave out pydantic's titles, which only repeat the names."""
        return False
