"""What follows transactions that were made: commits, cancels and reverts. Pure."""

from midaz_seed.plan.flows.base import Draft
from midaz_seed.plan.flows.ledger_flows import LedgerFlows
from midaz_seed.plan.items import Kind
from midaz_seed.scenarios.values import WHOLE


def follow_up_drafts(flows: LedgerFlows) -> list[tuple[Kind, Draft]]:
    """Return what follows the transactions of `lifecycle`, in order: the kind, and the draft that it refers to."""
    lifecycle = flows.scenario.lifecycle
    if lifecycle is None:
        return []
    found = []
    for part in lifecycle.pending:
        drafts = list(flows.by_name[f"pending_{part.of}"].drafts(flows.live_day))
        commits = len(drafts) * part.then.commit // WHOLE
        cancels = min(len(drafts) * part.then.cancel // WHOLE, len(drafts) - commits)
        found += [(Kind.COMMIT, draft) for draft in drafts[:commits]]
        found += [(Kind.CANCEL, draft) for draft in drafts[commits : commits + cancels]]
    for revert in lifecycle.revert:
        found += [(Kind.REVERT, draft) for draft in flows.by_name[f"revert_{revert.of}"].drafts(flows.live_day)]
    return found
