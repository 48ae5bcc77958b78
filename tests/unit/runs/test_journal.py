"""The journal: what it knows after any end of the process, and that damage is named and never half-read."""

import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.clock import FakeClock
from midaz_seed.errors import JournalError, OutputError, RunError
from midaz_seed.plan.items import Phase
from midaz_seed.runs.journal import FORMAT, LEASE_ITEMS, Journal, PhaseLog
from midaz_seed.runs.journal_format import done_in, encode

COUNT = 3 * LEASE_ITEMS + 5


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def _open(path: Path) -> tuple[Journal, PhaseLog]:
    journal = Journal(FakeClock(), path, "digest")
    return journal, journal.phase_log(0, Phase.TRANSFERS, COUNT)


def _unknown(phase_log: PhaseLog) -> list[int]:
    return [one.ordinal for one in phase_log.unknown()]


def test_an_item_is_on_disk_before_it_may_be_sent(path: Path) -> None:
    _, phase_log = _open(path)
    phase_log.begin(0)
    _, read = _open(path)  # as after a kill: nothing was closed
    assert 0 in _unknown(read)


def test_what_was_acknowledged_before_a_later_lease_survives_a_kill(path: Path) -> None:
    _, phase_log = _open(path)
    for ordinal in range(LEASE_ITEMS):
        phase_log.begin(ordinal)
        phase_log.made(ordinal)
    phase_log.begin(LEASE_ITEMS)
    _, read = _open(path)
    assert all(read.is_made(ordinal) for ordinal in range(LEASE_ITEMS))
    assert _unknown(read) == list(range(LEASE_ITEMS, 2 * LEASE_ITEMS))


def test_a_lease_ends_where_the_phase_ends(path: Path) -> None:
    _, phase_log = _open(path)
    phase_log.begin(COUNT - 2)
    _, read = _open(path)
    assert _unknown(read) == [COUNT - 2, COUNT - 1]


def test_after_a_clean_end_only_what_has_no_answer_is_unknown(path: Path) -> None:
    journal, phase_log = _open(path)
    for ordinal in range(5):
        phase_log.begin(ordinal)
    phase_log.made(0)
    phase_log.not_made(1)
    phase_log.made(3)
    journal.close(clean=True)
    again, read = _open(path)
    assert again.clean
    assert _unknown(read) == [2, 4]
    assert not read.is_made(1)


def test_a_killed_session_is_not_clean(path: Path) -> None:
    journal, phase_log = _open(path)
    phase_log.begin(0)
    journal.close(clean=True)
    _, second = _open(path)
    second.begin(1)
    third, _ = _open(path)
    assert not third.clean


async def test_the_generation_and_the_time_of_the_last_key_are_kept(path: Path) -> None:
    clock = FakeClock()
    phase_log = Journal(clock, path, "digest").phase_log(0, Phase.TRANSFERS, COUNT)
    began_s = clock.time()
    phase_log.begin(0)
    await clock.advance(7)
    phase_log.resend(1, 3)
    unknown = {one.ordinal: one for one in _open(path)[1].unknown()}
    assert (unknown[0].generation, unknown[0].sent_s) == (0, began_s)
    assert (unknown[1].generation, unknown[1].sent_s) == (3, began_s + 7)


def test_what_an_earlier_session_may_have_sent_goes_out_under_the_key_that_it_had(path: Path) -> None:
    _, phase_log = _open(path)
    phase_log.begin(0)
    phase_log.resend(0, 4)
    _, second = _open(path)
    assert second.begin(0) == 4
    assert second.begin(1) == 0
    assert second.begin(LEASE_ITEMS) == 0


def test_ids_of_entities_come_back(path: Path) -> None:
    journal, _ = _open(path)
    accounts = journal.phase_log(2, Phase.ACCOUNTS, 10)
    for ordinal, created_by_this_run in ((0, True), (1, False)):
        accounts.begin(ordinal)
        accounts.created(ordinal, f"id-{ordinal}", created_by_this_run=created_by_this_run)
    journal.flush()
    read = _open(path)[0].phase_log(2, Phase.ACCOUNTS, 10)
    assert read.known_id(0) == "id-0"
    assert read.known_id(1) == "id-1"
    assert read.known_id(2) == ""
    assert read.is_unknown(2)
    assert not read.is_unknown(0)


def test_an_id_that_is_too_long_to_keep_leaves_the_entity_unknown(path: Path) -> None:
    journal, _ = _open(path)
    accounts = journal.phase_log(2, Phase.ACCOUNTS, 10)
    accounts.begin(0)
    accounts.created(0, "x" * 256, created_by_this_run=True)
    journal.flush()
    assert _open(path)[0].phase_log(2, Phase.ACCOUNTS, 10).is_unknown(0)


