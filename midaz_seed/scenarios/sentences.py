"""Turn what the model finds wrong with a file into sentences, each with file, line and the dotted path."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from midaz_seed.errors import Problem
from midaz_seed.scenarios.document import PROBLEMS_MAX, Node, Step, locate, show
from midaz_seed.scenarios.model import Scenario
from midaz_seed.scenarios.shape import PLAIN, Shape, unknown_names
from midaz_seed.scenarios.values import ASSET_CODE, MIDAZ_VERSION, MONTH_DAY, NAME, OPTION, PATH
from midaz_seed.wording import counted, nearest

PATTERNS = {
    NAME: "a name of a-z, 0-9 and -, that begins with a letter (at most 40 characters)",
    PATH: "the name of an internal account, or of a kind of customer and its account, such as person.checking",
    ASSET_CODE: "the code of an asset: up to 20 capital letters",
    MONTH_DAY: 'a day of the year, such as "12-20" (month and day)',
    OPTION: "a name of a-z, 0-9 and _, that begins with a letter (at most 40 characters)",
    MIDAZ_VERSION: 'a version, such as ">=3.6"',
}
"""Pattern of the model -> what it stands for."""
_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of a usual size",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a group of `name: value` entries",
    "model_type": "a group of `name: value` entries",
    "is_instance_of": "a date",
}
"""Type of an error of pydantic -> the valid values."""


def find_unknown_names(root: Node) -> tuple[list[Problem], list[tuple[Step, ...]]]:
    """Return a problem for each name that the model does not have, and the paths of those names."""
    problems, paths = [], []
    for unknown in unknown_names(root, Shape(parts=(Scenario,))):
        where, shown = locate(root, unknown.path)
        name = str(unknown.path[-1])
        suggestion = nearest(name, unknown.known)
        known = f"did you mean {suggestion}?" if suggestion else f"valid here: {', '.join(unknown.known)}"
        problems.append(Problem(where, f"unknown name {_printable(shown)}; {known}"))
        paths.append(unknown.path)
        if len(paths) >= PROBLEMS_MAX:
            break
    return problems, paths


def without(node: Node, paths: Sequence[tuple[Step, ...]]) -> Node:
    """Return the node without the places at these paths, which were reported already."""
    if not paths:
        return node
    here = {path[0] for path in paths if len(path) == 1}
    deeper: dict[Step, list[tuple[Step, ...]]] = {}
    for path in paths:
        if len(path) > 1:
            deeper.setdefault(path[0], []).append(path[1:])
    if node.map is not None:
        entries = {name: without(inner, deeper.get(name, ())) for name, inner in node.map.items() if name not in here}
        return Node(entries, node.where)
    if node.items is not None:
        return Node(tuple(without(inner, deeper.get(at, ())) for at, inner in enumerate(node.items)), node.where)
    return node


def problems_of(error: ValidationError, root: Node) -> list[Problem]:
    """Return one problem for each place where the model finds something wrong."""
    by_place: dict[tuple[str, str], list[str]] = {}
    wrong_part = _wrong_parts(error, root)
    for found in error.errors(include_url=False):
        steps = tuple(found["loc"])
        if any(steps[: len(prefix)] == prefix for prefix in wrong_part):
            continue
        where, shown = locate(root, steps)
        if found["type"] != "missing":
            text = _sentence(found)
        elif isinstance(steps[-1], int):
            text = f"must have {len(_shape_at(root, steps[:-1]).items)} entries"
        else:
            shown, text = f"{shown}.{steps[-1]}".lstrip("."), "is missing"
        texts = by_place.setdefault((where, shown), [])
        if text not in texts:
            texts.append(text)
    return [
        Problem(where, f"{_printable(shown)} {_joined(texts)}".lstrip().replace(" :", ":"))
        for (where, shown), texts in by_place.items()
    ]


def _wrong_parts(error: ValidationError, root: Node) -> list[tuple[Step, ...]]:
    """Return the places of parts that are not meant: where one of two parts may stand, the other one's errors."""
    wrong = []
    for prefix in {loc[:at] for loc in (found["loc"] for found in error.errors()) for at in range(1, len(loc))}:
        names = {option.__name__: option for option in _shape_at(root, prefix).parts}
        if len(names) > 1 and (node := _at(root, prefix)) is not None and node.map is not None:
            meant = Shape(parts=tuple(names.values())).part_for(node.map)
            wrong += [(*prefix, name) for name, option in names.items() if option is not meant]
    return wrong


