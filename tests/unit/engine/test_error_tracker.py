"""Failures are counted truly, each kind once, in memory that does not grow with them."""

from midaz_seed.clock import FakeClock
from midaz_seed.engine.requests.error_tracker import GROUPS_MAX, ITEMS_MAX, OTHER_CODES, ErrorTracker
from midaz_seed.model.outcomes import ErrorClass, Failure
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import ErrorSeen, Event

DOWN = Failure(ErrorClass.SERVER, "0046", "internal server error", "POST /v1/accounts {}", "500 {}")


class Tracked:
    """A tracker, its clock, and what it emitted."""

    def __init__(self) -> None:
        self.clock = FakeClock(start_s=1000.0)
        self.events: list[Event] = []
        self.tracker = ErrorTracker(self.clock, self.events.append)

    def fail(
        self,
        failure: Failure = DOWN,
        *,
        phase: Phase = Phase.ACCOUNTS,
        entity: str = "account",
        key: str = "o1.l1.a1",
        final: bool = False,
    ) -> None:
        self.tracker.record(failure, phase=phase, entity=entity, key=key, parent="o1.l1", final=final)


def test_failures_are_counted_by_class_phase_entity_and_code_and_never_by_message() -> None:
    tracked = Tracked()
    for number in range(10):
        tracked.fail(Failure(ErrorClass.SERVER, "0046", f"request {number} failed"))
    tracked.fail(Failure(ErrorClass.TIMEOUT, "", "no answer"))
    tracked.fail(phase=Phase.DEPOSITS)
    tracked.fail(entity="ledger")
    tracked.fail(Failure(ErrorClass.SERVER, "0047", "another"))
    groups = tracked.tracker.groups()
    assert [group.count for group in groups] == [10, 1, 1, 1, 1], "the most frequent first"
    assert tracked.tracker.by_class() == {ErrorClass.SERVER: 13, ErrorClass.TIMEOUT: 1}


def test_failed_attempts_and_rejected_items_are_counted_apart() -> None:
    tracked = Tracked()
    for attempt in range(3):
        tracked.fail(final=attempt == 2)
    (group,) = tracked.tracker.groups()
    assert (group.count, group.final) == (3, 1)
    assert tracked.tracker.failed_total == 1
    assert [item.key for item in tracked.tracker.failed_items] == ["o1.l1.a1"]


async def test_first_and_last_are_the_moments_of_the_first_and_the_last() -> None:
    tracked = Tracked()
    for _ in range(4):
        tracked.fail()
        await tracked.clock.advance(10)
    (group,) = tracked.tracker.groups()
    assert (group.first_seen_s, group.last_seen_s) == (1000.0, 1030.0)


def test_the_example_is_the_first_with_its_key_and_parent() -> None:
    tracked = Tracked()
    tracked.fail(key="o1.l1.a7")
    tracked.fail(key="o1.l1.a8")
    (group,) = tracked.tracker.groups()
    assert (group.example.key, group.example.parent) == ("o1.l1.a7", "o1.l1")
    assert group.example.request == "POST /v1/accounts {}"
    assert group.example.answer == "500 {}"


def test_each_kind_is_reported_once() -> None:
    tracked = Tracked()
    for _ in range(5):
        tracked.fail()
        tracked.fail(phase=Phase.DEPOSITS)
    assert tracked.events == [
        ErrorSeen(ErrorClass.SERVER, Phase.ACCOUNTS, "o1.l1.a1", "0046", "internal server error"),
        ErrorSeen(ErrorClass.SERVER, Phase.DEPOSITS, "o1.l1.a1", "0046", "internal server error"),
    ]


def test_no_secret_is_stored_or_reported() -> None:
    tracked = Tracked()
    tracked.fail(Failure(ErrorClass.AUTH, "", "token=hunter2", "Bearer hunter2", '{"secret":"hunter2"}'), final=True)
    kept = repr((tracked.tracker.groups(), tracked.tracker.failed_items, tracked.events))
    assert "hunter2" not in kept
    assert kept.count("***") == 5


def test_a_hundred_failed_items_are_kept_by_name_and_all_are_counted() -> None:
    tracked = Tracked()
    for number in range(3 * ITEMS_MAX):
        tracked.fail(key=f"o1.l1.a{number}", final=True)
    assert tracked.tracker.failed_total == 3 * ITEMS_MAX
    assert [item.key for item in tracked.tracker.failed_items] == [f"o1.l1.a{number}" for number in range(ITEMS_MAX)]


def test_a_server_that_makes_up_a_code_for_each_answer_does_not_fill_the_memory() -> None:
    tracked = Tracked()
    for number in range(5 * GROUPS_MAX):
        tracked.fail(Failure(ErrorClass.SERVER, f"E{number}", "no"))
    tracked.fail(phase=Phase.DEPOSITS)
    groups = tracked.tracker.groups()
    assert len(groups) <= GROUPS_MAX + 2
    assert sum(group.count for group in groups) == 5 * GROUPS_MAX + 1, "none is lost"
    assert (groups[0].code, groups[0].count) == (OTHER_CODES, 4 * GROUPS_MAX)
    assert len(tracked.events) == len(groups)
