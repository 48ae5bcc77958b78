"""The JSON Schemas of the documents that commands print and write, from their dataclasses and docstrings."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter

from midaz_seed.model.json_types import JsonObject


def document_schema(document: Any, title: str, *, version: int | None = None) -> JsonObject:
    """Return the JSON Schema (draft 2020-12) of a document: its fields, described by their docstrings.

    Args:
        document: its dataclass, or several as a union.
        title: of the schema.
        version: its `schema_version`; None: any.
    """
    for part in _parts(document):
        setattr(part, "__pydantic_config__", ConfigDict(use_attribute_docstrings=True))  # noqa: B010 - unknown to mypy
    schema = TypeAdapter(document).json_schema(mode="serialization")
    if version is not None:
        schema["properties"]["schema_version"] = {"const": version}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


def _parts(kind: Any) -> Iterator[type]:
    """Generate the dataclasses of which a type consists."""
    if is_dataclass(kind) and isinstance(kind, type):
        yield kind
        hints = get_type_hints(kind)
        for each in fields(kind):
            yield from _parts(hints[each.name])
    for argument in get_args(kind):
        yield from _parts(argument)
