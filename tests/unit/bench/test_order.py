"""The order and the size of a benchmark's runs, its verdict, and the variants that it is given."""

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.bench.order import MOVEMENTS_MAX, first_movements, movements_for, rounds
from midaz_seed.bench.report import spread
from midaz_seed.bench.sizing import with_fewer, with_movements, with_scenario
from midaz_seed.bench.verdict import judge
from midaz_seed.cli.bench import bench
from midaz_seed.cli.variants import read_variant
from midaz_seed.errors import ExitCode, UnreachableError, UsageError
from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.settings.model import Settings


def test_two_variants_are_measured_as_abba() -> None:
    assert [names for _, names in rounds(("a", "b"), 4)] == [("a", "b"), ("b", "a"), ("a", "b"), ("b", "a")]


@given(st.integers(1, 9), st.integers(1, 4))
def test_each_variant_has_every_place_the_same_number_of_times(count: int, times: int) -> None:
    variants = [str(number) for number in range(count)]
    places = Counter((name, place) for _, names in rounds(variants, count * times) for place, name in enumerate(names))
    assert set(places.values()) == {times}
    assert len(places) == count**2


@given(st.integers(0, 10**9), st.floats(0, 10**6), st.floats(0, 10**6))
def test_a_run_has_at_least_one_movement_and_at_most_what_can_be_planned(
    planned: int, seconds: float, per_s: float
) -> None:
    assert 1 <= first_movements(planned) <= max(1, planned)
    assert 1 <= movements_for(seconds, per_s) <= MOVEMENTS_MAX


def test_the_spread_is_the_median_the_range_and_the_median_deviation() -> None:
    found = spread([10.0, 30.0, 11.0, 13.0])
    assert (found.median, found.min, found.max, found.mad) == (12.0, 10.0, 30.0, 1.5)


def test_a_case_keeps_the_numbers_that_were_given() -> None:
    scenario = load_scenario("contention")
    settings = Settings.model_validate({"scenario": scenario, "volume": {"customers": 70, "organizations": 2}})
    own = with_scenario(settings, scenario.case("zipf"))
    assert (own.scenario.scenario, own.volume.customers, own.volume.organizations) == ("contention-zipf", 70, 2)
    assert with_movements(own, 5).volume.movements == 5


def test_a_duration_needs_movements_by_chance() -> None:
    with pytest.raises(UsageError, match="--duration cannot set the size of the scenario classic"):
        with_movements(Settings(), 5)
    assert with_fewer(Settings(preset="medium"), 5).volume.accounts_per_ledger < 100


def test_an_error_or_a_signal_that_ends_a_benchmark_is_its_verdict() -> None:
    error = UnreachableError("no connection", hint="start it")
    ended = judge([], [], [], error, None)
    assert (ended.exit_code, ended.next_step) == (ExitCode.TARGET, "start it")
    assert judge([], [], [], None, ExitCode.INTERRUPTED).exit_code == 130


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("c=8", [("generation.limits.maxConcurrency", "8")]),
        (
            "concurrency=8  rate=50",
            [("generation.limits.maxConcurrency", "8"), ("generation.limits.requestsPerSecond", "50")],
        ),
        ("breaker.openS=3", [("breaker.openS", "3")]),
        ("header='X-A: b c'", [("target.headers", "X-A: b c")]),
    ],
)
def test_a_variant_is_read_as_flags_or_paths(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(flag.path, flag.value) for flag in read_variant(text, bench.params)] == expected


@given(st.text(max_size=30))
def test_any_text_of_a_variant_is_read_or_refused(text: str) -> None:
    with suppress(UsageError):
        assert read_variant(text, bench.params)
