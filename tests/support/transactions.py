"""Planned transactions, and the answers that a server writes to them."""

from functools import cache
from itertools import islice

from midaz_seed.midaz.evidence import ledger_bytes
from midaz_seed.plan.items import TransactionItem
from midaz_seed.plan.plan import build_plan
from midaz_seed.settings.model import Settings

ORGANIZATION, LEDGER = "0198c2a4-0000-7000-8000-00000000000a", "0198c2a4-0000-7000-8000-00000000000b"
PLACE = f"/v1/organizations/{ORGANIZATION}/ledgers/{LEDGER}"


@cache
def planned_items() -> tuple[TransactionItem, ...]:
    """Return deposits and transfers of one ledger."""
    plan = build_plan(Settings.model_validate({"preset": "tiny", "volume": {"accountsPerLedger": 6}}))
    ledger = next(iter(plan.ledgers))
    return (*islice(ledger.deposits(), 4), *islice(ledger.transfers(), 4))


def own_answer(item: TransactionItem, number: int = 1) -> bytes:
    """Return the body of the 201 that a server sends when it has made the item; `number` makes its id."""
    return (
        f'{{"id":"0198c2a4-0000-7000-8000-{number:012d}","description":"","status":{{"code":"APPROVED"}},'.encode()
        + item.answer
        + ledger_bytes(ORGANIZATION, LEDGER)
        + b',"createdAt":"2026-01-01T00:00:00Z","metadata":{'
        + item.mark
        + b'},"operations":[{"id":"0198c2a4-0000-7000-8000-0000000000ff","type":"DEBIT","amount":{"value":"1"}}]}'
    )
