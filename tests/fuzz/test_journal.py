"""The journal reader under byte damage: it names the damage, or reads what the file held at some moment."""

from functools import lru_cache

from hypothesis import strategies as st

from midaz_seed.errors import RunError
from midaz_seed.plan.items import Phase
from midaz_seed.runs.journal import FORMAT
from midaz_seed.runs.journal_format import CREATED, TRACK_SHIFT, done_in, encode
from tests.support.damage import Damage, damaged, damages
from tests.support.fuzzing import fuzz
from tests.support.journals import DIGEST, Knowledge, journal_file, knowledge, open_journal, story

OPENING_BYTES = 13
"""Size of the frame that a session writes when it opens a journal."""
STORIES = st.integers(0, 5)


def _read(data: bytes) -> Knowledge | None:
    """Return what a journal says; None when it is refused with a place and what to do."""
    with journal_file(data) as path:
        done_in(path)
        try:
            journal = open_journal(path)
        except RunError as error:
            refusal = error
        else:
            refusal = None
        if refusal is not None:
            assert refusal.where == str(path)
            assert refusal.hint
            if "damaged at byte" in refusal.message:
                assert 0 <= int(refusal.message.partition("byte ")[2].partition(":")[0]) <= len(data)
            return None
        found = knowledge(journal)
        dropped = data[path.stat().st_size - OPENING_BYTES :]
        assert not dropped[8 + int.from_bytes(dropped[:2], "little") :].strip(b"\0"), "more than one frame was dropped"
        journal.close(clean=False)
        again = open_journal(path)  # what was read can be continued, and read again
        assert knowledge(again) == found
        again.close(clean=False)
        return found


@fuzz(examples=800, number=STORIES, damage=damages())
def test_damage_is_named_or_what_is_read_was_once_the_whole_truth(number: int, damage: list[Damage]) -> None:
    written = story(number)
    data = damaged(written.data, damage, (*written.copies, written.other), written.ends)
    found = _read(data)
    if found is None:
        assert data != written.data
    else:
        assert found in _moments(number)


@lru_cache(maxsize=12)
def _moments(number: int) -> list[Knowledge]:
    """Return what the two journals of a story said after each of their frames."""
    written = story(number)
    own, other = _after_each_frame(written.data), _after_each_frame(written.other)
    recorded = written.recorded
    for moment in own:
        assert moment.made <= recorded.made
        assert moment.ids <= recorded.ids
        assert {item for item, _ in moment.unknown} <= recorded.leased | {item for item, _ in recorded.keys}
    return [Knowledge(frozenset(), frozenset(), frozenset()), *own, *other]


def _after_each_frame(data: bytes) -> list[Knowledge]:
    moments, at = [], 0
    while at < len(data):
        at += 8 + int.from_bytes(data[at : at + 2], "little")
        moment = _read(data[:at])
        assert moment is not None
        moments.append(moment)
    return moments


@fuzz(examples=400, start=st.binary(max_size=40), rest=st.binary(max_size=300), headed=st.booleans())
def test_bytes_that_are_no_journal_are_refused(start: bytes, rest: bytes, headed: bool) -> None:
    data = (story(0).data[: story(0).ends[0]] if headed else b"") + start + rest
    found = _read(data)
    assert found is None or not (found.made or found.ids)


RECORDS = st.lists(
    st.tuples(
        st.sampled_from([b"H", b"O", b"L", b"S", b"A", b"B", b"N", b"C", b"E", b"?", b""]), st.binary(max_size=60)
    ),
    max_size=6,
)


@fuzz(examples=600, records=RECORDS, headed=st.booleans(), memory_mb=600)
def test_records_of_any_form_with_valid_checks_are_refused_or_read(
    records: list[tuple[bytes, bytes]], headed: bool
) -> None:
    head = [b"H" + f"{FORMAT}:{DIGEST}".encode()] if headed else []
    data, _ = encode([*head, *(kind + body for kind, body in records)], 0)
    _read(data)


@fuzz(examples=100, ordinal=st.integers(0, 80), text=st.text(alphabet="abcé", max_size=12), more=st.integers(0, 40))
def test_an_id_is_read_whole_or_its_record_is_refused(ordinal: int, text: str, more: int) -> None:
    item = (len(Phase) + list(Phase).index(Phase.ACCOUNTS) << TRACK_SHIFT) + ordinal
    record = b"C" + CREATED.pack(item, 1, len(text.encode()) + more) + text.encode()
    data, _ = encode([b"H" + f"{FORMAT}:{DIGEST}".encode(), record], 0)
    found = _read(data)
    if more:
        assert found is None
    else:
        assert found is not None
        assert found.ids == ({((0, Phase.ACCOUNTS, ordinal), text)} if text else set())


@fuzz(examples=100, number=STORIES, zeros=st.integers(1, 200_000), kept=st.integers(0, 2**16))
def test_zeros_in_place_of_a_tail_are_what_a_crash_leaves(number: int, zeros: int, kept: int) -> None:
    data = story(number).data
    kept %= len(data)
    found, cut = _read(data[:kept] + bytes(zeros)), _read(data[:kept])
    assert found is not None
    assert cut is not None
    assert found in _moments(number)
    assert found.made >= cut.made  # the last byte of a frame may have been a zero


def test_the_stories_say_something() -> None:
    found = _read(story(3).data)
    assert found is not None
    assert len(found.made) > 5
    assert len(found.ids) > 3
    assert len(found.unknown) > 5
    assert {phase for _, phase, _ in found.made} == {Phase.DEPOSITS, Phase.TRANSFERS}
