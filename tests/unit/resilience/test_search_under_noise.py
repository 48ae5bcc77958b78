"""The search on servers whose speed wanders and stalls, with the loop of a run, on a simulated clock."""

import pytest

from benchmarks.model_server import ModelServer
from benchmarks.search import Case, compare, model
from midaz_seed.resilience.concurrency_search import ConcurrencySearch, Window

SECONDS = 60


def shares(at_once: int, start: int, seeds: range, *, wandering: bool) -> list[float]:
    case = Case("server", model(at_once, 10, wandering=wandering), start)
    return [compare(case, seed, SECONDS).share for seed in seeds]


@pytest.mark.parametrize(("at_once", "start"), [(4, 1), (4, 32), (16, 4), (16, 128)])
def test_a_wandering_server_gets_what_it_can_do(at_once: int, start: int) -> None:
    assert min(shares(at_once, start, range(4), wandering=True)) > 0.9


@pytest.mark.parametrize(("at_once", "start"), [(8, 2), (8, 64)])
def test_a_quiet_server_gets_what_it_can_do(at_once: int, start: int) -> None:
    assert min(shares(at_once, start, range(4), wandering=False)) > 0.94


def test_the_same_seed_gives_the_same_run() -> None:
    case = Case("server", model(8, 10, wandering=True), 4)
    assert compare(case, 3, SECONDS) == compare(case, 3, SECONDS)


def test_noise_alone_does_not_raise_the_number_without_end() -> None:
    server = ModelServer(model(8, 10, wandering=True), 5, [4], 600)
    server.work_with_searches([ConcurrencySearch(highest=512, start=4)])
    assert server.in_flight_s / 600 < 4 * 8


def observe(search: ConcurrencySearch, rate: float) -> None:
    search.observe(Window(1.0, round(rate), 0, search.limit))


@pytest.mark.parametrize("stalled", range(4))
def test_one_stall_does_not_lower_the_number(stalled: int) -> None:
    search = ConcurrencySearch(highest=16, start=16)  # no higher number to try
    for number in range(4):
        observe(search, 300.0 if number == stalled else 100.0 * search.limit)
    assert search.current == 16
