"""What is wrong with a fault plan, in sentences with lines."""

from collections.abc import Iterable
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from midaz_seed.wording import nearest

Path = tuple[int | str, ...]
SHOWN_MAX = 60
"""Characters of a wrong value that are shown."""


def problems_of(
    error: ValidationError, model: type[BaseModel], where: str, root: yaml.Node | None
) -> list[tuple[str, str]]:
    """Return each problem as its place and a sentence.

    Args:
        error: what pydantic has found.
        model: the model of the plan.
        where: the name of the plan, such as its file.
        root: the plan as YAML, for the lines; None where it has none.
    """
    found = []
    for problem in error.errors(include_url=False):
        line = _line(root, problem["loc"])
        place = f"{where}:{line}" if line else where
        found.append((place, _sentence(problem["type"], problem["loc"], problem, model)))
    return found


def _sentence(kind: str, path: Path, problem: Any, model: type[BaseModel]) -> str:
    name = _dotted(path)
    if kind == "extra_forbidden":
        suggestion = nearest(str(path[-1]), _fields(model, path[:-1]))
        return f"unknown field {name}" + (f"; did you mean {suggestion}?" if suggestion else "")
    if kind == "missing":
        return f"{name} is missing"
    context = problem.get("ctx", {})
    if kind == "value_error":
        return f"{name} {context['error']}"
    shown = _shown(problem["input"])
    return f"{name} must be {_expected(kind, context)}{f', not {shown}' if shown else ''}"


def _expected(kind: str, context: dict[str, Any]) -> str:
    bounds = {"greater_than_equal": "at least", "less_than_equal": "at most", "greater_than": "above"}
    if kind in bounds:
        return f"{bounds[kind]} {next(iter(context.values())):g}"
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "")
    types = {
        "int": "a whole number",
        "float": "a number",
        "finite": "a finite number",
        "bool": "true or false",
        "string": "text",
        "tuple": "a list",
    }
    return types.get(kind.partition("_")[0], "a group of fields")


def _shown(value: object) -> str:
    if isinstance(value, dict | list | tuple):
        return "a list" if not isinstance(value, dict) else "a group of fields"
    text = "empty" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 3]}..."


def _dotted(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return text or "the plan"


def _fields(model: type[BaseModel], path: Path) -> Iterable[str]:
    """Return the names of the fields of the model that a path leads to."""
    for part in path:
        if isinstance(part, str):
            kinds = (model.model_fields[part].annotation, *get_args(model.model_fields[part].annotation))
            model = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return model.model_fields


def _line(node: yaml.Node | None, path: Path) -> int:
    """Return the line of what a path leads to, or of the last part of it that exists; 0 without YAML."""
    if node is None:
        return 0
    line = node.start_mark.line + 1
    for part in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            entry = next(((key, value) for key, value in node.value if key.value == part), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line + 1, entry[1]
    return int(line)
