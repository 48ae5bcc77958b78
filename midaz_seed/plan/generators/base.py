"""Base classes of the generators. Generators are pure; the engine sends the items."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Generic, Literal, TypeVar

from midaz_seed.model.json_types import Json, JsonObject
from midaz_seed.model.payloads import Payload
from midaz_seed.plan.items import Entity, EntityItem, LookUp, Phase

Scope = TypeVar("Scope")
Item = TypeVar("Item")


class BaseGenerator(ABC, Generic[Scope, Item]):
    """Generates the items of one phase for a scope: an organization or a ledger."""

    phase: ClassVar[Phase]

    @abstractmethod
    def items(self, scope: Scope) -> Iterator[Item]:
        """Generate the items of the scope in order, the same ones in every call."""


class EntityGenerator(BaseGenerator[Scope, EntityItem]):
    """Generates entities, and has the pure part of the conflict policy: find an existing entity, and compare it."""

    entity: ClassVar[Entity]
    payload: ClassVar[type[Payload]]
    key_pattern: ClassVar[str] = ""
    """Of an entity of a ledger: what follows the ledger in its key, as a regular expression."""
    one_by_one: ClassVar[bool] = False
    """Whether each is created after the one before it."""
    others_differ: ClassVar[bool] = True
    """Whether the verification looks for ones that were not planned, even where none is planned."""
    method: ClassVar[Literal["POST", "PUT", "PATCH"]] = "POST"
    """PUT and PATCH may be sent any number of times: nothing is looked up, and there are no duplicates."""
    unique_on_server: ClassVar[bool] = True
    """Whether the server rejects a second one with the same name. Otherwise an existing one is looked up first."""
    match_field: ClassVar[str]
    """The field that identifies one on the server, possibly in its metadata."""
    case_sensitive: ClassVar[bool] = True
    filter: ClassVar[str] = ""
    """The query parameter that filters the list by it, on servers that support the filter."""
    compared: ClassVar[tuple[str, ...]] = ()
    """Fields of the payload in which an existing one must equal the plan."""
    compared_in_any_case: ClassVar[tuple[str, ...]] = ()
    """Fields of `compared` that servers store in lower case."""

    def item(
        self,
        key: str,
        payload: JsonObject,
        references: dict[str, str | tuple[str, ...]] | None = None,
        after: tuple[str, ...] = (),
    ) -> EntityItem:
        """Validate a payload and return the item."""
        self.payload.model_validate(payload)
        return EntityItem(self.entity, key, payload, references or {}, after)

    def count(self, scope: Scope) -> int:
        """Return the number of items of the scope."""
        return sum(1 for _ in self.items(scope))

    def look_up(self, item: EntityItem) -> LookUp:
        """Return how to find an existing one on the server (midaz-behaviour: finding-entities)."""
        value = str(_at(item.payload, self.match_field))
        query = {self.filter: value} if self.filter else {}
        return LookUp(self.match_field, value, query, self.case_sensitive)

    def differences(self, item: EntityItem, found: JsonObject) -> list[str]:
        """Return the differences of an existing one as `field: value on the server, value in the plan`."""
        return [
            f"{name}: {found.get(name)} on the server, {item.payload[name]} in the plan"
            for name in self.compared
            if not self._agree(name, found.get(name), item.payload[name])
        ]

    def _agree(self, name: str, found: Json, planned: Json) -> bool:
        if name in self.compared_in_any_case and isinstance(found, str) and isinstance(planned, str):
            return found.casefold() == planned.casefold()
        return found == planned


def _at(value: Json, dotted: str) -> Json:
    for part in dotted.split("."):
        value = value[part] if isinstance(value, dict) else None
    return value
