"""The JSON Schema of the report of an audit."""

from typing import Any

from pydantic import ConfigDict, TypeAdapter

from midaz_seed.ledger_audit.findings import AuditNote, Finding
from midaz_seed.ledger_audit.report import AuditedAsset, AuditedLedger, AuditReport


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what `midaz-seed audit --json` and `--report` give.

    It follows from the fields of the report and the texts below them. An audit that ended without a result leaves a
    document with the first seven fields alone.
    """
    for part in (AuditReport, AuditedLedger, AuditedAsset, Finding, AuditNote):
        setattr(part, "__pydantic_config__", ConfigDict(use_attribute_docstrings=True))  # noqa: B010 - unknown to mypy
    schema = TypeAdapter(AuditReport).json_schema(mode="serialization")
    for part in (schema, *schema["$defs"].values()):
        _tidy(part)
    schema["properties"]["schema_version"] = {"const": 1}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Report of midaz-seed audit"}


def _tidy(part: dict[str, Any]) -> None:
    """Remove what says nothing; every field is always there."""
    part.pop("title", None)
    if "properties" in part:
        part["required"], part["additionalProperties"] = list(part["properties"]), False
    for value in part.get("properties", {}).values():
        value.pop("title", None)
        value.pop("default", None)
