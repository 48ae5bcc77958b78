"""What a run leaves on the server, read over HTTP by readers of our own: documents, bar codes, identifiers, sums.

Nothing that made the data takes part: python-stdnum and validate-docbr check documents, `tests.support.brazil` parses.
"""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.request import urlopen

import anyio.to_thread
import pytest
from stdnum.br import cnpj, cpf
from validate_docbr import CNPJ, CPF

from midaz_seed.runner import seed_async
from midaz_seed.settings.model import Settings
from tests.support.brazil import END_TO_END_ID, parse_bank_slip, parse_utility_slip
from tests.support.sandbox import sandbox

DATES = "start_date=2000-01-01&end_date=2099-01-01"
BRAZILIAN = {"PIX", "TED", "BOLETO"}


def _get(url: str) -> Any:
    with urlopen(url) as answer:  # a sandbox on loopback
        return json.load(answer)


def _rows(url: str, *, by_cursor: bool) -> Iterator[dict[str, Any]]:
    page, more = 1, ""
    while True:
        joint = "&" if "?" in url else "?"
        envelope = _get(f"{url}{joint}limit=100{more}")
        rows = envelope["items"] or []
        yield from rows
        if by_cursor and envelope.get("next_cursor"):
            more = f"&cursor={envelope['next_cursor']}"
        elif not by_cursor and len(rows) == 100:
            page += 1
            more = f"&page={page}"
        else:
            return


def _read(base: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return every account, transaction and balance on the server."""
    accounts, transactions, balances = list[Any](), list[Any](), list[Any]()
    for organization in _rows(f"{base}/v1/organizations", by_cursor=False):
        under = f"{base}/v1/organizations/{organization['id']}/ledgers"
        assert cnpj.is_valid(organization["legalDocument"])
        for ledger in _rows(under, by_cursor=False):
            place = f"{under}/{ledger['id']}"
            accounts += _rows(f"{place}/accounts", by_cursor=False)
            transactions += _rows(f"{place}/transactions?{DATES}", by_cursor=True)
            balances += _rows(f"{place}/balances", by_cursor=True)
    return accounts, transactions, balances


CLASSIC = {"preset": "tiny", "volume": {"accountsPerLedger": 90, "transactionsPerAccount": 10}}


@pytest.mark.parametrize("chosen", [{"scenario": "bank-base"}, CLASSIC], ids=["bank-base", "classic"])
async def test_what_is_on_the_server_passes_checkers_of_others(chosen: dict[str, Any]) -> None:
    async with sandbox() as server:
        target = {"target": {"baseUrl": server.url}, "journal": {"enabled": False}}
        report = await seed_async(Settings.model_validate({**chosen, **target}))
        assert report.exit_code == 0, report.verdict
        accounts, transactions, balances = await anyio.to_thread.run_sync(_read, server.url)

    holders = {
        (account["entityId"], account["portfolioId"]): account["metadata"]["holderKind"]
        for account in accounts
        if (account.get("metadata") or {}).get("holderKind")
    }
    for (document, _), kind in holders.items():
        if kind == "PF":
            assert cpf.is_valid(document)
            assert CPF().validate(document)
        else:
            assert cnpj.is_valid(document)
            assert CNPJ().validate(document)
    if chosen is not CLASSIC:  # one portfolio for each customer: no document is in two of them
        assert len({document for document, _ in holders}) == len(holders)

    identifiers, rails = Counter[str](), Counter[str]()
    for transaction in transactions:
        details = transaction["metadata"]
        rail = details.get("rail", "")
        rails[rail] += 1
        if rail in BRAZILIAN:
            assert transaction["assetCode"] == "BRL", f"{rail} in {transaction['assetCode']}"
        if "endToEndId" in details:
            assert END_TO_END_ID.match(details["endToEndId"])
            identifiers[details["endToEndId"]] += 1
        if "barcode" in details:
            code, minor = details["barcode"], int(Decimal(transaction["amount"]) * 100)
            value = parse_utility_slip(code)[1] if code[0] == "8" else parse_bank_slip(code)[2]
            assert value in (minor, 0)
            assert transaction["destination"] == ["@external/BRL"] or chosen is not CLASSIC
    assert rails["PIX"] > rails["BOLETO"] > 0
    assert max(identifiers.values()) == 1, "an identifier twice"

    held = Counter[str]()
    for balance in balances:
        sign = -1 if balance.get("direction") == "debit" else 1
        held[balance["assetCode"]] += sign * (Decimal(balance["available"]) + Decimal(balance["onHold"]))
    assert set(held.values()) == {Decimal(0)}
