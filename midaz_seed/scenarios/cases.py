"""The cases of a scenario: each changes it as a file that extends it, and is then a scenario of its own."""

import re
from dataclasses import dataclass, field

from midaz_seed.errors import Problem
from midaz_seed.scenarios.document import Node
from midaz_seed.scenarios.extending import merge
from midaz_seed.scenarios.values import NAME

CASES = "cases"
_NOT_IN_A_CASE = {
    "scenario": "a case has no name of its own but that in `cases`",
    "extends": "a case changes the scenario around it, and no other",
    CASES: "a case has no cases",
}
CASES_MAX = 100


@dataclass(slots=True)
class Cases:
    """A scenario and its cases, before they are checked.

    Attributes:
        base: the scenario without its cases.
        roots: each case merged with it, by name.
        problems: what was found in `cases` itself.
    """

    base: Node
    roots: dict[str, Node] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_cases(root: Node) -> Cases:
    """Divide a resolved scenario into itself and its cases."""
    entries = dict(root.map or {})
    node = entries.pop(CASES, None)
    found = Cases(Node(entries, root.where))
    if node is None:
        return found
    if not node.map or len(node.map) > CASES_MAX:
        found.problems.append(Problem(node.where, f"cases must be 1 to {CASES_MAX} cases by name"))
        return found
    title = entries.get("scenario", Node("", root.where)).content
    for name, case in node.map.items():
        problem = _problem(name, case, f"{title}-{name}")
        if problem is not None:
            found.problems.append(problem)
            continue
        merged = merge(found.base, case, found.problems)
        called = Node(f"{title}-{name}", case.where)
        found.roots[name] = Node({**(merged.map or {}), "scenario": called}, case.where)
    return found


def _problem(name: str, case: Node, title: str) -> Problem | None:
    if case.map is None:
        return Problem(case.where, f"cases.{name} must be what the case changes, as a group of `name: value` entries")
    for wrong, reason in _NOT_IN_A_CASE.items():
        if wrong in case.map:
            return Problem(case.map[wrong].where, f"cases.{name}.{wrong}: {reason}")
    if not re.fullmatch(NAME, name) or not re.fullmatch(NAME, title):
        text = "the name of a case is of a-z, 0-9 and -, begins with a letter, and has with that of the scenario"
        return Problem(case.where, f"cases.{name[:60]}: {text} at most 39 characters")
    return None
