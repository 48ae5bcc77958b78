"""Transactions that the server must refuse: one for each reason, with an amount or a name that cannot pass. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from midaz_seed.errors import PlanError
from midaz_seed.model.money import format_minor
from midaz_seed.plan.calendar.days import apportion
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.items import AssetTemplate, Movement, Phase, TransactionItem
from midaz_seed.plan.marks import opening_of
from midaz_seed.plan.population import Population
from midaz_seed.plan.streams import stream
from midaz_seed.scenarios.model import Refusals

FUTURE = "2199-12-31T12:00:00Z"
_HINTS = {
    "frozen-sender": "use more customers, a larger status.frozen, or a frozen persona",
    "wrong-asset": "use more customers, or give accounts another asset",
}


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Accounts that a refusal can name: those that may move money, with a partner in their asset."""

    by_asset: dict[int, Sequence[int]]
    """Asset -> accounts that may move money."""
    sources: Sequence[int]
    frozen: Sequence[int]


def _candidates(population: Population) -> _Candidates:
    by_asset: dict[int, list[int]] = {}
    for group in population.groups.values():
        for account in group:
            by_asset.setdefault(population.asset[account], []).append(account)
    sources = [account for group in population.groups.values() for account in group]
    return _Candidates(
        dict(by_asset),
        [account for account in sources if len(by_asset[population.asset[account]]) > 1],
        [account for account in population.frozen if population.asset[account] in by_asset],
    )


def check_refusals(dimensions: LedgerDimensions) -> None:
    """Check that the ledger has accounts for each refusal. Raises PlanError."""
    spec = dimensions.shape.scenario.refusals
    if spec is None:
        return
    found = _candidates(dimensions.population)
    for kind, count in _counts(dimensions, spec):
        possible = found.frozen if kind == "frozen-sender" else found.sources
        if count and (not possible or (kind == "wrong-asset" and len(found.by_asset) < 2)):
            raise PlanError(
                f"in ledger {dimensions.key} of the scenario {dimensions.shape.scenario.scenario} no account can make "
                f"the refusal {kind}",
                hint=_HINTS.get(kind, "use more customers"),
            )


def _counts(dimensions: LedgerDimensions, spec: Refusals) -> Iterator[tuple[str, int]]:
    return zip(spec.kinds, apportion(dimensions.shape.refusals, list(spec.kinds.values())), strict=True)


def refusal_items(dimensions: LedgerDimensions, received: Sequence[int]) -> Iterator[TransactionItem]:
    """Generate the refusals of a ledger.

    A refused amount is one minor unit more than the account can ever have had, so it is refused in any order.
    """
    spec = dimensions.shape.scenario.refusals
    if spec is None:
        return
    candidates, number = _candidates(dimensions.population), 0
    for kind, count in _counts(dimensions, spec):
        for _ in range(count):
            yield _refusal(dimensions, received, candidates, kind, number)
            number += 1


def _refusal(
    dimensions: LedgerDimensions, received: Sequence[int], candidates: _Candidates, kind: str, number: int
) -> TransactionItem:
    population, assets = dimensions.population, dimensions.assets
    bits = stream(dimensions.identity.seed, dimensions.key, "refusals", number).getrandbits
    sources = candidates.frozen if kind == "frozen-sender" else candidates.sources
    source = sources[(bits(64) * len(sources)) >> 64]
    asset = assets[population.asset[source]]
    partners = candidates.by_asset[population.asset[source]]
    at = (bits(64) * len(partners)) >> 64
    destination = partners[at] if partners[at] != source else partners[(at + 1) % len(partners)]
    amount = 1 if kind != "insufficient-funds" else received[source] + 1
    payer, payee = f'"{population.aliases[source]}"', f'"{population.aliases[destination]}"'
    paid, dated = amount, ""
    if kind == "unknown-destination":
        payee = f'"conta-inexistente-{number + 1}"'
    elif kind == "wrong-asset":
        others = [each for code, accounts in candidates.by_asset.items() if assets[code] != asset for each in accounts]
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
    key = f"{dimensions.key}.r{number + 1}"
    total, leg = format_minor(amount, asset.scale), format_minor(paid, asset.scale)
    route, [on_payer], [on_payee] = "", [""], [""]
    if dimensions.routes is not None and dimensions.routes.refusal is not None:
        index = dimensions.shape.asset_index[asset.code]
        route, [on_payer], [on_payee] = dimensions.routes.refusal.members(
            f"{dimensions.key}.", index, (source,), (destination,)
        )
    begins, mark = opening_of(dimensions.identity)(key, b'"Recusa esperada"', f',"refusal":"{kind}"')
    rest = (
        f'{dated}{route}"send":{{"asset":"{asset.code}","value":"{total}",'
        f'"source":{{"from":[{{"accountAlias":{payer},"amount":{{"asset":"{asset.code}","value":"{leg}"}}{on_payer}}}]}},'
        f'"distribute":{{"to":[{{"accountAlias":{payee},"amount":{{"asset":"{asset.code}","value":"{total}"}}{on_payee}}}]}}}}}}'
    )
    answer = (
        f'"amount":"{total}","assetCode":"{asset.code}","chartOfAccountsGroupName":"","source":[{payer}],'
        f'"destination":[{payee}]'
    )
    movements = (Movement(source, destination, amount),)
    return TransactionItem(
        key,
        Phase.REFUSALS,
        begins + rest.encode(),
        mark,
        answer.encode(),
        asset.code,
        total,
        movements,
        refusal=kind,
    )
