"""The mix of reads beside the writes, as text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.model.read_mix import ReadFigures, ReadKind, ReadStats, parse_read_mix


@given(st.dictionaries(st.sampled_from(list(ReadKind)), st.integers(1, 999_999), min_size=1))
def test_a_mix_reads_back(mix: dict[ReadKind, int]) -> None:
    assert parse_read_mix(", ".join(f"{kind}={weight}" for kind, weight in mix.items())) == mix


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be KIND=WEIGHT"),
        ("balance", "must be KIND=WEIGHT"),
        ("balanse=1", "did you mean balance?"),
        ("balance=1,balance=2", "given twice"),
        ("balance=0", "one weight must be above 0"),
    ],
)
def test_what_is_no_mix_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_read_mix(text)


def test_what_several_processes_read_is_added() -> None:
    one, other = ReadStats(sent=3, dropped=1), ReadStats(sent=4)
    other.kinds[ReadKind.LIST] = ReadFigures(answers=2, failed=1, wrong=1)
    other.kinds[ReadKind.LIST].latency.record(500)
    one.add(other)
    figures = one.kinds[ReadKind.LIST]
    assert (one.sent, one.dropped, figures.answers, figures.failed, figures.wrong) == (7, 1, 2, 1, 1)
    assert figures.latency.count == 1
