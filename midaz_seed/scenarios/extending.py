"""`extends`: find a scenario by its name or file, and merge it with those that it extends."""

from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from midaz_seed.bounded_yaml import YamlError, read_limited
from midaz_seed.errors import Problem
from midaz_seed.scenarios.document import Node, Reader, Step
from midaz_seed.scenarios.model import Part, Scenario
from midaz_seed.scenarios.shape import EXCLUSIVE, PLAIN, Shape
from midaz_seed.wording import nearest

BUILTIN = "builtin:"
CHAIN_MAX = 10
"""Scenarios that extend one another."""
_FOLDER = files("midaz_seed.scenarios") / "builtin"
EMPTY = "nothing"


def builtin_names() -> list[str]:
    """Return the names of the scenarios that are built in."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _FOLDER.iterdir() if entry.name.endswith(".yaml"))


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a scenario. `name` names it in messages; `folder` is where its relative paths begin."""

    name: str
    text: str
    folder: Path | None = None


def find_source(reference: str, folder: Path | None, where: str) -> Source | Problem:
    """Find a scenario.

    Args:
        reference: the name of one that is built in, with or without `builtin:`, or the path of a file.
        folder: where relative paths begin; None in a scenario that is built in, which can extend only others.
        where: where the reference stands, for messages.
    """
    name = reference.removeprefix(BUILTIN)
    if name in (known := builtin_names()):
        return Source(f"{BUILTIN}{name}", (_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    try:
        file = (folder or Path()) / reference
        is_path = "/" in reference or reference.lower().endswith((".yaml", ".yml")) or file.exists()
    except (OSError, ValueError):  # a name that is too long, or has a NUL
        is_path = False
    if name != reference or folder is None or not is_path:
        suggestion = nearest(name, known)
        text = f"no built-in scenario is called {name[:60]!r}"
        text += f"; did you mean {suggestion}?" if suggestion else f"; there are {', '.join(known)}"
        return Problem(where, text if name != reference else f"{text} (a file is written with its folder or .yaml)")
    try:
        return Source(str(file), read_limited(file), file.parent)
    except YamlError as error:
        return Problem(str(file) if error.line is None else f"{file}:{error.line}", f"the file {error.text}")
    except FileNotFoundError:
        return Problem(where or str(file), f"the scenario file {file} does not exist")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return Problem(where or str(file), f"the scenario file {file} cannot be read: {reason}")


@dataclass(slots=True)
class Resolved:
    """A scenario with everything that it extends merged into it.

    Attributes:
        root: None when a file of the chain cannot be read.
        problems: what was found while it was read.
    """

    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)


def resolve(source: Source) -> Resolved:
    """Read a scenario and those that it extends, and merge them."""
    resolved = Resolved()
    chain: list[Node] = []
    names = [_identity(source)]
    next_source: Source | None = source
    while next_source is not None:
        reader = Reader(next_source.name)
        root = reader.read(next_source.text)
        resolved.problems += reader.problems
        if root is None or root.map is None:
            return resolved
        chain.append(Node({name: node for name, node in root.map.items() if name != "extends"}, root.where))
        if "scenario" not in root.map:
            resolved.problems.append(Problem(root.where, "it needs `scenario`: its own name"))
        next_source = _extended(root, next_source, names, resolved.problems)
        if next_source is None and "extends" in root.map:
            return resolved
    merged = Node({}, chain[-1].where)
    for number, child in enumerate(reversed(chain)):
        merged = merge(merged, child, resolved.problems, is_first=number == 0)
    resolved.root = merged
    return resolved


def merge(parent: Node, child: Node, problems: list[Problem], *, is_first: bool = False) -> Node:
    """Return a scenario that changes another one, merged with it.

    Args:
        parent: what is changed.
        child: the changes.
        problems: gets what was found.
        is_first: there is nothing to change, so nothing can be removed.
    """
    return _Merge(problems, is_first=is_first).merged(parent, child, Shape(parts=(Scenario,)), ())


def _identity(source: Source) -> str:
    return source.name if source.folder is None else str(Path(source.name).resolve())


def _extended(root: Node, source: Source, names: list[str], problems: list[Problem]) -> Source | None:
    """Return what a scenario extends. None: nothing, or there is a problem with it. `names` are those of the chain."""
    node = (root.map or {}).get("extends")
    if node is None:
        return None
    if not isinstance(node.content, str) or not node.content:
        problems.append(Problem(node.where, "extends must be followed by builtin:NAME or the path of a file"))
        return None
    found = find_source(node.content, source.folder, node.where)
    if isinstance(found, Problem):
        problems.append(found)
        return None
    identity = _identity(found)
    if identity in names:
        chain = " -> ".join(Path(name).name for name in (*names[names.index(identity) :], identity))
        problems.append(Problem(node.where, f"extends is circular: {chain}"))
        return None
    names.append(identity)
    if len(names) > CHAIN_MAX:
        problems.append(Problem(node.where, f"more than {CHAIN_MAX} scenarios extend one another"))
        return None
    return found


class _Merge:
    """Merges one scenario over the one that it extends."""

    def __init__(self, problems: list[Problem], *, is_first: bool) -> None:
        self._problems = problems
        self._is_first = is_first

    def merged(self, parent: Node, child: Node, shape: Shape, path: tuple[Step, ...]) -> Node:
        if parent.map is not None and child.map is not None and shape != PLAIN and not shape.is_replaced:
            return self._merged_maps(parent, child, shape, path)
        if parent.items is not None and child.items is not None and shape.is_named_list:
            return self._merged_lists(parent, child, path)
        if child.map is not None and shape != PLAIN and not shape.is_replaced:
            return self._merged_maps(Node({}, parent.where), child, shape, path)
        if child.items is not None and shape.is_named_list:
            return self._merged_lists(Node((), parent.where), child, path)
        return child

    def _merged_maps(self, parent: Node, child: Node, shape: Shape, path: tuple[Step, ...]) -> Node:
        replaced = {name for part in shape.parts for name in _others(part, child)}
        entries = {name: node for name, node in (parent.map or {}).items() if name not in replaced}
        around = {**entries, **(child.map or {})}
        for name, node in (child.map or {}).items():
            if _is_removal(node):
                self._remove(name, node, entries, list(entries), path)
                continue
            known = entries.get(name, Node(EMPTY, child.where))
            entries[name] = self.merged(known, node, shape.inner(name, around) or PLAIN, (*path, name))
        return Node(entries, child.where)

    def _merged_lists(self, parent: Node, child: Node, path: tuple[Step, ...]) -> Node:
        """Merge lists of named things: those of an alias that is known change it, others follow."""
        known = {_alias(node): node for node in parent.items or ()}
        added: list[Node] = []
        for node in child.items or ():
            alias = _alias(node)
            if node.map is not None and node.map.keys() == {"alias", "remove"} and _is_true(node.map["remove"]):
                self._remove(alias, node, known, [name for name in known if name], path)
            elif alias in known and alias:
                known[alias] = Node({**(known[alias].map or {}), **(node.map or {})}, node.where)
            else:
                added.append(node)
        return Node((*known.values(), *added), child.where)

    def _remove(
        self, name: str, node: Node, entries: dict[str, Node], known: list[str], path: tuple[Step, ...]
    ) -> None:
        shown = ".".join(str(step) for step in (*path, name))
        if name in entries:
            del entries[name]
        elif self._is_first:
            self._problems.append(Problem(node.where, f"{shown}: there is nothing to remove without `extends`"))
        else:
            suggestion = nearest(name, known)
            hint = f"; did you mean {suggestion}?" if suggestion else ""
            self._problems.append(Problem(node.where, f"{shown}: what it extends has nothing of this name{hint}"))


def _others(part: type[Part], child: Node) -> set[str]:
    """Return the names that what a file gives of a part replaces."""
    names = set(EXCLUSIVE.get(part, ()))
    given = names & (child.map or {}).keys()
    return names - given if given else set()


def _is_true(node: Node) -> bool:
    return node.content is True


def _is_removal(node: Node) -> bool:
    return node.map is not None and node.map.keys() == {"remove"} and _is_true(node.map["remove"])


def _alias(node: Node) -> str:
    alias = (node.map or {}).get("alias")
    return alias.content if alias is not None and isinstance(alias.content, str) else ""
