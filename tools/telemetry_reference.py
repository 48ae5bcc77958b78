"""Render the events and the metrics of a run for the documents, and the JSON Schema of its events."""

import inspect
from typing import Any

from api_reference import attribute_docs, cell, table
from pydantic import TypeAdapter

from midaz_seed.reporting.outputs.metric_families import FAMILIES
from midaz_seed.telemetry.event_lines import KINDS, Envelope, field_names, name_of
from midaz_seed.telemetry.otlp import otel_name


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema of a line of `--events`."""
    shared: dict[str, Any] = {}
    common = _schema(Envelope, shared)["properties"]
    lines = {}
    for kind in KINDS:
        found = _schema(kind, shared)["properties"]
        own = {name: found[name] for name in field_names(kind)}
        lines[name_of(kind)] = {
            "description": cell(inspect.getdoc(kind) or ""),
            "type": "object",
            "properties": common | {"event": {"const": name_of(kind)}} | own,
            "required": [*common, *own],
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of the events of a run",
        "description": "New events and fields may appear at any time; a reader skips what it does not know.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in lines],
        "$defs": lines | shared,
    }


def _schema(kind: type, shared: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a dataclass, its fields described by what stands below them; add its types to `shared`."""
    schema = TypeAdapter(kind).json_schema(mode="serialization")
    shared |= schema.pop("$defs", {})
    documented = attribute_docs(kind)
    for name, field in schema["properties"].items():
        field.pop("title", None)
        field.pop("default", None)  # a line has every field
        if name in documented:
            field["description"] = documented[name]
    return schema


def event_table() -> str:
    """Render the events by their names in a line."""
    rows = []
    for kind in KINDS:
        documented = attribute_docs(kind)
        names = ", ".join(f"`{name}`" for name in field_names(kind))
        notes = [f"`{name}`: {documented[name]}" for name in field_names(kind) if name in documented]
        rows.append(f"| `{name_of(kind)}` | {names} | {' '.join([cell(inspect.getdoc(kind) or ''), *notes])} |")
    return table("event", "fields", "meaning", rows)


def envelope_table() -> str:
    """Render what every line has."""
    return table("field", "meaning", [f"| `{name}` | {about} |" for name, about in attribute_docs(Envelope).items()])


def metric_table() -> str:
    """Render the metrics with their names in Prometheus and in OpenTelemetry."""
    rows = []
    for family in FAMILIES:
        labels = ", ".join(f"`{label}`" for label in family.labels) or "–"
        about = f"{cell(family.help)}."
        rows.append(
            f"| `{family.name}` | {family.kind} | {labels} | `{otel_name(family)}`, `{family.unit}` | {about} |"
        )
    return table("metric", "type", "labels", "OpenTelemetry: name, unit", "meaning", rows)
