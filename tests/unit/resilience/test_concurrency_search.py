"""The knee finder against servers that are formulas: what it holds, and how soon it follows a change."""

import math
import random
from collections.abc import Callable
from statistics import median

import pytest

from midaz_seed.resilience.concurrency_search import Change, ConcurrencySearch, Window

Server = Callable[[int], float]
"""Requests in flight -> answers a second."""


def hard(at_once: int, answers_per_s: float = 100.0) -> Server:
    """So many are worked on at a time, the others wait."""
    return lambda in_flight: min(in_flight, at_once) * answers_per_s


def scalable(in_flight: int) -> float:
    """Gunther's universal scalability law: contention, and coherence that makes it worse again beyond 44."""
    return 100 * in_flight / (1 + 0.05 * (in_flight - 1) + 0.0005 * in_flight * (in_flight - 1))


def drive(
    finder: ConcurrencySearch, server: Server, windows: int, *, noise: float = 0.03, seed: int = 1
) -> list[tuple[int, int]]:
    """(held, in flight) in each window."""
    chance = random.Random(seed)
    seen = []
    for _ in range(windows):
        seen.append((finder.current, finder.limit))
        answers = server(finder.limit) * math.exp(chance.gauss(0, noise))
        finder.observe(Window(1.0, round(answers), 0, finder.limit))
    return seen


def share_of_the_most(server: Server, seen: list[tuple[int, int]]) -> float:
    most = max(server(in_flight) for in_flight in range(1, 513))
    return sum(server(in_flight) for _, in_flight in seen) / len(seen) / most


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("start", [1, 4, 400])
@pytest.mark.parametrize("at_once", [1, 5, 16, 64, 200])
def test_the_saturation_point_is_found_from_below_and_from_above(at_once: int, start: int, seed: int) -> None:
    """L5: it ended at 2 to 6 in flight, with 0.65 to 0.9 of the throughput of 8."""
    finder = ConcurrencySearch(highest=512, start=start)
    drive(finder, hard(at_once), 160, seed=seed)
    seen = drive(finder, hard(at_once), 100, seed=seed + 100)
    assert share_of_the_most(hard(at_once), seen) > 0.9
    assert median(current for current, _ in seen) <= 2 * at_once + 1  # and not more than is of use


@pytest.mark.parametrize("seed", range(5))
def test_a_server_that_gets_slower_with_more_is_not_given_more(seed: int) -> None:
    finder = ConcurrencySearch(highest=512)
    seen = drive(finder, scalable, 160, seed=seed)[60:]
    assert share_of_the_most(scalable, seen) > 0.85
    assert median(current for current, _ in seen) < 50


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("before", "after"), [(16, 64), (64, 16), (8, 128), (128, 8)])
def test_a_server_that_changes_is_followed(before: int, after: int, seed: int) -> None:
    finder = ConcurrencySearch(highest=512)
    drive(finder, hard(before), 120, seed=seed)
    seen = drive(finder, hard(after), 200, seed=seed + 50)[100:]
    assert share_of_the_most(hard(after), seen) > 0.85
    assert median(current for current, _ in seen) <= 2 * after + 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [0.06, 0.1])
def test_a_noisy_server_is_not_taken_for_a_saturated_one(noise: float, seed: int) -> None:
    """L5: the throughput of a real server varies more from second to second."""
    finder = ConcurrencySearch(highest=512)
    drive(finder, hard(8), 60, noise=noise, seed=seed)
    assert share_of_the_most(hard(8), drive(finder, hard(8), 200, noise=noise, seed=seed + 100)) > 0.85


def test_a_slower_service_is_no_reason_to_hold_fewer() -> None:
    finder = ConcurrencySearch(highest=512)
    drive(finder, hard(16, 100), 100)
    seen = drive(finder, hard(16, 10), 100)[50:]
    assert share_of_the_most(hard(16, 10), seen) > 0.9


def test_a_steady_server_is_left_in_peace_most_of_the_time() -> None:
    finder = ConcurrencySearch(highest=512)
    seen = drive(finder, hard(16), 400, noise=0.01)[100:]
    assert sum(current == limit for current, limit in seen) / len(seen) > 0.75


def overloaded(finder: ConcurrencySearch, successes: int = 50, refused: int = 50) -> Change | None:
    return finder.observe(Window(1.0, successes, refused, finder.limit))


def test_refusals_lower_what_is_held_each_time_and_never_below_one() -> None:
    finder = ConcurrencySearch(highest=512, start=100)
    current = []
    for _ in range(20):
        overloaded(finder)
        current.append(finder.current)
    assert current[:3] == [70, 49, 34]
    assert current[-1] == 1


def test_a_probe_that_is_refused_leaves_what_is_held() -> None:
    finder = ConcurrencySearch(highest=512, start=16)
    finder.observe(Window(1.0, 1600, 0, 16))
    assert finder.limit == 32
    assert overloaded(finder) is None
    assert (finder.current, finder.limit) == (16, 16)


def test_after_overload_it_returns_to_the_saturation_point() -> None:
    finder = ConcurrencySearch(highest=512)
    drive(finder, hard(32), 60)
    for _ in range(10):
        overloaded(finder)
    assert finder.current < 4
    seen = drive(finder, hard(32), 120)[60:]
    assert share_of_the_most(hard(32), seen) > 0.9


def test_a_few_errors_among_many_answers_change_nothing() -> None:
    finder = ConcurrencySearch(highest=512, start=16)
    assert overloaded(finder, successes=1000, refused=15) is None
    assert finder.current == 16


def test_a_window_with_too_little_to_do_says_nothing() -> None:
    finder = ConcurrencySearch(highest=512, start=16)
    for _ in range(50):
        finder.observe(Window(1.0, 100, 0, 2.0))
    assert (finder.current, finder.limit) == (16, 16)


def test_a_limit_is_kept() -> None:
    finder = ConcurrencySearch(highest=10, lowest=2, start=400)
    seen = drive(finder, hard(100), 50) + drive(finder, hard(1), 100)
    assert {limit for _, limit in seen} <= set(range(2, 11))
