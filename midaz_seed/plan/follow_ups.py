"""What follows transactions that were made: commits, cancels and reverts. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from midaz_seed.plan.flows.base import Draft, Flow
from midaz_seed.plan.flows.ledger_flows import LedgerFlows
from midaz_seed.plan.items import Kind
from midaz_seed.scenarios.model import Then
from midaz_seed.scenarios.values import WHOLE


class FollowUp(NamedTuple):
    """A commit, cancel or revert of the transaction that a draft of this day becomes."""

    kind: Kind
    draft: Draft
    day: int


def follow_up_drafts(flows: LedgerFlows) -> list[FollowUp]:
    """Return what follows the transactions of entries with `then`, and those of `lifecycle`, in order."""
    found: list[FollowUp] = []
    for name, mix in flows.scenario.mix.items():
        if mix.then is not None and mix.weight:
            found += _endings(flows.by_name[name], 0, mix.then)
    lifecycle = flows.scenario.lifecycle
    if lifecycle is None:
        return found
    for part in lifecycle.pending:
        found += _endings(flows.by_name[f"pending_{part.of}"], flows.live_day, part.then)
    for revert in lifecycle.revert:
        drafts = flows.by_name[f"revert_{revert.of}"].drafts(flows.live_day)
        found += [FollowUp(Kind.REVERT, draft, flows.live_day) for draft in drafts]
    return found


def _endings(flow: Flow, day: int, then: Then) -> Iterator[FollowUp]:
    """Generate the commits and cancels of pending transactions; the others stay pending."""
    drafts = list(flow.drafts(day))
    commits = len(drafts) * then.commit // WHOLE
    cancels = min(len(drafts) * then.cancel // WHOLE, len(drafts) - commits)
    for number, draft in enumerate(drafts[: commits + cancels]):
        yield FollowUp(Kind.COMMIT if number < commits else Kind.CANCEL, draft, day)
