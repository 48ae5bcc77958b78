"""What is known of one transaction while it is sent under one key."""

from dataclasses import dataclass

from midaz_seed.midaz.evidence import NEVER_SEEN, Effect, Evidence, Reading, after
from midaz_seed.plan.items import TransactionItem
from midaz_seed.transport.base import Request


@dataclass(slots=True)
class Sending:
    """What is known of one transaction while it is sent under one key."""

    item: TransactionItem
    ordinal: int
    parent: str
    request: Request
    generation: int
    first_sent_s: float
    known: Effect
    """From all attempts, without the last one when that has to be confirmed."""
    attempts: int = 0
    in_flight: bool = False
    unanswered_s: float = float("-inf")
    foreign: int = 0
    last: Evidence = NEVER_SEEN
    before: Effect = Effect.NOT_MADE
    """What was known before the answer in `last`."""

    def observe(self, evidence: Evidence) -> bool:
        """Record an answer.

        Returns:
            Whether it is the same rejection, or the same answer of another item, for the second time in a row: only
                then it counts. Until then the attempt may have been applied.
        """
        if evidence is NEVER_SEEN:
            return False
        confirmed = evidence.reading in _TO_BE_CONFIRMED and evidence == self.last
        if confirmed:
            self.known = self.before
        else:
            self.before = self.known
            unconfirmed = evidence.reading in _TO_BE_CONFIRMED
            self.known = after(self.known, Effect.UNKNOWN if unconfirmed else evidence.effect)
        self.last = evidence
        return confirmed


_TO_BE_CONFIRMED = frozenset({Reading.REFUSED, Reading.FOREIGN})
