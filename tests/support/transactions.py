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
def planned_items(metadata: str = "full") -> tuple[TransactionItem, ...]:
    """Return deposits and transfers of one ledger."""
    settings = {"preset": "tiny", "volume": {"accountsPerLedger": 6}, "data": {"metadata": metadata}}
    plan = build_plan(Settings.model_validate(settings))
    ledger = next(iter(plan.ledgers))
    return (*islice(ledger.deposits(), 4), *islice(ledger.transfers(), 4))


def own_answer(item: TransactionItem, number: int = 1) -> bytes:
    """Return the body of the 201 that a server sends when it has made the item; `number` makes its id."""
    in_description = item.mark.startswith(b"[")
    description = f"paid [{item.tag}]" if in_description else ""
    return (
        f'{{"id":"0198c2a4-0000-7000-8000-{number:012d}","description":"{description}","status":{{'.encode()
        + b'"code":"APPROVED"},'
        + item.answer
        + ledger_bytes(ORGANIZATION, LEDGER)
        + b',"createdAt":"2026-01-01T00:00:00Z",'
        + (b"" if in_description else b'"metadata":{' + item.mark + b"},")
        + f'"operations":[{{"id":"0198c2a4-0000-7000-8000-0000000000ff","description":"{description}",'.encode()
        + b'"type":"DEBIT","amount":{"value":"1"}}]}'
    )
