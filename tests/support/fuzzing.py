"""Fuzz targets: properties over drawn data, each example with a bound on memory and CPU time.

`@fuzz` makes a test of a property, with the same examples in each session, so that it fails for the code and not by
chance: a fifth of them in `make test`, all of them in `make thorough`. `python -m tests.fuzz` checks the same
properties with other examples for a given time.
"""

import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, given, reproduce_failure, seed, settings
from hypothesis.strategies import SearchStrategy

TARGETS: dict[str, "Target"] = {}
"""Every target of the modules that are imported, by its name."""
LINUX = sys.platform == "linux"


class _OutOfTimeError(BaseException):
    """An example needs too much CPU time. No handler in the code under test catches it."""


@dataclass
class Target:
    """A property, and the strategies for its arguments."""

    name: str
    check: Callable[..., None]
    strategies: dict[str, SearchStrategy[Any]]
    executed: int = 0
    """Examples so far, without those that hypothesis made to shrink a failure."""

    def test(self, examples: int, *, derandomize: bool) -> Callable[[], None]:
        """Return a function that checks the property with up to this number of examples."""
        phases = (Phase.explicit, Phase.generate, Phase.shrink)
        profile = settings(
            max_examples=examples,
            derandomize=derandomize,
            deadline=None,
            database=None,
            phases=phases,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        )
        return profile(given(**self.strategies)(self.check))

    def seeded(self, examples: int, number: int) -> Callable[[], None]:
        """Return `test` with the examples that follow from a random seed."""
        return seed(number)(self.test(examples, derandomize=False))

    def reproduce(self, version: str, blob: bytes) -> Callable[[], None]:
        """Return a function that checks the one example that a blob of hypothesis describes."""
        return reproduce_failure(version, blob)(self.test(1, derandomize=False))


def fuzz(
    *, examples: int, memory_mb: float = 64, cpu_s: float = 3, **strategies: SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Make a property a fuzz target and a test.

    Args:
        examples: number of examples of the test in `make thorough`; `make test` has a fifth, but 20 at least.
        memory_mb: what one example may add to the memory of the process.
        cpu_s: CPU time of one example.
        strategies: strategies for the arguments of the property.
    """

    def decorate(check: Callable[..., None]) -> Callable[[], None]:
        @wraps(check)
        def bounded_check(**drawn: Any) -> None:
            target.executed += 1
            with bounded(memory_mb=memory_mb, cpu_s=cpu_s):
                check(**drawn)

        name = f"{check.__module__.rpartition('.')[2].removeprefix('test_')}.{check.__name__.removeprefix('test_')}"
        target = TARGETS[name] = Target(name, bounded_check, strategies)
        thorough = settings.get_current_profile_name() == "thorough"
        return target.test(examples if thorough else max(examples // 5, 20), derandomize=True)

    return decorate


@contextmanager
def bounded(*, memory_mb: float, cpu_s: float) -> Iterator[None]:
    """Fail when the block needs more memory or CPU time; far beyond the bound it is interrupted.

    CPU time does not depend on how busy the machine is. Memory is bounded on Linux only.
    """

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise _OutOfTimeError

    before = signal.signal(signal.SIGVTALRM, interrupt)
    signal.setitimer(signal.ITIMER_VIRTUAL, 2 * cpu_s)
    start_s = time.process_time()
    try:
        with _address_space(memory_mb):
            yield
    except _OutOfTimeError:
        raise AssertionError(f"interrupted after {2 * cpu_s:g} s of CPU time") from None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    spent_s = time.process_time() - start_s
    assert spent_s <= cpu_s, f"{spent_s:.1f} s of CPU time; the bound is {cpu_s:g} s"


@contextmanager
def _address_space(memory_mb: float) -> Iterator[None]:
    """Fail when the peak memory in the block is too high. An allocation far beyond the bound fails at once."""
    if not LINUX:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    reset_peak()
    before_mb = peak_mb()
    resource.setrlimit(resource.RLIMIT_AS, (used + int((2 * memory_mb + 256) * 1e6), hard))
    try:
        yield
    except MemoryError:
        raise AssertionError(f"out of memory, with {2 * memory_mb + 256:g} MB left") from None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    added_mb = peak_mb() - before_mb
    assert added_mb <= memory_mb, f"{added_mb:.0f} MB of memory; the bound is {memory_mb:g} MB"


def reset_peak() -> None:
    """Let `peak_mb` start again from the memory in use."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def peak_mb() -> float:
    """Return the peak of the memory of this process, in MB, since the start or the last `reset_peak`."""
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000
