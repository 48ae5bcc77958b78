"""Accepted and settled throughput: what was accepted in a phase that moves money, and when reads showed it."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from midaz_seed.plan.items import Phase
from midaz_seed.reporting.report_figures import DrainPoint, ThroughputReport

POINTS_MAX = 60
"""Maximum points of a drain curve in the report."""

Point = TypeVar("Point")


@dataclass(frozen=True, slots=True)
class Observation:
    """How much a read did not show yet; `at_s` is when it was complete, in monotonic seconds."""

    at_s: float
    outstanding: int


@dataclass(slots=True)
class SettlementTimeline:
    """One phase that moves money, in one ledger. All times are monotonic seconds of one clock.

    Deposits are settled when a read at the barrier shows all of them in the balances; their records are not read then.
    Transfers are settled when the verification has found every balance as planned and then every transaction in the
    server's list or count. It reads other things in between, so on a server without lag that is a few answers after
    the last movement. A read counts from its completion. Without verification, transfers are not observed to settle.
    """

    phase: Phase
    transactions: int = 0
    """Accepted transactions: answered with a 201 of their own."""
    movements: int = 0
    """Movements in the accepted transactions."""
    first_send_s: float | None = None
    last_answer_s: float = 0.0
    """For a lost answer, the time at which the balances decided the transaction."""
    balances: list[Observation] = field(default_factory=list)
    """Reads of the balances: how many did not show all accepted movements."""
    records: list[Observation] = field(default_factory=list)
    """Reads of the list or count: how many transactions were missing."""

    def begin(self, sent_s: float) -> None:
        """Record that a transaction was sent."""
        if self.first_send_s is None or sent_s < self.first_send_s:
            self.first_send_s = sent_s

    def answered(self, now_s: float) -> None:
        """Record that the outcome of a transaction is known."""
        self.last_answer_s = now_s

    def accept(self, movements: int, sent_s: float, now_s: float) -> None:
        """Record that a transaction that was sent at `sent_s` was accepted."""
        if self.first_send_s is None or sent_s < self.first_send_s:
            self.first_send_s = sent_s
        self.last_answer_s = now_s
        self.transactions += 1
        self.movements += movements

    def observe_balances(self, now_s: float, outstanding: int) -> None:
        """Record a complete read of the ledger's balances."""
        _append_thinned(self.balances, Observation(now_s, outstanding))

    def observe_records(self, now_s: float, outstanding: int) -> None:
        """Record a complete read of the ledger's number of transactions."""
        _append_thinned(self.records, Observation(now_s, outstanding))

    @property
    def settled_s(self) -> float | None:
        """When everything was first observed settled; None when it was not."""
        tracks = [self.balances, self.records] if self.phase is Phase.TRANSFERS else [self.balances]
        if any(not track or track[-1].outstanding for track in tracks):
            return None
        return tracks[-1][-1].at_s

    @property
    def last_read_s(self) -> float:
        """Time of the last read or answer."""
        return max(track[-1].at_s if track else self.last_answer_s for track in (self.balances, self.records))

    def shift(self, by_s: float) -> None:
        """Convert its times to another clock, which is ahead by `by_s` seconds."""
        if self.first_send_s is not None:
            self.first_send_s += by_s
        self.last_answer_s += by_s
        self.balances = [Observation(seen.at_s + by_s, seen.outstanding) for seen in self.balances]
        self.records = [Observation(seen.at_s + by_s, seen.outstanding) for seen in self.records]


def throughput(phase: Phase, timelines: Iterable[SettlementTimeline]) -> ThroughputReport | None:
    """Combine the timelines of all ledgers in one phase.

    Counts are summed. Times are the union of the ledgers' times: seconds in which at least one of them was sending
    (first send to last answer), or sending or settling (first send to the read that showed it settled, or to its last
    read when none did). The drain curve aligns the ledgers at their last answers and, at each point, adds up what each
    ledger's latest read left outstanding; before the first read, what that one left. `drain_s` is the longest drain.

    Args:
        phase: deposits or transfers.
        timelines: one timeline per ledger, all on one clock.

    Returns:
        The figures; None when nothing was accepted in the phase.
    """
    sent = [
        (timeline.first_send_s, timeline)
        for timeline in timelines
        if timeline.first_send_s is not None and timeline.transactions
    ]
    if not sent:
        return None
    ended = [(timeline.settled_s, timeline) for _, timeline in sent]
    settled = [(at_s, timeline) for at_s, timeline in ended if at_s is not None]
    transactions = sum(timeline.transactions for _, timeline in sent)
    accepted = sum(timeline.movements for _, timeline in sent)
    seen = sum(timeline.movements for _, timeline in settled)
    sending_s = _covered_s((since_s, timeline.last_answer_s) for since_s, timeline in sent)
    settling_s = _covered_s((since_s, timeline.settled_s or timeline.last_read_s) for since_s, timeline in sent)
    return ThroughputReport(
        phase=phase.value,
        transactions_accepted=transactions,
        movements_accepted=accepted,
        movements_settled=seen,
        sending_s=sending_s,
        settling_s=settling_s,
        transactions_accepted_per_s=transactions / sending_s if sending_s else 0.0,
        movements_accepted_per_s=accepted / sending_s if sending_s else 0.0,
        movements_settled_per_s=seen / settling_s if settled and settling_s else None,
        drain_s=max((at_s - timeline.last_answer_s for at_s, timeline in settled), default=None),
        drain=_curve([timeline for _, timeline in sent]),
    )


def _curve(timelines: Sequence[SettlementTimeline]) -> tuple[DrainPoint, ...]:
    delays_s = sorted(
        {
            seen.at_s - timeline.last_answer_s
            for timeline in timelines
            for track in (timeline.balances, timeline.records)
            for seen in track
        }
    )
    return tuple(
        DrainPoint(
            since_s,
            sum(_outstanding(timeline.balances, timeline.last_answer_s, since_s) for timeline in timelines),
            sum(_outstanding(timeline.records, timeline.last_answer_s, since_s) for timeline in timelines),
        )
        for since_s in _thinned(delays_s)
    )


def _outstanding(track: list[Observation], last_answer_s: float, since_s: float) -> int:
    """Return what the latest read of a ledger left outstanding `since_s` after its last answer; 0 without reads."""
    if not track:
        return 0
    # the same subtraction as for the points of the curve: a sum could differ by a rounding error
    passed = bisect_right(track, since_s, key=lambda seen: seen.at_s - last_answer_s)
    return track[max(passed - 1, 0)].outstanding


def _append_thinned(track: list[Observation], observation: Observation) -> None:
    """Append an observation, and thin the list out when it is long: a barrier may read balances for hours."""
    track.append(observation)
    if len(track) > 2 * POINTS_MAX:
        track[:] = _thinned(track)


def _thinned(points: list[Point]) -> list[Point]:
    """Return at most POINTS_MAX of the points, evenly spaced, with the first and the last."""
    if len(points) <= POINTS_MAX:
        return points
    return [points[index * (len(points) - 1) // (POINTS_MAX - 1)] for index in range(POINTS_MAX)]


def _covered_s(spans: Iterable[tuple[float, float]]) -> float:
    """Return the length of the union of the spans, in seconds."""
    ordered = sorted(spans)
    total_s = 0.0
    end_s = ordered[0][0]
    for since_s, until_s in ordered:
        total_s += max(until_s - max(since_s, end_s), 0.0)
        end_s = max(end_s, until_s)
    return total_s
