"""Every wait of the engine is in one place, so that no wait can ignore a stop (T1)."""

import ast
from pathlib import Path

import anyio
import pytest

from midaz_seed.engine.admission import Admission, StoppedError

PACKAGE = Path(__file__).parents[3] / "midaz_seed"
OWN_TASKS = {
    "engine/client_load.py",
    *(f"engine/control/{path.name}" for path in (PACKAGE / "engine/control").glob("*.py")),
}
"""Tasks beside the run, which are cancelled at its end."""
ALLOWED = {
    ("engine/context.py", "sleep"): "the wait itself",
    ("engine/requests/sender.py", "sleep"): "the wait itself",
    ("engine/requests/sender.py", "next_slot"): "in `_enter`, as a whole interruptible",
    ("engine/worker_pool.py", "wait"): "workers and streams, which end with the items in progress",
    ("engine/shards/coordinator.py", "wait"): "waits for the drain itself",
}
WAITS = {"sleep", "sleep_until", "sleep_forever", "wait", "wait_for", "next_slot", "acquire"}
"""Methods that wait, but for `RunContext.sleep` and `Sender.sleep`."""
INTERRUPTIBLE = ("context", "_context", "sender", "_sender")


def _waits() -> set[tuple[str, str]]:
    """Return (file, method) of each awaited wait in the engine that is not interruptible by itself.

    `SnapshotSeries.wait` is a method of ours, whose own wait is interruptible.
    """
    found = set()
    for path in sorted((PACKAGE / "engine").rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Await) and isinstance(node.value, ast.Call)):
                continue
            function = node.value.func
            if not isinstance(function, ast.Attribute) or function.attr not in WAITS:
                continue
            owner = function.value
            last = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
            if (function.attr == "sleep" and last in INTERRUPTIBLE) or (function.attr, last) == ("wait", "snapshots"):
                continue
            if name not in OWN_TASKS:
                found.add((name, function.attr))
    return found


def test_no_wait_of_the_engine_can_ignore_a_stop() -> None:
    """T1."""
    assert _waits() == set(ALLOWED)


async def test_a_drain_ends_a_wait_that_has_begun_and_one_that_begins_later() -> None:
    """T1."""
    admission = Admission(lambda: None)
    ended = []

    async def wait() -> None:
        with pytest.raises(StoppedError), admission.interruptible():
            await anyio.sleep_forever()
        ended.append(True)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        assert admission.drain()
    assert len(ended) == 3
    with pytest.raises(StoppedError), admission.interruptible():
        pytest.fail("it was entered")


async def test_a_wait_that_is_cancelled_from_outside_is_not_taken_for_a_stop() -> None:
    """T1."""
    admission = Admission(lambda: None)
    with anyio.move_on_after(0) as scope, admission.interruptible():
        await anyio.sleep_forever()
    assert scope.cancelled_caught
