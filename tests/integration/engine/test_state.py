"""What a run remembers."""

from midaz_seed.engine.orchestrator import seed
from midaz_seed.plan.plan import build_plan
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.wiring import open_run
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for


def _size(thing: object, seen: set[int] | None = None) -> int:
    """How many objects hang on this one, through containers and slots, plans left out."""
    seen = set() if seen is None else seen
    if id(thing) in seen or type(thing).__module__.startswith("midaz_seed.plan"):
        return 0
    seen.add(id(thing))
    slots = [getattr(thing, name) for name in getattr(type(thing), "__slots__", ()) if hasattr(thing, name)]
    parts = [*vars(thing).values()] if hasattr(thing, "__dict__") else slots
    if isinstance(thing, dict):
        parts = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set):
        parts = list(thing)
    return 1 + sum(_size(shard, seen) for shard in parts)


async def test_state_is_a_tree_and_does_not_grow_with_transactions() -> None:
    sizes = []
    for transactions in (3, 30):
        async with sandbox() as server:
            settings = settings_for(
                server.url, "small", volume={"accountsPerLedger": 8, "transactionsPerAccount": transactions}
            )
            plan = build_plan(settings)
            target = ResolvedTarget(server.url, server.url, is_sandbox=False)
            async with open_run(settings, plan, target, emit=lambda event: None) as context:
                await seed(context)
                organizations = context.state.organizations
                assert [len(organization.ledgers) for organization in organizations] == [2, 2]
                for organization in organizations:
                    for ledger in organization.ledgers:
                        assert ledger.organization_id == organization.id
                        assert len(ledger.ids) == 1 + 3 + 2 + 2  # the ledger, assets, portfolios, segments
                        assert sum(ledger.accounts) == 8
                assert context.meter.phases["transfers"].created == 4 * 8 * (transactions - 1)
                sizes.append(_size(context.state))
    assert sizes[0] == sizes[1]
