"""What may stand at each place of a scenario file, derived from the model: for names, merging, the reference."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from midaz_seed.scenarios.document import Node, Step
from midaz_seed.scenarios.model import (
    AmountSpec,
    ByIncome,
    Choice,
    Chosen,
    Fee,
    Mix,
    Part,
    PartySpec,
    Persona,
    ScenarioVolume,
    When,
)

REPLACED = frozenset({AmountSpec, ByIncome, Choice, Chosen, Fee, PartySpec, When})
"""Parts that are one choice among several. A file that extends another replaces them whole: merged, they would hold two
distributions, or two rules."""

EXCLUSIVE: Mapping[type[Part], tuple[str, str]] = {
    ScenarioVolume: ("movements", "per_customer_per_day"),
    Mix: ("weight", "each"),
}
"""Names of which a part has one: given in a file that extends another, it replaces the other one."""


@dataclass(frozen=True)
class Shape:
    """What may stand at a place. All fields empty: a plain value.

    Attributes:
        parts: the parts, with fixed names, one of which it is.
        values: what the values of a map with free names are.
        items: what the items of a list are; one for all, if `is_even`.
        is_even: whether all items of the list are alike.
    """

    parts: tuple[type[Part], ...] = ()
    values: "Shape | None" = None
    items: tuple["Shape", ...] = ()
    is_even: bool = False

    @property
    def is_replaced(self) -> bool:
        """Whether a file that extends another replaces this part whole."""
        return bool(REPLACED.intersection(self.parts))

    @property
    def is_named_list(self) -> bool:
        """Whether it is a list whose items are merged by their name: the personas."""
        return self.is_even and self.items[0].parts == (Persona,)

    def part_for(self, names: Mapping[str, object]) -> type[Part] | None:
        """Return the part that a map with these names is; the one that has most of them."""
        return max(self.parts, key=lambda part: len(fields(part).keys() & names.keys()), default=None)

    def inner(self, step: Step, around: Mapping[str, object]) -> "Shape | None":
        """Return what may stand at one step further; None for a name that is not known.

        Args:
            step: the name in a map, or the index in a list.
            around: the map that the name is in.
        """
        if isinstance(step, int):
            return (self.items[0] if self.is_even else dict(enumerate(self.items)).get(step)) if self.items else None
        part = self.part_for(around)
        if part is None:
            return self.values
        if part is PartySpec and is_short_party(around):
            return shape_of(Choice)
        found = fields(part).get(step)
        return found if found is not None or self.values is None else self.values


PLAIN = Shape()


def is_short_party(names: Mapping[str, object]) -> bool:
    """Return whether a map is the short form of a party: `{person.checking: {zipf: 1.05}}`."""
    return len(names) == 1 and "of" not in names and "by" not in names


@cache
def fields(part: type[Part]) -> dict[str, Shape]:
    """Return what a part consists of, by the names of the file."""
    return {info.alias or name: shape_of(info.annotation) for name, info in part.model_fields.items()}


def shape_of(kind: Any) -> Shape:
    """Return what a type of the model looks like in a file."""
    if kind in ("Amount", AmountSpec):  # a part that contains itself
        return Shape(parts=(AmountSpec,))
    if isinstance(kind, type) and not get_args(kind):
        return Shape(parts=(kind,)) if issubclass(kind, Part) else PLAIN
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return shape_of(arguments[0])
    if origin in (Union, UnionType):
        shapes = [shape_of(argument) for argument in arguments]
        parts = tuple(part for shape in shapes for part in shape.parts)
        return Shape(parts) if parts else next((shape for shape in shapes if shape != PLAIN), PLAIN)
    if origin is dict:
        return Shape(values=shape_of(arguments[1]))
    if origin is tuple:
        is_even = len(arguments) == 2 and arguments[1] is Ellipsis
        inner = tuple(shape_of(argument) for argument in arguments[: 1 if is_even else None])
        return Shape(items=inner, is_even=is_even)
    return PLAIN


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that the part it stands in does not have."""

    path: tuple[Step, ...]
    known: tuple[str, ...]
    """The names that the part has."""


def unknown_names(node: Node, shape: Shape, path: tuple[Step, ...] = ()) -> Iterator[Unknown]:
    """Yield every name that the part it stands in does not have."""
    if node.map is not None:
        for name, inner in node.map.items():
            found = shape.inner(name, node.map) if shape != PLAIN else PLAIN
            if found is None:
                part = shape.part_for(node.map)
                yield Unknown((*path, name), tuple(fields(part)) if part else ())
            else:
                yield from unknown_names(inner, found, (*path, name))
    elif node.items is not None and shape.items:
        for index, inner in enumerate(node.items):
            found = shape.inner(index, {})
            if found is not None and found != PLAIN:
                yield from unknown_names(inner, found, (*path, index))
