"""Decide which rules of a plan hit a request, and count what was injected."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from midaz_seed.clock import Clock

if TYPE_CHECKING:
    from midaz_seed.sandbox.faults.effects import Effect
    from midaz_seed.sandbox.faults.plan import FaultPlan, Rule


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule's effect on one request; `chance` is a number from 0 to 1 for the effect's own use."""

    rule: "Rule"
    effect: "Effect"
    chance: float


class Faults:
    """Applies a plan to requests, and counts what was injected.

    Attributes:
        seed: of everything random.
        start_s: time of the clock from which `from_s` and `to_s` count.
    """

    def __init__(self, plan: "FaultPlan | None", seed: int, clock: Clock) -> None:
        self.plan = plan
        self.injected: Counter[str] = Counter()
        self.seed = plan.seed if plan is not None and plan.seed is not None else seed
        self._clock = clock
        self.start_s = clock.monotonic()
        self._matched = [0] * len(self.rules)

    @property
    def rules(self) -> "tuple[Rule, ...]":
        """Return the rules of the plan; none without one."""
        return self.plan.rules if self.plan is not None else ()

    def decide(self, method: str, path: str, group: str) -> list[Hit]:
        """Count a request and return the rules that hit it."""
        elapsed_s = self._clock.monotonic() - self.start_s
        hits = []
        for index, rule in enumerate(self.rules):
            if rule.fits(method, path, group):
                self._matched[index] += 1
                chance = rule.hits(self.seed, index, self._matched[index], elapsed_s)
                if chance is not None:
                    hits.append(Hit(rule, rule.effect, chance))
        return hits

    def count(self, hit: Hit) -> None:
        """Count an effect that happened."""
        self.injected[hit.rule.label] += 1

    def report(self) -> Mapping[str, Any]:
        """Return the counts as `GET /sandbox/faults` shows them."""
        matched = zip(self.rules, self._matched, strict=True)
        rules = [{"name": rule.label, "matched": number} for rule, number in matched]
        return {"seed": self.seed, "injected": dict(self.injected), "rules": rules}
