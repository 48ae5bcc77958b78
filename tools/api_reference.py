"""Render the public names for docs/api.md, from their signatures and docstrings."""

import ast
import dataclasses
import enum
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any, get_args

import midaz_seed
from midaz_seed import clock, events, transport
from midaz_seed.engines import dask_engine
from midaz_seed.errors import ExitCode, SeedError

WIDTH = 88
SECTIONS = ("Args", "Returns", "Raises")
FUNCTIONS = (
    "build_plan",
    "summarize_plan",
    "seed_async",
    "verify_async",
    "teardown_async",
    "examine_async",
    "audit_async",
    "benchmark_async",
    "list_runs",
    "find_run",
)
"""In the order in which they are used. A function with an async twin is described with it."""
MEMBERS: dict[str, tuple[str, ...]] = {
    "BatchSizeTrial": (),
    "Diagnosis": ("go",),
    "RunDirectory": ("read_record", "load_settings", "rejects", "size_bytes", "owner", "delete"),
    "Plan": ("ledgers", "posts", "find"),
    "LedgerPlan": ("name", "account_items", "deposits", "transfers", "alias", "expected_balances", "find"),
}
"""Of classes that also have members for this package's own use: the public ones."""


def parts() -> dict[str, str]:
    """Return the generated parts of docs/api.md by the names of their markers."""
    return {
        "functions": "\n".join(function_entry(midaz_seed, name) for name in FUNCTIONS),
        "engines": function_entry(dask_engine, "seed_on_dask_async"),
        "types": "\n".join(type_entry(each) for each in result_types()),
        "errors": f"{error_table()}\n{type_entry(ExitCode)}",
        "events": event_table(),
        "transport": "\n".join(type_entry(getattr(transport, name)) for name in transport.__all__),
        "clock": "\n".join(type_entry(getattr(clock, name)) for name in clock.__all__),
    }


def function_entry(module: ModuleType, name: str) -> str:
    """Render one function, with its twin."""
    function = getattr(module, name)
    twin = name.removesuffix("_async")
    title = f"### `{name}`" if twin == name else f"### `{twin}`, `{name}`"
    return f"{title}\n\n```text\n{signature(function, twin)}\n```\n\n{described(function)}"


def result_types() -> list[type]:
    """Return the public types, each followed by the types of its fields."""
    found: dict[type, None] = {}

    def visit(each: object) -> None:
        if not isinstance(each, type) or not each.__module__.startswith("midaz_seed.") or each in found:
            return
        if each.__name__ in (*events.__all__, "ExitCode", "Settings"):
            return  # described elsewhere
        found[each] = None
        if dataclasses.is_dataclass(each):
            known = vars(sys.modules[each.__module__])
            for name in re.findall(r"\w+", " ".join(fields(each).values())):
                visit(known.get(name))

    for name in midaz_seed.__all__:
        each = getattr(midaz_seed, name)
        if isinstance(each, type) and not issubclass(each, SeedError):
            visit(each)
    return list(found)


def type_entry(each: type) -> str:
    """Render one class: its fields, values and members."""
    entry = f"### `{each.__name__}`\n\n{described(each)}"
    documented = attribute_docs(each)
    if issubclass(each, enum.Enum):
        rows = [f"| `{member.value}` | {documented.get(member.name, '')} |" for member in each]
        plain = f"Values: {', '.join(f'`{member.value}`' for member in each)}.\n"
        entry += "\n" + (table("value", "meaning", rows) if documented else plain)
    elif dataclasses.is_dataclass(each):
        rows = [f"| `{name}` | {code(kind)} | {documented.get(name, '')} |" for name, kind in fields(each).items()]
        entry += "\n" + table("field", "type", "meaning", rows)
    rows = [f"| {code(name)} | {meaning} |" for name, meaning in members(each)]
    return entry + ("\n" + table("member", "meaning", rows) if rows else "")


def members(each: type) -> Iterator[tuple[str, str]]:
    """Give the public methods and properties of a class: (how they are used, what they do)."""
    for name in MEMBERS.get(each.__name__, tuple(vars(each))):
        member = inspect.getattr_static(each, name)
        if name.startswith("_") or not (inspect.isfunction(member) or isinstance(member, property)):
            continue
        function = member.fget if isinstance(member, property) else member
        text, *errors = re.split(r"\n(?:Args|Returns|Raises):\n", inspect.getdoc(function) or "")
        raised = re.findall(r"^    (\w+Error):", errors[-1], flags=re.MULTILINE) if errors else []
        about = " ".join([cell(text), *([f"Raises {', '.join(raised)}."] if raised else [])])
        if about:
            yield (name if isinstance(member, property) else signature(member)), about


def error_table() -> str:
    """Render the tree of errors."""

    def below(error: type[SeedError], depth: int) -> Iterator[str]:
        name = f"{'&nbsp;&nbsp;' * depth}`{error.__name__}`"
        if error.__name__ in midaz_seed.__all__:
            yield f"| {name} | {exit_codes(error)} | {cell(inspect.getdoc(error) or '')} |"
            for inner in error.__subclasses__():
                yield from below(inner, depth + 1)

    return table("error", "exit code", "meaning", list(below(SeedError, 0)))


