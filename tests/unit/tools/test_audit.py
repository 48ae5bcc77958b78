"""The audit of the chaos sees a movement that is missing, one that is there twice, and one that nobody planned."""

import pytest

from midaz_seed.midaz import routes
from midaz_seed.midaz.api import transaction_request
from midaz_seed.midaz.routes import Place
from midaz_seed.plan.items import TransactionItem
from midaz_seed.runner import seed_async
from midaz_seed.sandbox import SandboxServer
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import http_transport
from tools.chaos.audit import Audit, audit, planned_by

TINY = planned_by(("--preset", "tiny"))


async def _sent(server: SandboxServer, item: TransactionItem, key: str, body: bytes) -> None:
    """Send a transaction into the only ledger that there is."""
    (place,) = server.state.ledger_states
    path = routes.transactions(Place(*place), item.endpoint)
    transport = http_transport(server.url)
    answer = await transport.send(transaction_request(path, body, key, "300"))
    await transport.aclose()
    assert answer.status == 201


async def _after(changed: str) -> Audit:
    """A tiny run, one more transaction, and what the audit finds."""
    async with sandbox() as server:
        assert (await seed_async(settings_for(server.url))).exit_code == 0
        assert str(audit(server.state, TINY)) == "as planned"
        item = next(TINY.plan.ledgers[0].deposits())
        await _sent(server, item, "another key", item.body.replace(item.mark, changed.encode() or item.mark))
        return audit(server.state, TINY)


async def test_a_movement_under_another_key_is_doubled() -> None:
    found = await _after("")
    assert len(found.doubled) == 1
    assert not found.exactly_once
    assert any("holds" in text for text in found.strange)


async def test_an_unplanned_movement_is_strange_and_neither_missing_nor_doubled() -> None:
    found = await _after('"seedKey":"somebody"')
    assert found.exactly_once
    assert "movement somebody" in found.strange


async def test_an_empty_server_misses_everything() -> None:
    async with sandbox() as server:
        found = audit(server.state, TINY)
    assert len(found.missing) == TINY.plan.movements
    assert any("is not there" in text for text in found.strange)


@pytest.mark.parametrize("flags", [("--preset", "tiny", "--transactions-per-batch", "3"), ("--organizations", "1")])
def test_what_is_planned_follows_from_the_flags(flags: tuple[str, ...]) -> None:
    planned = planned_by(flags)
    assert sum(planned.movements.values()) + planned.before_money == planned.plan.posts
    assert len(planned.entities) == planned.before_money