def _written(path: Path) -> tuple[bytes, int]:
    """A journal of a few records, and where the last of them begins."""
    _, phase_log = _open(path)
    for ordinal in range(2 * LEASE_ITEMS):
        phase_log.begin(ordinal)
        phase_log.made(ordinal)
    phase_log.begin(2 * LEASE_ITEMS)
    data = path.read_bytes()
    return data, len(data) - 8 - 21


def test_a_journal_cut_at_any_byte_of_its_last_record_loses_that_record_and_nothing_else(path: Path) -> None:
    data, last = _written(path)
    whole = _unknown(_open(path)[1])
    assert whole == list(range(2 * LEASE_ITEMS, 3 * LEASE_ITEMS))
    for cut in range(last, len(data)):
        path.write_bytes(data[:cut])
        journal, read = _open(path)
        assert _unknown(read) == []
        assert read.is_made(2 * LEASE_ITEMS - 1)
        assert path.stat().st_size == last + 13  # the torn record is gone; a session has begun
        journal.close(clean=True)


def test_a_journal_that_continues_after_a_torn_record_can_be_read_to_its_end(path: Path) -> None:
    data, _ = _written(path)
    path.write_bytes(data[:-3])
    _, phase_log = _open(path)
    phase_log.begin(2 * LEASE_ITEMS)
    assert _unknown(_open(path)[1]) == list(range(2 * LEASE_ITEMS, 3 * LEASE_ITEMS))


def test_zeros_that_a_crashed_machine_left_at_the_end_are_dropped(path: Path) -> None:
    data, _ = _written(path)
    path.write_bytes(data + bytes(500))
    assert _unknown(_open(path)[1]) == list(range(2 * LEASE_ITEMS, 3 * LEASE_ITEMS))


def test_a_changed_byte_anywhere_before_the_last_record_is_named_and_nothing_is_read(path: Path) -> None:
    data, last = _written(path)
    for place in range(last):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(RunError, match="damaged at byte"):
            _open(path)


def _records(data: bytes) -> list[bytes]:
    """Return the frames of a journal."""
    found, at = [], 0
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 2], "little")
        found.append(data[at:end])
        at = end
    return found


@pytest.mark.parametrize("change", ["repeated", "removed", "moved", "an older copy behind it", "without its start"])
def test_a_record_that_is_not_where_it_was_written_is_damage(path: Path, change: str) -> None:
    data, _ = _written(path)
    records = _records(data)
    changed = {
        "repeated": [*records[:3], *records[2:]],
        "removed": [*records[:2], *records[3:]],
        "moved": [records[0], records[2], records[1], *records[3:]],
        "an older copy behind it": [*records, *records[:3]],
        "without its start": records[1:],
    }[change]
    path.write_bytes(b"".join(changed))
    with pytest.raises(RunError, match="damaged at byte"):
        _open(path)


def test_a_record_of_a_wrong_form_is_damage_and_not_an_internal_error(path: Path) -> None:
    for payload in (b"Ashort", b"L1", b"C" + bytes(9) + b"\x05id", b"?", b"O"):
        path.write_bytes(encode([b"H" + f"{FORMAT}:digest".encode(), payload], 0)[0])
        with pytest.raises(RunError, match="damaged at byte"):
            _open(path)


def test_a_lease_that_was_cut_off_with_zeros_after_it_is_dropped_and_the_session_did_not_end_cleanly(
    path: Path,
) -> None:
    data, last = _written(path)
    path.write_bytes(data[: last + 15] + bytes(4096))
    journal, read = _open(path)
    assert _unknown(read) == []
    assert not journal.clean


def test_a_journal_of_an_earlier_format_is_refused_with_both_formats(path: Path) -> None:
    path.write_bytes(encode([b"H1:digest"], 0)[0])
    with pytest.raises(RunError, match=r"format 1 .* this is format 3"):
        _open(path)


def test_the_journal_of_another_plan_is_refused(path: Path) -> None:
    _open(path)[0].close(clean=True)
    with pytest.raises(RunError, match="plan other"):
        Journal(FakeClock(), path, "other")


def test_a_journal_that_cannot_be_opened_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be opened"):
        Journal(FakeClock(), tmp_path, "digest")