def kind_table() -> str:
    """Render every error by its exit code, for readers of the JSON documents."""

    def below(error: type[SeedError]) -> Iterator[type[SeedError]]:
        for inner in error.__subclasses__():
            yield inner
            yield from below(inner)

    rows = {
        error.__name__: f"| `{error.__name__}` | {exit_codes(error)} | {cell(inspect.getdoc(error) or '')} |"
        for error in sorted(below(SeedError), key=lambda each: (int(each.exit_code), each.__name__))
        if error.__module__ == SeedError.__module__
    }
    return table("kind", "exit code", "meaning", list(rows.values()))


def exit_codes(error: type[SeedError]) -> str:
    """Return the exit codes of an error."""
    return "130, 143" if error.__name__ == "SignalledError" else str(int(error.exit_code))


def event_table() -> str:
    """Render the events, in the order in which a run emits them first."""
    rows = []
    for event in get_args(events.Event):
        names = ", ".join(f"`{name}`" for name in fields(event))
        notes = [f"`{name}`: {about}" for name, about in attribute_docs(event).items()]
        rows.append(f"| `{event.__name__}` | {names} | {' '.join([cell(inspect.getdoc(event) or ''), *notes])} |")
    enums = (events.Phase, events.ErrorClass)
    return table("event", "fields", "meaning", rows) + "\n" + "\n".join(type_entry(each) for each in enums)


def described(each: Any) -> str:
    """Render a docstring: its text, then a table of arguments, results and errors where it has them."""
    text = inspect.getdoc(each) or ""
    entry, *sections = re.split(rf"^({'|'.join(SECTIONS)}):\n", text, flags=re.MULTILINE)
    blocks = ["\n\n".join(" ".join(block.split()) for block in entry.strip().split("\n\n"))]
    for name, section in zip(sections[::2], sections[1::2], strict=True):
        body = textwrap.dedent(section).strip()
        if name == "Returns":
            blocks.append(f"Returns: {' '.join(body.split())}")
            continue
        rows = [
            f"| `{entry}` | {cell(about)} |"
            for entry, about in re.findall(r"^(\w+): (.*(?:\n +.*)*)", body, flags=re.MULTILINE)
        ]
        blocks.append(table("argument" if name == "Args" else "raises", "meaning", rows).rstrip())
    return "\n\n".join(blocks) + "\n"


def signature(function: Any, name: str = "") -> str:
    """Return the signature as it is written in the source, on one line where it fits; under another name if given."""
    node = definition(inspect.unwrap(function))
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    arguments, defaults = node.args, [ast.unparse(default) for default in node.args.defaults]
    plain = [argument for argument in arguments.args if argument.arg != "self"]
    shown = [parameter(each, None) for each in plain[: len(plain) - len(defaults)]]
    shown += [parameter(*pair) for pair in zip(plain[len(plain) - len(defaults) :], defaults, strict=True)]
    shown += ["*"] if arguments.kwonlyargs else []
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        shown.append(parameter(argument, ast.unparse(default) if default else None))
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{name or node.name}({', '.join(shown)}){result}"
    if len(line) > WIDTH:
        line = f"{name or node.name}(\n" + "".join(f"    {each},\n" for each in shown) + f"){result}"
    return f"async {line}" if isinstance(node, ast.AsyncFunctionDef) and not name else line


def parameter(argument: ast.arg, default: str | None) -> str:
    """Render one parameter."""
    kind = f": {ast.unparse(argument.annotation)}" if argument.annotation else ""
    return f"{argument.arg}{kind}" + (f" = {default}" if default else "")


def fields(each: type) -> dict[str, str]:
    """Return the fields of a dataclass with their types as they are written."""
    node = definition(each)
    assert isinstance(node, ast.ClassDef)
    return {
        line.target.id: ast.unparse(line.annotation)
        for line in node.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }


def attribute_docs(each: type) -> dict[str, str]:
    """Return the text below each field of a class."""
    node = definition(each)
    assert isinstance(node, ast.ClassDef)
    found = {}
    for line, below in zip(node.body, node.body[1:], strict=False):
        target = line.target if isinstance(line, ast.AnnAssign) else getattr(line, "targets", [None])[0]
        text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
        if isinstance(target, ast.Name) and isinstance(text, str):
            found[target.id] = cell(text)
    return found


@cache
def definition(each: Any) -> ast.stmt:
    """Return the syntax tree of a class or function."""
    return ast.parse(textwrap.dedent(inspect.getsource(each))).body[0]


def table(*columns_and_rows: Any) -> str:
    """Render a table; the last argument is its rows."""
    *columns, rows = columns_and_rows
    return "\n".join([f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *rows]) + "\n"


def cell(text: str) -> str:
    """Return a text as one cell of a table."""
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def code(text: str) -> str:
    """Return a type as code in a cell of a table."""
    return f"`{cell(text)}`"
