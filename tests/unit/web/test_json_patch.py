"""The patches with which a live page gets its charts."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.web.json_patch import difference
from tests.support.event_stream import patched

PLAIN = st.none() | st.integers(-5, 5) | st.text("ab", max_size=2)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
)


@given(VALUES, VALUES)
def test_a_patch_makes_the_new_value_from_the_old_one(old: Any, new: Any) -> None:
    patch = difference(old, new)
    assert (patch is None) == (old == new)
    if patch is not None:
        assert patched(old, patch) == new


@given(st.lists(st.integers(), max_size=50), st.lists(st.integers(), min_size=1, max_size=3))
def test_a_list_that_grows_is_sent_by_its_new_items(known: list[int], added: list[int]) -> None:
    assert difference({"values": known}, {"values": known + added}) == {"in": {"values": {"tail": [len(known), added]}}}
