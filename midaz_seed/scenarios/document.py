"""Read the YAML of a scenario into nodes, each with its file and line, so that every message can name them.

The values are those of YAML 1.2: only `true` and `false` are booleans, a date and a time of day stay text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from midaz_seed.bounded_yaml import BoundedLoader, YamlError, compose
from midaz_seed.errors import Problem

OWN_PREFIX = "x-"
"""Top-level names that begin with it are the user's own, such as a place for anchors."""
MERGE_KEY = "<<"
PROBLEMS_MAX = 100
"""Problems that are reported: a file with more is no scenario."""

Step = str | int
"""A name in a map, or an index in a list."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value of a scenario file.

    Attributes:
        content: a map of nodes, a tuple of nodes, or the value itself: text, number, boolean or None.
        where: file and line of its name, or of the item in a list.
    """

    content: Any
    where: str

    @property
    def map(self) -> Mapping[str, "Node"] | None:
        """The nodes by name; None for another value."""
        return self.content if isinstance(self.content, dict) else None

    @property
    def items(self) -> Sequence["Node"] | None:
        """The nodes of a list; None for another value."""
        return self.content if isinstance(self.content, tuple) else None

    def plain(self) -> Any:
        """Return the value without places: dictionaries, tuples and plain values."""
        if isinstance(self.content, dict):
            return {name: node.plain() for name, node in self.content.items()}
        if isinstance(self.content, tuple):
            return tuple(node.plain() for node in self.content)
        return self.content


class _Loader(BoundedLoader):
    """Constructs plain values of YAML 1.2 only."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as PyYAML names it


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", [*"~nN", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", [*"tTfF"]),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", [*"-+0123456789"]),
    ("float", r"^[-+]?[0-9]+\.[0-9]+$", [*"-+0123456789"]),
    ("merge", r"^<<$", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


class Reader:
    """Reads one document; collects its problems."""

    def __init__(self, name: str) -> None:
        """`name` names the document in messages: the path of a file, or `builtin:NAME`."""
        self._name = name
        self._values = _Loader("")
        self._contents: dict[int, Any] = {}
        """Id of a YAML node -> its content: aliases share it, so that a few lines cannot become gigabytes."""
        self.problems: list[Problem] = []

    def read(self, text: str) -> Node | None:
        """Return the root, a map; None with a problem when there is none."""
        try:
            root = compose(text, _Loader)
        except YamlError as error:
            where = self._name if error.line is None else f"{self._name}:{error.line}"
            self.problems.append(Problem(where, f"the file {error.text}"))
            return None
        if not isinstance(root, yaml.MappingNode):
            text = "the file is empty" if root is None else "the file is no scenario: it must hold `name: value` lines"
            self.problems.append(Problem(self._name, text))
            return None
        content = self._content(root)
        own = {name: node for name, node in content.items() if not name.startswith(OWN_PREFIX)}
        return Node(own, f"{self._name}:{root.start_mark.line + 1}")

    def _content(self, node: yaml.Node) -> Any:
        known = self._contents.get(id(node), self)
        if known is not self:
            return known
        if isinstance(node, yaml.MappingNode):
            content: Any = self._entries(node)
        elif isinstance(node, yaml.SequenceNode):
            content = tuple(Node(self._content(item), self._where(item)) for item in node.value)
        else:
            content = self._scalar(node)
        self._contents[id(node)] = content
        return content

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            return self._values.construct_document(node)
        except (yaml.YAMLError, ValueError, TypeError, OverflowError, LookupError):  # `!!bool x`, thousands of digits
            self._add(node, "the value cannot be read")
            return None

    def _entries(self, node: yaml.MappingNode) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._add(key, "a name must be plain text")
                continue
            name = str(key.value)
            if name == MERGE_KEY:
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif name in own:
                self._add(key, f"{name[:60]} is given twice, first at {own[name].where}")
            else:
                own[name] = Node(self._content(value), self._where(key))
        for each in merged:
            content = self._content(each)
            if isinstance(content, dict):
                own = {**content, **own}
            else:
                self._add(each, f"{MERGE_KEY} must be followed by `name: value` entries, or a list of such")
        return own

    def _add(self, node: yaml.Node, text: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(self._where(node), text))

    def _where(self, node: yaml.Node) -> str:
        return f"{self._name}:{node.start_mark.line + 1}"


def locate(root: Node, path: Sequence[Step]) -> tuple[str, str]:
    """Return file and line of a place, and its dotted path as a file has it.

    Steps that the file does not have, such as those of a value in its short form, are left out: the place is then that
    of the part around them.
    """
    node, shown = root, ""
    for step in path:
        if isinstance(step, int) and node.items is not None and step < len(node.items):
            node, shown = node.items[step], f"{shown}[{step}]"
        elif node.map is not None:
            name = str(step)
            if name == "by" and name not in node.map and len(node.map) == 1:  # `{person.checking: {zipf: 1}}`
                [name] = node.map
            if name in node.map:
                node, shown = node.map[name], f"{shown}.{name}" if shown else name
    return node.where, shown


def show(value: Any) -> str:
    """Return a value for a message, shortened."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | tuple | list):
        return "a list" if not isinstance(value, dict) else "a group of names"
    try:
        text = repr(value) if isinstance(value, str) else str(value)
    except ValueError:  # Python refuses to format numbers with thousands of digits
        return "a number of that length"
    return text if len(text) <= 60 else f"{text[:57]}..."
