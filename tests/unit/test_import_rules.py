"""The house's rules: which way imports point, what stays pure, and that there is no cycle."""

import ast
import re
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "midaz_seed"
LAYERS = [
    {"errors", "clock", "files", "task_groups", "wording", "bounded_yaml"},
    {"file_descriptors", "listening"},
    {"event_loop", "process"},
    {"model"},
    {"scenarios"},
    {"settings"},
    {"plan"},
    {"transport", "resilience", "reporting"},
    {"midaz", "events", "generators"},
    {"runs"},
    {"engine", "probe", "pages"},
    {"ledger_audit", "wiring", "stopping", "telemetry", "outputs", "web"},
    {"runner"},
    {"auditing", "bench", "engines"},
    {"cli", "shard_worker", "pytest_plugin"},
    {"__main__", "__init__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
SANDBOX_LAYERS = ["core", "storage", "entities", "transactions", "http", "faults", "the program"]
"""The sub-packages of the sandbox from low to high; its own modules (server, loading, main, launch) are the program."""
ENGINE_LAYERS = [
    {"admission"},
    {"requests"},
    {"worker_pool", "state_tree"},
    {"context"},
    {"client_load", "rereads", "next_step", "ordering"},
    {"entities"},
    {"ledger", "control"},
    {"shards"},
    {"verdict", "teardown", "manifest"},
    {"report_builder"},
    {"orchestrator"},
    {"watched_run"},
]
"""The engine's modules and sub-packages from low to high; those of one layer do not import one another."""
ENGINE_RANK = {name: rank for rank, names in enumerate(ENGINE_LAYERS) for name in names}
PURE = (
    "midaz_seed.model",
    "midaz_seed.plan",
    "midaz_seed.scenarios",
    "midaz_seed.reporting.events",
    "midaz_seed.midaz.classify",
    "midaz_seed.sandbox.core.ledger",
)
IMPORT_OF_TESTS = re.compile(r"\s*(from tests\.\S*\btest_|import tests\.\S*\btest_|from tests\S* import .*\btest_)")
IMPURE = {"asyncio", "anyio", "aiohttp", "logging", "uvloop", "socket", "time", "midaz_seed.clock"}


@cache
def modules() -> dict[str, set[str]]:
    """Every module of the package and the absolute names that it imports, anywhere in it."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}: imports are absolute here"
                base = node.module or ""
                names.update(f"{base}.{alias.name}" for alias in node.names)
                if not all(_is_module(f"{base}.{alias.name}") for alias in node.names):
                    names.add(base)
        found[name] = names
    return found


@cache
def _is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.joinpath("__init__.py").is_file()


def _part(module: str) -> str:
    """The part of the house a module belongs to: `engine` for midaz_seed.engine.worker_pool."""
    return [*module.split("."), "__init__"][1]


def _inside(name: str) -> str | None:
    """The module of ours that an imported name belongs to."""
    while name.startswith("midaz_seed"):
        if name in modules():
            return name
        name = name.rpartition(".")[0]
    return None


def _imports() -> list[tuple[str, str]]:
    """Every import of one module of ours by another: (module, imported module)."""
    return [
        (module, target)
        for module, names in modules().items()
        for name in sorted(names)
        if (target := _inside(name)) is not None
    ]


def test_imports_point_from_the_edge_to_the_core() -> None:
    wrong = []
    for module, target in _imports():
        part, other = _part(module), _part(target)
        if target == "midaz_seed" or other == part:
            continue
        if part == "sandbox" or other == "sandbox":
            users = {"sandbox", "runner", "cli", "pytest_plugin"}
            used = {"sandbox", "errors", "clock", "model", "wording", "bounded_yaml"}
            is_right = part in users and other in used
        else:
            is_right = RANK[other] < RANK[part]
        wrong += [] if is_right else [f"{module} imports {target}"]
    assert wrong == []


def _sandbox_rank(module: str) -> int:
    parts = module.split(".")[2:]
    return SANDBOX_LAYERS.index(parts[0] if parts and parts[0] in SANDBOX_LAYERS else "the program")


def test_imports_inside_the_sandbox_point_from_the_program_to_the_core() -> None:
    inside = [pair for pair in _imports() if {_part(each) for each in pair} == {"sandbox"}]
    assert inside
    assert [pair for pair in inside if _sandbox_rank(pair[1]) > _sandbox_rank(pair[0])] == []


def test_imports_inside_the_engine_point_from_the_orchestrator_to_the_requests() -> None:
    inside = [pair for pair in _imports() if all(each.startswith("midaz_seed.engine.") for each in pair)]
    parts = [(pair, *(each.split(".")[2] for each in pair)) for pair in inside]
    assert inside
    assert [pair for pair, own, other in parts if own != other and ENGINE_RANK[other] >= ENGINE_RANK[own]] == []


def test_the_pure_core_touches_neither_time_nor_network() -> None:
    pure = {module: names for module, names in modules().items() if module.startswith(PURE)}
    impure = {
        module: {name for name in names if name in IMPURE or name.split(".")[0] in IMPURE}
        for module, names in pure.items()
    }
    assert pure
    assert {module: names for module, names in impure.items() if names} == {}


def test_there_is_no_import_cycle() -> None:
    graph = {
        module: {found for name in names if (found := _inside(name)) and found != module}
        for module, names in modules().items()
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for other in graph[module]:
                visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_no_test_module_imports_from_another_one() -> None:
    root = PACKAGE.parent
    found = []
    for path in sorted((root / "tests").rglob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [f"{path.relative_to(root)}: {line}" for line in lines if IMPORT_OF_TESTS.match(line)]
    assert not found, f"move what is shared to tests/support: {found}"


def test_the_tools_import_nothing_from_the_tests() -> None:
    root = PACKAGE.parent
    for path in sorted((root / "tools").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert not any(line.startswith(("from tests", "import tests")) for line in text.splitlines()), path
