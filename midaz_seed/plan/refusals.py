"""Transactions that the server must refuse: one for each reason, with an amount or a name that cannot pass. Pure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from midaz_seed.model.money import format_minor
from midaz_seed.plan.calendar.days import apportion
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.items import AssetTemplate, Movement, Phase, TransactionItem
from midaz_seed.plan.streams import stream

if TYPE_CHECKING:
    from midaz_seed.plan.expectation import Expectation

FUTURE = "2199-12-31T12:00:00Z"


def refusal_items(dimensions: LedgerDimensions, expectation: "Expectation") -> Iterator[TransactionItem]:
    """Generate the refusals of a ledger.

    A refused amount is one minor unit more than the account can ever have had, so it is refused in any order.
    """
    spec = dimensions.shape.scenario.refusals
    if spec is None:
        return
    counts = apportion(spec.count, list(spec.kinds.values()))
    number = 0
    for kind, count in zip(spec.kinds, counts, strict=True):
        for _ in range(count):
            yield _refusal(dimensions, expectation, kind, number)
            number += 1


def _refusal(dimensions: LedgerDimensions, expectation: "Expectation", kind: str, number: int) -> TransactionItem:
    population, assets = dimensions.population, dimensions.assets
    bits = stream(dimensions.identity.seed, dimensions.key, "refusals", number).getrandbits
    active = [account for group in population.groups.values() for account in group]
    sources = list(population.frozen) if kind == "frozen-sender" else active
    source = sources[(bits(64) * len(sources)) >> 64]
    asset = assets[population.asset[source]]
    partners = [
        account for account in active if account != source and population.asset[account] == population.asset[source]
    ]
    destination = partners[(bits(64) * len(partners)) >> 64]
    amount = 1 if kind != "insufficient-funds" else expectation.received[source] + 1
    payer, payee = f'"{population.aliases[source]}"', f'"{population.aliases[destination]}"'
    paid, dated = amount, ""
    if kind == "unknown-destination":
        payee = f'"conta-inexistente-{number + 1}"'
    elif kind == "wrong-asset":
        others = [account for account in active if population.asset[account] != population.asset[source]]
        payee = f'"{population.aliases[others[(bits(64) * len(others)) >> 64]]}"'
    elif kind == "unequal-sides":
        paid = amount + 1
    elif kind == "future":
        dated = f'"transactionDate":"{FUTURE}",'
    return _item(dimensions, kind, number, (asset, source, destination, amount, paid), payer, payee, dated)


def _item(
    dimensions: LedgerDimensions,
    kind: str,
    number: int,
    money: tuple[AssetTemplate, int, int, int, int],
    payer: str,
    payee: str,
    dated: str,
) -> TransactionItem:
    asset, source, destination, amount, paid = money
    key, run_id = f"{dimensions.key}.r{number + 1}", dimensions.identity.run_id
    mark = f'"seedKey":"{run_id}/{key}"'
    total, leg = format_minor(amount, asset.scale), format_minor(paid, asset.scale)
    body = (
        f'{{"description":"Recusa esperada","metadata":{{"seedRun":"{run_id}",{mark},"refusal":"{kind}"}},{dated}'
        f'"send":{{"asset":"{asset.code}","value":"{total}",'
        f'"source":{{"from":[{{"accountAlias":{payer},"amount":{{"asset":"{asset.code}","value":"{leg}"}}}}]}},'
        f'"distribute":{{"to":[{{"accountAlias":{payee},"amount":{{"asset":"{asset.code}","value":"{total}"}}}}]}}}}}}'
    )
    answer = (
        f'"amount":"{total}","assetCode":"{asset.code}","chartOfAccountsGroupName":"","source":[{payer}],'
        f'"destination":[{payee}]'
    )
    movements = (Movement(source, destination, amount),)
    return TransactionItem(
        key, Phase.REFUSALS, body.encode(), mark.encode(), answer.encode(), asset.code, total, movements, refusal=kind
    )
