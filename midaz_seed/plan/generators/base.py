"""What all generators have in common. They are pure: the engine sends what they make."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Generic, TypeVar

from midaz_seed.model.json_types import Json, JsonObject
from midaz_seed.model.payloads import Payload
from midaz_seed.plan.items import Entity, EntityItem, LookUp, Phase

Scope = TypeVar("Scope")
Item = TypeVar("Item")


class BaseGenerator(ABC, Generic[Scope, Item]):
    """Makes the items of one phase for a scope: the plan, an organization or a ledger."""

    phase: ClassVar[Phase]

    @abstractmethod
    def items(self, scope: Scope) -> Iterator[Item]:
        """Every item of the scope, in order; the same ones whenever it is asked."""


class EntityGenerator(BaseGenerator[Scope, EntityItem]):
    """Makes entities, and holds the pure half of the one conflict policy: how to find an existing one, and whether it
    is the planned one."""

    entity: ClassVar[Entity]
    payload: ClassVar[type[Payload]]
    unique_on_server: ClassVar[bool] = True
    """Whether the server refuses a second one of the same name. Where it does not, an existing one is looked up
    first."""
    match_field: ClassVar[str]
    """What identifies one on the server: a field, also of its metadata."""
    case_sensitive: ClassVar[bool] = True
    filter: ClassVar[str] = ""
    """The query parameter that narrows the list to it, on servers that know the filter."""
    compared: ClassVar[tuple[str, ...]] = ()
    """Fields of the payload that an existing one must share."""
    compared_in_any_case: ClassVar[tuple[str, ...]] = ()
    """Those of them that servers store in lower case."""

    def item(self, key: str, payload: JsonObject, references: dict[str, str] | None = None) -> EntityItem:
        """An item whose payload has passed the validation layer."""
        self.payload.model_validate(payload)
        return EntityItem(self.entity, key, payload, references or {})

    def look_up(self, item: EntityItem) -> LookUp:
        """How to find it on the server when it exists already (midaz-behaviour: finding-entities)."""
        value = str(_at(item.payload, self.match_field))
        query = {self.filter: value} if self.filter else {}
        return LookUp(self.match_field, value, query, self.case_sensitive)

    def differences(self, item: EntityItem, found: JsonObject) -> list[str]:
        """Where an existing one is not what the plan has, as `field: value on the server, value in the plan`."""
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
