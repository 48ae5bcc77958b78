"""The marks that created objects carry: run, item, and what the run resolved when it began.

Objects carry them in their metadata. With `data.metadata: none` a transaction has no metadata, and carries the mark of
its item at the end of its description: `Pix para Maria [s0123456789/o1.l1.t17.3]`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import orjson

from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import mark_in_description
from midaz_seed.plan.population import HolderRules
from midaz_seed.settings.model import MetadataMode

RUN_MARK, KEY_MARK = "seedRun", "seedKey"
"""Metadata names: the run id, and the run id with the item's key."""
BATCH_SIZE_MARK, LAST_DAY_MARK, SCENARIO_MARK = "seedPack", "seedLastDay", "seedScenario"
"""Metadata names on organizations: the batch size, the last day of the history, and the scenario of the run."""


def mark_in(row: JsonObject, mark: str) -> str:
    """Return a mark in an object's metadata (of the plan or the server); "" without one."""
    metadata = row.get("metadata")
    found = metadata.get(mark) if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else ""


def batch_size_of(organization: JsonObject) -> int:
    """Return the batch size in an organization's metadata; 1 without one."""
    size = mark_in(organization, BATCH_SIZE_MARK)
    return int(size) if size.isdigit() else 1


DESCRIPTION_MAX = 256
"""Maximum characters of a transaction's description (midaz-behaviour: field-rules)."""
_AT_END = re.compile(r" \[([a-z0-9][a-z0-9-]*/[^\s\[\]]+)\]\Z")


def mark_of_transaction(row: JsonObject) -> str:
    """Return the mark of the item that a transaction on the server carries: `<run id>/<key>`; "" without one.

    It is read without knowing how the run writes it: from the metadata, and only without one from the end of the
    description. The tool writes it there last, so a scenario's text before it cannot be taken for it.
    """
    mark = mark_in(row, KEY_MARK)
    if mark:
        return mark
    description = row.get("description")
    if not isinstance(description, str) or not description.endswith("]"):
        return ""
    found = _AT_END.search(description)
    return found[1] if found is not None else ""


Opening = Callable[[str, bytes, str], tuple[bytes, bytes]]
"""(key of the item, its description as JSON, further members of its metadata, each after a comma) -> the body of the
transaction up to its metadata with a comma, and its mark as bytes (`TransactionItem.mark`).
"""


def opening_of(identity: "PlanIdentity") -> Opening:
    """Return the function that begins the body of a transaction with its description and its metadata."""
    run_id = identity.run_id

    def full(key: str, description: bytes, more: str) -> tuple[bytes, bytes]:
        mark = f'"{KEY_MARK}":"{run_id}/{key}"'
        begins = f',"metadata":{{"{RUN_MARK}":"{run_id}",{mark}{more}}},'
        return b'{"description":' + description + begins.encode(), mark.encode()

    def mark_only(key: str, description: bytes, _more: str) -> tuple[bytes, bytes]:
        mark = f'"{KEY_MARK}":"{run_id}/{key}"'.encode()
        return b'{"description":' + description + b',"metadata":{' + mark + b"},", mark

    def none(key: str, description: bytes, _more: str) -> tuple[bytes, bytes]:
        ending = f" [{run_id}/{key}]"
        room = DESCRIPTION_MAX - len(ending)
        if len(description) - 2 > room:  # bytes, of which a character has one or more
            description = orjson.dumps(orjson.loads(description)[:room])
        # null and not absent: without the member the server writes an empty document (midaz-behaviour: null-metadata)
        begins = b'{"description":' + description[:-1] + ending.encode() + b'","metadata":null,'
        return begins, mark_in_description(run_id, key)

    openings: dict[MetadataMode, Opening] = {"full": full, "mark": mark_only, "none": none}
    return openings[identity.metadata]


@dataclass(frozen=True, slots=True)
class PlanIdentity:
    """Values that all items of a plan share: they determine its random streams and marks."""

    seed: int
    run_id: str
    day: date
    """The day of what has no date of its own, in end-to-end ids and due dates."""
    holders: HolderRules
    metadata: MetadataMode = "full"
    """What transactions carry as metadata."""

    def tags(self, key: str) -> JsonObject:
        """Return the metadata that identifies a created object: by run, and by its own key."""
        return {RUN_MARK: self.run_id, KEY_MARK: f"{self.run_id}/{key}"}
