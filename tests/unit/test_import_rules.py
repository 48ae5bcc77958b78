"""The house's rules: which way imports point, what stays pure, and that there is no cycle."""

import ast
from pathlib import Path

import pytest

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
IMPURE = {"asyncio", "anyio", "aiohttp", "structlog", "uvloop", "socket", "time", "midaz_seed.clock"}


def _modules() -> dict[str, set[str]]:
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


def _is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.joinpath("__init__.py").is_file()


MODULES = _modules()


def _part(module: str) -> str:
    """The part of the house a module belongs to: `engine` for midaz_seed.engine.worker_pool."""
    return [*module.split("."), "__init__"][1]


def _inside(name: str) -> str | None:
    """The module of ours that an imported name belongs to."""
    while name.startswith("midaz_seed"):
        if name in MODULES:
            return name
        name = name.rpartition(".")[0]
    return None


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_from_the_edge_to_the_core(module: str) -> None:
    part = _part(module)
    for name in MODULES[module]:
        target = _inside(name)
        if target is None or target == "midaz_seed" or _part(target) == part:
            continue
        if part == "sandbox" or _part(target) == "sandbox":
            assert part in {"sandbox", "runner", "cli", "pytest_plugin"}, f"{module} imports the sandbox"
            allowed = {"sandbox", "errors", "clock", "model", "wording", "bounded_yaml"}
            assert _part(target) in allowed, f"the sandbox imports {target}"
            continue
        assert RANK[_part(target)] < RANK[part], f"{module} imports {target}, which is not below it"


def _sandbox_rank(module: str) -> int:
    parts = module.split(".")[2:]
    return SANDBOX_LAYERS.index(parts[0] if parts and parts[0] in SANDBOX_LAYERS else "the program")


@pytest.mark.parametrize("module", sorted(name for name in MODULES if _part(name) == "sandbox"))
def test_imports_inside_the_sandbox_point_from_the_program_to_the_core(module: str) -> None:
    for name in MODULES[module]:
        target = _inside(name)
        if target is not None and _part(target) == "sandbox":
            assert _sandbox_rank(target) <= _sandbox_rank(module), f"{module} imports {target}, which is above it"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith("midaz_seed.engine.")))
def test_imports_inside_the_engine_point_from_the_orchestrator_to_the_requests(module: str) -> None:
    own = module.split(".")[2]
    for name in MODULES[module]:
        target = _inside(name)
        if target is not None and target.startswith("midaz_seed.engine.") and (part := target.split(".")[2]) != own:
            assert ENGINE_RANK[part] < ENGINE_RANK[own], f"{module} imports {target}, which is not below it"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith(PURE)))
def test_the_pure_core_touches_neither_time_nor_network(module: str) -> None:
    impure = {name for name in MODULES[module] if name in IMPURE or name.split(".")[0] in IMPURE}
    assert not impure, f"{module} imports {impure}"


def test_there_is_no_import_cycle() -> None:
    graph = {
        module: {found for name in names if (found := _inside(name)) and found != module}
        for module, names in MODULES.items()
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


def test_only_the_wiring_knows_the_container() -> None:
    users = {module for module, names in MODULES.items() if "svcs" in names}
    assert users == {"midaz_seed.wiring"}


def test_no_test_module_imports_from_another_one() -> None:
    root = PACKAGE.parent
    found = []
    for path in sorted((root / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [f"{node.module}.{alias.name}" for alias in node.names]
            names = (module for module in modules if any(part.startswith("test_") for part in module.split(".")))
            found += [f"{path.relative_to(root)} imports {name}" for name in names]
    assert not found, f"move what is shared to tests/support: {found}"


def test_the_tools_import_nothing_from_the_tests() -> None:
    root = PACKAGE.parent
    for path in sorted((root / "tools").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert not any(line.startswith(("from tests", "import tests")) for line in text.splitlines()), path