def test_a_full_disk_forbids_the_sending_and_leaves_no_half_record(path: Path) -> None:
    journal, phase_log = _open(path)
    phase_log.begin(0)
    size = path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))  # as a disk with room for ten bytes more
    try:
        with pytest.raises(JournalError, match="nothing more is sent"):
            phase_log.begin(LEASE_ITEMS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.stat().st_size == size
    phase_log.begin(LEASE_ITEMS)  # there is room again
    assert _unknown(_open(path)[1]) == list(range(2 * LEASE_ITEMS))
    journal.close(clean=True)


def test_a_journal_that_begins_anew_knows_nothing(path: Path) -> None:
    journal, phase_log = _open(path)
    phase_log.begin(0)
    journal.restart()
    assert not journal.has_records
    assert _unknown(_open(path)[1]) == []


def test_what_is_done_can_be_counted_without_owning_the_run(path: Path) -> None:
    journal, phase_log = _open(path)
    for ordinal in range(3):
        phase_log.begin(ordinal)
        phase_log.made(ordinal)
    journal.phase_log(0, Phase.ACCOUNTS, 4).created(1, "id", created_by_this_run=True)
    journal.flush()
    assert done_in(path) == 4
    assert done_in(path.with_name("nothing")) == 0


def test_without_a_file_nothing_is_kept() -> None:
    journal = Journal(FakeClock())
    phase_log = journal.phase_log(0, Phase.TRANSFERS, COUNT)
    assert phase_log.begin(0) == 0
    phase_log.made(0)
    journal.close(clean=True)
    assert not journal.enabled


STEPS = st.lists(st.tuples(st.sampled_from(["begin", "made", "not made", "resend"]), st.integers(0, COUNT - 1)))


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, kills=st.integers(0, 3))
def test_after_any_story_made_and_unknown_are_what_a_model_says(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], kills: int
) -> None:
    path = tmp_path_factory.mktemp("any") / "journal"
    journal, phase_log = _open(path)
    began: set[int] = set()
    made: set[int] = set()
    refused: set[int] = set()
    following = 0
    for number, (what, ordinal) in enumerate(steps):
        if what == "begin" and following < COUNT:
            phase_log.begin(following)
            began.add(following)
            following += 1
        elif ordinal in began and ordinal not in made:
            if what == "made":
                phase_log.made(ordinal)
                made.add(ordinal)
                refused.discard(ordinal)
            elif what == "not made":
                phase_log.not_made(ordinal)
                refused.add(ordinal)
            elif what == "resend":
                phase_log.resend(ordinal, number + 1)
                refused.discard(ordinal)
        if kills and number % 7 == 6:
            journal.flush()  # the moment before a kill, where everything buffered got out
            journal, phase_log = _open(path)
            following = max([*began, -1]) + 1
    journal.flush()
    _, read = _open(path)
    unknown = set(_unknown(read))
    assert {ordinal for ordinal in range(COUNT) if read.is_made(ordinal)} == made
    assert began - made - refused <= unknown
    assert not unknown & (made | (refused - {ordinal for ordinal in refused if ordinal not in began}))


def test_an_item_that_starts_after_later_ones_is_on_disk_before_it_may_be_sent(path: Path) -> None:
    _, phase_log = _open(path)
    phase_log.order_ends = COUNT
    phase_log.begin(0)
    phase_log.begin(LEASE_ITEMS + 10)  # what is before it waits for others
    _, read = _open(path)
    assert _unknown(read) == list(range(2 * LEASE_ITEMS + 10))


def test_items_that_waited_until_the_end_are_known_as_not_sent(path: Path) -> None:
    journal, phase_log = _open(path)
    phase_log.order_ends = COUNT
    phase_log.begin(0)
    phase_log.begin(40)
    phase_log.not_started(range(1, 40))
    phase_log.not_started([90])  # which is not leased, so that it can be leased later
    journal.close(clean=True)
    journal, read = _open(path)
    assert _unknown(read) == [0, 40]
    read.begin(90)
    _, read = _open(path)
    assert 90 in _unknown(read)


def test_a_lease_ends_with_the_epoch(path: Path) -> None:
    _, phase_log = _open(path)
    phase_log.order_ends = 10
    phase_log.begin(5)
    _, read = _open(path)
    assert _unknown(read) == list(range(10))


def test_what_was_not_sent_in_an_earlier_session_is_unknown_again_when_it_may_be_sent(path: Path) -> None:
    journal, phase_log = _open(path)
    phase_log.order_ends = COUNT
    phase_log.begin(0)
    phase_log.not_started(range(1, LEASE_ITEMS))
    journal.close(clean=True)
    _, again = _open(path)
    again.lease_again([1, 2, 90])
    _, read = _open(path)
    assert _unknown(read) == [0, 1, 2]