def _shape_at(root: Node, path: Sequence[Step]) -> Shape:
    shape, node = Shape(parts=(Scenario,)), root
    for step in path:
        inner, deeper = shape.inner(step, node.map or {}), _at(node, (step,))
        if inner is None or deeper is None:
            return PLAIN
        shape, node = inner, deeper
    return shape


def _at(root: Node, path: Sequence[Step]) -> Node | None:
    node: Node | None = root
    for step in path:
        if node is None:
            return None
        if isinstance(step, int):
            node = node.items[step] if node.items is not None and step < len(node.items) else None
        else:
            node = (node.map or {}).get(step)
    return node


def _joined(texts: Sequence[str]) -> str:
    """Join what is valid at one place: "must be a whole number, or one of a, b, not 'x'"."""
    starts = [text.partition(", not ")[0].removeprefix("must be ") for text in texts]
    if len(texts) > 1 and all(text.startswith("must be ") for text in texts):
        ends = [text.partition(", not ")[2] for text in texts]
        return f"must be {', or '.join(starts)}" + (f", not {ends[0]}" if ends[0] else "")
    return "; ".join(texts)


def _sentence(found: Mapping[str, Any]) -> str:
    """Return an error of pydantic as the end of a sentence that begins with the path."""
    kind, context, value = found["type"], found.get("ctx", {}), found.get("input")
    if kind == "value_error":
        text = str(context["error"])
        return f"must be {text.removeprefix('not ')}, not {show(value)}" if text.startswith("not ") else f": {text}"
    if found["loc"] and found["loc"][-1] == "[key]":
        expected = _choices(context) or PATTERNS.get(context.get("pattern", ""), "one of the valid names")
        return f"is named {show(value)}, but the name must be {expected}" + _suggestion(value, context)
    if kind == "string_pattern_mismatch":
        return f"must be {PATTERNS.get(context['pattern'], _alias(context['pattern']))}, not {show(value)}"
    if kind == "literal_error":
        return f"must be {_choices(context)}, not {show(value)}" + _suggestion(value, context)
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}, not {show(value)}"
    return f"must {_bound(kind, context)}, not {show(value)}" if kind not in _LENGTHS else _length(kind, context)


def _alias(pattern: str) -> str:
    return "up to 60 letters, digits and -" if "A-Z" in pattern else "letters and digits, beginning with a letter"


def _choices(context: Mapping[str, Any]) -> str:
    values = _literals(context)
    return f"one of {', '.join(values)}" if len(values) > 1 else "".join(values)


def _literals(context: Mapping[str, Any]) -> list[str]:
    text = str(context.get("expected", "")).replace(" or ", ", ")
    return [part.strip().strip("'").replace("True", "true") for part in text.split(", ") if part.strip()]


def _suggestion(value: Any, context: Mapping[str, Any]) -> str:
    found = nearest(value, _literals(context)) if isinstance(value, str) else None
    return f"; did you mean {found}?" if found else ""


def _bound(kind: str, context: Mapping[str, Any]) -> str:
    words = {
        "greater_than_equal": ("be at least", "ge"),
        "less_than_equal": ("be at most", "le"),
        "greater_than": ("be more than", "gt"),
        "less_than": ("be less than", "lt"),
    }
    text, name = words.get(kind, ("have another value", ""))
    return f"{text} {context[name]:,}" if name else text


_LENGTHS = frozenset({"too_short", "too_long", "string_too_short", "string_too_long"})


def _length(kind: str, context: Mapping[str, Any]) -> str:
    of_text = kind.startswith("string")
    unit = "character" if of_text else "entry"
    plural = "" if of_text else "entries"
    if kind.endswith("short"):
        return f"must have at least {counted(context['min_length'], unit, plural)}"
    return f"must have at most {counted(context['max_length'], unit, plural)}"


def _printable(path: str) -> str:
    path = path if path.isprintable() else repr(path)
    return path if len(path) <= 200 else f"{path[:197]}..."
