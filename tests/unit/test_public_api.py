"""The public names: documented, importable from one place, and alike in their synchronous and async forms."""

import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import midaz_seed
from midaz_seed import clock, events, transport

TWINS = [name for name in midaz_seed.__all__ if f"{name}_async" in midaz_seed.__all__]


def test_every_public_name_has_a_docstring_and_stands_in_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    public = [(module, name) for module in (midaz_seed, clock, events, transport) for name in sorted(module.__all__)]
    for module, name in public:
        text = getattr(module, name).__doc__ or ""
        # a dataclass or an enumeration without a docstring has one that Python wrote; aliases of types have none
        assert name in ("Emit", "Event") or (text and not text.startswith((f"{name}(", "An enumeration."))), name
        assert f"`{name}`" in page


def test_every_argument_of_a_function_stands_in_its_docstring() -> None:
    functions = [each for name in midaz_seed.__all__ if inspect.isfunction(each := getattr(midaz_seed, name))]
    assert functions
    for function in functions:
        described = set(re.findall(r"^    (\w+): ", inspect.getdoc(function) or "", flags=re.MULTILINE))
        assert set(inspect.signature(function).parameters) <= described, function.__name__


def test_what_needs_a_target_has_an_async_twin() -> None:
    assert TWINS == ["audit", "benchmark", "examine", "seed", "teardown", "verify"]


@pytest.mark.parametrize("name", TWINS)
def test_twins_have_the_same_parameters(name: str) -> None:
    function, twin = getattr(midaz_seed, name), getattr(midaz_seed, f"{name}_async")
    assert inspect.signature(function) == inspect.signature(twin)
    assert (function.__name__, function.__doc__) == (name, twin.__doc__)
    assert inspect.iscoroutinefunction(twin)
    assert not inspect.iscoroutinefunction(function)


@pytest.mark.parametrize("name", TWINS)
async def test_a_synchronous_call_inside_an_event_loop_says_what_to_await(name: str) -> None:
    """Row 7: `seed()` inside a running loop did not name `seed_async` in its message."""
    settings = midaz_seed.Settings.model_validate({"preset": "tiny", "target": {"baseUrl": "sandbox"}})
    with pytest.raises(midaz_seed.UsageError, match="inside a running event loop") as raised:
        getattr(midaz_seed, name)(settings)
    assert str(raised.value) == f"{name} cannot be called inside a running event loop: use {name}_async"
    assert raised.value.hint == f"await {name}_async there"


def test_no_public_name_is_also_a_module() -> None:
    """Importing such a module would replace the name."""
    modules = {module.name for module in pkgutil.iter_modules(midaz_seed.__path__)}
    assert not modules & set(midaz_seed.__all__)


def test_every_event_is_exported() -> None:
    assert {event.__name__ for event in events.Event.__args__} <= set(events.__all__)
