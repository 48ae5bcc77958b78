"""Amounts of every distribution: exact, within their bounds, and the same on every platform."""

from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.plan.drawing.amounts import AMOUNT_MAX, compile_amount, minor_units
from midaz_seed.scenarios.model import AmountSpec

P2P: list[Any] = [
    ["96.5", {"lognormal": {"median": "48", "sigma": "0.82"}}],
    ["3.5", {"lognormal": {"median": "1500", "sigma": "1.6"}}],
]
EXAMPLES: dict[str, dict[str, Any]] = {
    "const": {"const": "12.50"},
    "uniform": {"uniform": ["10", "50"]},
    "lognormal": {"lognormal": {"median": "48", "sigma": "0.82"}},
    "pareto": {"pareto": {"min": "20", "alpha": "2.5"}},
    "exponential": {"exponential": "50"},
    "mix": {"mix": P2P},
    "choose": {"choose": {"21.90": 3, "34.90": 2, "55.90": 1}},
    "bands": {"bands": [[60, "1", "100"], [40, "100", "5000"]]},
}


def drawn(spec: dict[str, Any], count: int = 2000, scale: int = 2, seed: int = 1) -> list[int]:
    draw, bits = compile_amount(AmountSpec.model_validate(spec), scale), Random(seed).getrandbits
    return [draw(bits) for _ in range(count)]


FIRST = {
    "const": [1250, 1250, 1250],
    "uniform": [1537, 3277, 4390],
    "lognormal": [1938, 5537, 11128],
    "pareto": [2118, 2800, 4242],
    "exponential": [721, 4210, 9400],
    "mix": [5537, 9635, 1369],
    "choose": [2190, 3490, 5590],
    "bands": [5735, 426639, 2625],
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_first_amounts_are_the_same_on_every_platform(name):
    assert drawn(EXAMPLES[name], 3) == FIRST[name]


@pytest.mark.parametrize("name", EXAMPLES)
@settings(max_examples=30)
@given(
    scale=st.sampled_from([2, 8, 18]),
    least=st.decimals("0.01", "200", places=2),
    more=st.decimals("0", "200", places=2),
    shares=st.dictionaries(st.sampled_from(["0.01", "1", "5", "10", "33.33"]), st.integers(0, 25), max_size=3),
    seed=st.integers(0, 2**32),
)
def test_amounts_are_between_min_and_max(name, scale, least, more, shares, seed):
    spec = EXAMPLES[name] | {"min": str(least), "max": str(least + more), "round": shares}
    unit = 10**scale
    assert all(least * unit <= amount <= (least + more) * unit for amount in drawn(spec, 10, scale, seed))


def test_bounds_do_not_change_amounts_within_them():
    free = drawn(EXAMPLES["lognormal"])
    bounded = drawn(EXAMPLES["lognormal"] | {"min": "20", "max": "90"})
    # a bound inside an interval is applied after the draw, so the same bits give the same amount
    assert [min(max(amount, 2000), 9000) for amount in free] == bounded


def test_every_amount_is_at_least_one_minor_unit():
    assert min(drawn({"lognormal": {"median": "0.01", "sigma": "2"}}, scale=2)) == 1
    assert min(drawn({"uniform": ["0", "0.03"]})) == 1


def test_the_constant_zero_remains_zero_because_accounts_can_open_empty():
    assert drawn({"const": "0"}, 3) == [0, 0, 0]


def test_the_wanted_share_of_the_amounts_is_rounded():
    amounts = drawn(EXAMPLES["lognormal"] | {"round": {"50": "40 %", "10": "20 %"}}, 10_000)
    fifties = sum(amount % 5000 == 0 for amount in amounts) / len(amounts)
    tens = sum(amount % 1000 == 0 for amount in amounts) / len(amounts)
    # of the amounts rounded to tens a share is a multiple of 50 by chance
    assert fifties == pytest.approx(0.44, abs=0.02)
    assert tens == pytest.approx(0.60, abs=0.02)


def test_rounding_goes_to_the_nearest_multiple_and_never_to_zero():
    assert set(drawn({"const": "7.50", "round": {"5": "100 %"}})) == {1000}
    assert set(drawn({"const": "7.49", "round": {"5": "100 %"}})) == {500}
    assert set(drawn({"const": "0.10", "round": {"5": "100 %"}})) == {500}


def test_a_bound_wins_over_rounding():
    assert set(drawn({"const": "0.10", "round": {"5": "100 %"}, "max": "3"})) == {300}


def test_weights_are_kept():
    amounts = drawn(EXAMPLES["choose"] | {"choose": {"1": 3, "2": 1, "3": 0}}, 8000)
    assert amounts.count(100) / 8000 == pytest.approx(0.75, abs=0.02)
    assert 300 not in amounts


def test_a_uniform_amount_reaches_both_ends():
    assert {min(drawn({"uniform": ["1", "1.03"]})), max(drawn({"uniform": ["1", "1.03"]}))} == {100, 103}


@pytest.mark.parametrize("text", ["123456789012.123456789012345678", "0.000000000000000001", "999999999999"])
def test_amounts_with_thirty_digits_are_exact(text):
    assert drawn({"const": text}, 1, 18) == [int(Fraction(text) * 10**18)]
    assert (
        drawn({"uniform": [text, text]}, 1, 18) == drawn({"choose": {text: 1}}, 1, 18) == drawn({"const": text}, 1, 18)
    )


def test_a_minor_unit_is_rounded_only_where_the_asset_has_fewer_decimals():
    assert minor_units(Decimal("12.345"), 2) == 1234
    assert minor_units(Decimal("12.345"), 3) == 12_345


@pytest.mark.parametrize(
    "spec",
    [
        {"const": str(10**30)},
        {"uniform": ["1", str(10**30)]},
        {"lognormal": {"median": str(10**27), "sigma": "1"}},
        {"lognormal": {"median": "1", "sigma": "100"}},
        {"lognormal": {"median": "1", "sigma": "100000"}},
        {"pareto": {"min": "1", "alpha": "0.1"}},
        {"mix": [["1", "5"], ["1", {"const": str(10**29)}]]},
        {"const": str(AMOUNT_MAX // 100), "round": {"3": "1 %"}},
    ],
)
def test_amounts_that_can_exceed_the_limit_are_refused_when_they_are_compiled(spec):
    with pytest.raises(ValueError, match="amount"):
        compile_amount(AmountSpec.model_validate(spec), 2)


def test_the_limit_itself_and_anything_cut_by_max_are_possible():
    assert drawn({"const": str(10**28)}, 1) == [AMOUNT_MAX]
    assert max(drawn({"lognormal": {"median": "1", "sigma": "90"}, "max": "1000"})) == 100_000


@pytest.mark.parametrize("spec", [{"of": "income"}, {"like": "pix"}, {"mix": [["1", {"like": "pix"}]]}])
def test_references_must_be_resolved_before(spec):
    with pytest.raises(ValueError, match="resolved before"):
        compile_amount(AmountSpec.model_validate(spec), 2)
