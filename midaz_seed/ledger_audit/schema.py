"""The JSON Schema of the report of an audit."""

from typing import Any

from midaz_seed.ledger_audit.report import SCHEMA_VERSION, AuditReport
from midaz_seed.reporting.json_schema import document_schema


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what `midaz-seed audit --json` and `--report` give.

    It follows from the fields of the report and the texts below them. An audit that ended without a result leaves a
    document with the first seven fields alone.
    """
    schema: dict[str, Any] = document_schema(AuditReport, "", version=SCHEMA_VERSION)
    for part in (schema, *schema["$defs"].values()):
        _tidy(part)
    return {**schema, "title": "Report of midaz-seed audit"}


def _tidy(part: dict[str, Any]) -> None:
    """Remove what says nothing; every field is always there."""
    part.pop("title", None)
    if "properties" in part:
        part["required"], part["additionalProperties"] = list(part["properties"]), False
    for value in part.get("properties", {}).values():
        value.pop("title", None)
        value.pop("default", None)
