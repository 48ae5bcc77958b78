"""Accepted and settled apart: what was accepted in a phase that moves money, and when the server's reads showed it."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from midaz_seed.plan.items import Phase
from midaz_seed.reporting.report import DrainPoint, ThroughputReport

POINTS_MAX = 60
"""Points of a drain curve in the report."""

Each = TypeVar("Each")


@dataclass(frozen=True, slots=True)
class Observation:
    """How many things a read, complete at this moment (monotonic seconds), did not show yet."""

    at_s: float
    outstanding: int


@dataclass(slots=True)
class SettlementTimeline:
    """One phase that moves money, in one ledger. All moments are monotonic seconds of one clock.

    Deposits are settled when a look of the barrier finds all of them in the balances; nothing looks at their records
    then. Transfers are settled when the proof has found both, first every balance as planned and then every
    transaction in the server's list or count; it reads some other things in between, so on a server without any lag
    that is a few answers later than the last movement's. A look counts from the moment at which it was complete, so
    what is said to be settled was seen. Without a proof nobody sees transfers settle.
    """

    phase: Phase
    transactions: int = 0
    """Accepted: answered with a 201 of their own."""
    movements: int = 0
    """In the accepted transactions."""
    first_send_s: float | None = None
    last_answer_s: float = 0.0
    """Of the answers that were lost, the moment at which the balances decided them."""
    balances: list[Observation] = field(default_factory=list)
    """Balances that did not show yet what was accepted."""
    records: list[Observation] = field(default_factory=list)
    """Transactions that were not listed yet."""

    def begin(self, sent_s: float) -> None:
        """A transaction was sent."""
        if self.first_send_s is None or sent_s < self.first_send_s:
            self.first_send_s = sent_s

    def answered(self, now_s: float) -> None:
        """It is known what became of a transaction."""
        self.last_answer_s = now_s

    def accept(self, movements: int, sent_s: float, now_s: float) -> None:
        """A transaction that was sent at `sent_s` was accepted."""
        if self.first_send_s is None or sent_s < self.first_send_s:
            self.first_send_s = sent_s
        self.last_answer_s = now_s
        self.transactions += 1
        self.movements += movements

    def observe_balances(self, now_s: float, outstanding: int) -> None:
        """A look at all balances of the ledger is complete."""
        _keep(self.balances, Observation(now_s, outstanding))

    def observe_records(self, now_s: float, outstanding: int) -> None:
        """A look at the number of its transactions is complete."""
        _keep(self.records, Observation(now_s, outstanding))

    @property
    def settled_s(self) -> float | None:
        """When everything was first seen settled; None when that was not seen."""
        tracks = [self.balances, self.records] if self.phase is Phase.TRANSFERS else [self.balances]
        if any(not track or track[-1].outstanding for track in tracks):
            return None
        return tracks[-1][-1].at_s

    @property
    def last_look_s(self) -> float:
        """When it was last looked at, or answered."""
        return max(track[-1].at_s if track else self.last_answer_s for track in (self.balances, self.records))

    def shift(self, by_s: float) -> None:
        """Count its moments on another clock, which is ahead by so much."""
        if self.first_send_s is not None:
            self.first_send_s += by_s
        self.last_answer_s += by_s
        self.balances = [Observation(look.at_s + by_s, look.outstanding) for look in self.balances]
        self.records = [Observation(look.at_s + by_s, look.outstanding) for look in self.records]


def throughput(phase: Phase, flows: Iterable[SettlementTimeline]) -> ThroughputReport | None:
    """What all ledgers together did in a phase; None when nothing was accepted in it.

    Ledgers run side by side and each has its own barrier. Their counts are summed. Times are the union of the ledgers'
    times: seconds in which at least one of them was sending (first send to last answer), or sending or settling (first
    send to the look that saw it settled, or to its last look when none did). The drain curve puts the ledgers' last
    answers on top of each other, and at each point adds up what each ledger's latest look had left outstanding; before
    its first look it is what that showed, for it was not less. `drain_s` is the longest of the ledgers' drains.
    """
    begun = [(flow.first_send_s, flow) for flow in flows if flow.first_send_s is not None and flow.transactions]
    if not begun:
        return None
    ended = [(flow.settled_s, flow) for _, flow in begun]
    settled = [(at_s, flow) for at_s, flow in ended if at_s is not None]
    transactions = sum(flow.transactions for _, flow in begun)
    accepted = sum(flow.movements for _, flow in begun)
    seen = sum(flow.movements for _, flow in settled)
    sending_s = _covered_s((since_s, flow.last_answer_s) for since_s, flow in begun)
    settling_s = _covered_s((since_s, flow.settled_s or flow.last_look_s) for since_s, flow in begun)
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
        drain_s=max((at_s - flow.last_answer_s for at_s, flow in settled), default=None),
        drain=_curve([flow for _, flow in begun]),
    )


def _curve(flows: Sequence[SettlementTimeline]) -> tuple[DrainPoint, ...]:
    moments = sorted(
        {look.at_s - flow.last_answer_s for flow in flows for track in (flow.balances, flow.records) for look in track}
    )
    return tuple(
        DrainPoint(
            since_s,
            sum(_outstanding(flow.balances, flow.last_answer_s, since_s) for flow in flows),
            sum(_outstanding(flow.records, flow.last_answer_s, since_s) for flow in flows),
        )
        for since_s in _thinned(moments)
    )


def _outstanding(track: list[Observation], last_answer_s: float, since_s: float) -> int:
    """What the latest look of a ledger had left, so long after its last answer; nothing where nobody looked."""
    if not track:
        return 0
    # the same subtraction that made the moments: a sum could miss one by a rounding
    passed = bisect_right(track, since_s, key=lambda look: look.at_s - last_answer_s)
    return track[max(passed - 1, 0)].outstanding


def _keep(track: list[Observation], look: Observation) -> None:
    """A barrier may look for hours, so the looks are thinned as they come."""
    track.append(look)
    if len(track) > 2 * POINTS_MAX:
        track[:] = _thinned(track)


def _thinned(points: list[Each]) -> list[Each]:
    """At most POINTS_MAX of them, evenly, with the first and the last."""
    if len(points) <= POINTS_MAX:
        return points
    return [points[place * (len(points) - 1) // (POINTS_MAX - 1)] for place in range(POINTS_MAX)]


def _covered_s(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that lie in at least one of the spans."""
    ordered = sorted(spans)
    total_s = 0.0
    end_s = ordered[0][0]
    for since_s, until_s in ordered:
        total_s += max(until_s - max(since_s, end_s), 0.0)
        end_s = max(end_s, until_s)
    return total_s
