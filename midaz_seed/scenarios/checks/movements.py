"""Checks of the entries of `mix`: who pays whom, and how often."""

from collections.abc import Collection, Iterator

from midaz_seed.scenarios.checks.finding import Finding, Path, percent, unknown
from midaz_seed.scenarios.checks.groups import Groups
from midaz_seed.scenarios.model import EXTERNAL, Exchange, Mix, PartySpec, Scenario
from midaz_seed.scenarios.values import WHOLE

FRIENDS_MEAN_MAX, FRIENDS_ALPHA_MAX = 100, 10
"""Largest values of `friends` for which the mean is kept."""


def check_movements(scenario: Scenario, groups: Groups, generators: Collection[str]) -> Iterator[Finding]:
    """Yield what is impossible about the movements that chance makes."""
    yield from _check_volume(scenario)
    used = {schedule.via for schedule in scenario.schedules.values()}
    if scenario.lifecycle is not None:
        life = scenario.lifecycle
        used |= {each.of for each in (*life.live, *life.revert, *life.annotate, *life.block)}
        used |= {each.of for each in life.pending}
    weighted = any(entry.weight for entry in scenario.mix.values())
    for name, entry in scenario.mix.items():
        here: Path = ("mix", name)
        if entry.weight is None and entry.each is None and name not in used:
            yield Finding(
                here, "it is never used: give it a weight, or name it in a schedule (via) or in lifecycle (of)"
            )
        if entry.each is not None:
            yield from _check_each(here, entry, scenario, weighted=weighted)
        if entry.generator is not None:
            if entry.generator not in generators:
                text = unknown("installed generator", entry.generator, generators)
                yield Finding((*here, "generator"), text.replace("the scenario has none", "none is installed"))
            continue
        yield from _check_parties(here, entry, groups)
        yield from _check_legs(here, entry, groups)


def _check_volume(scenario: Scenario) -> Iterator[Finding]:
    volume, here = scenario.volume, ("volume",)
    weighted = [name for name, entry in scenario.mix.items() if entry.weight]
    if volume.from_settings:
        for name in ("customers", "movements", "per_customer_per_day"):
            if getattr(volume, name) is not None:
                yield Finding((*here, name), "from_settings takes the counts from the settings: leave one of them out")
        for name in weighted:
            yield Finding(("mix", name, "weight"), "volume.from_settings sets no number of movements: use `each`")
        return
    if volume.customers is None:
        yield Finding(here, "it needs customers: the number of them in each ledger")
    if volume.movements is not None and volume.per_customer_per_day is not None:
        yield Finding((*here, "per_customer_per_day"), "give movements or per_customer_per_day, not both")
    if volume.per_customer_per_day is not None and scenario.time is None:
        yield Finding((*here, "per_customer_per_day"), "it needs `time`: without dates there is no day; use movements")
    if weighted and volume.movements is None and volume.per_customer_per_day is None:
        yield Finding(here, "it needs movements or per_customer_per_day: how many the weights of mix are divided among")
    if (volume.movements or volume.per_customer_per_day) and not weighted:
        yield Finding(here, "it counts movements by chance, but no entry of mix has a weight above 0")


def _check_each(here: Path, entry: Mix, scenario: Scenario, *, weighted: bool) -> Iterator[Finding]:
    if scenario.time is not None:
        yield Finding((*here, "each"), "movements of every account have no dates: use a weight, or leave out `time`")
    if entry.weight is not None:
        yield Finding((*here, "each"), "give a weight or each, not both")
    elif next(name for name, other in scenario.mix.items() if other.each is not None) != here[-1]:
        yield Finding((*here, "each"), "only one entry of a scenario can have each")
    elif weighted:
        yield Finding((*here, "each"), "a scenario has entries with a weight or with each, not both")
    if entry.each == "transactionsPerAccount" and not scenario.volume.from_settings:
        yield Finding((*here, "each"), "transactionsPerAccount needs volume.from_settings: give a number")


def _check_parties(here: Path, entry: Mix, groups: Groups) -> Iterator[Finding]:
    complete = True
    for side, party in (("from", entry.from_), ("to", entry.to)):
        found = list(_check_party((*here, side), side, party, groups))
        complete = complete and not found
        yield from found
    if not complete:
        return
    source, target = entry.from_, entry.to
    if source.is_external and target.is_external:
        yield Finding((*here, "to"), "both sides are external: nothing in the ledger would move")
    elif source.of == target.of and groups.most_of(target) in (0, 1):
        yield Finding((*here, "to"), f"{target.of[0]} is one account: it has no partner in the same group")
    if entry.same_holder:
        yield from _check_same_holder(here, entry, groups)
    if entry.exchange is not None:
        yield from _check_exchange(here, entry, entry.exchange, groups)
    elif not groups.assets_of(source) & groups.assets_of(target):
        assets = f"{_listed(groups.assets_of(source))} and {_listed(groups.assets_of(target))}"
        yield Finding(here, f"the two sides have no asset in common ({assets}): use exchange, or other accounts")


def _check_party(where: Path, side: str, party: PartySpec, groups: Groups) -> Iterator[Finding]:
    for name in party.of:
        if name not in groups.by_name:
            yield Finding(where, unknown("account", name, groups.by_name))
        elif name == EXTERNAL and len(party.of) > 1:
            yield Finding(where, "external stands alone: make an entry of its own for it")
        elif groups.by_name[name].most == 0:
            yield Finding(where, f"no customer owns {name}: a share or chance is 0 %")
    if party.by is None:
        return
    if side == "from" and (party.by.friends or party.by.members):
        yield Finding(where, "friends and members choose a destination: they stand in `to`")
    if party.by.friends is not None:
        if not 1 <= party.by.friends.mean <= FRIENDS_MEAN_MAX:
            yield Finding((*where, "by", "friends", "mean"), f"it must be from 1 to {FRIENDS_MEAN_MAX}")
        if not 1 <= party.by.friends.alpha <= FRIENDS_ALPHA_MAX:
            yield Finding((*where, "by", "friends", "alpha"), f"it must be from 1 to {FRIENDS_ALPHA_MAX}")
    if all(name == EXTERNAL or name in groups.internal for name in party.of) and len(party.of) == 1:
        yield Finding(where, f"{party.of[0]} is one account: there is nothing to choose")


def _check_same_holder(here: Path, entry: Mix, groups: Groups) -> Iterator[Finding]:
    if not groups.kinds_of(entry.from_) & groups.kinds_of(entry.to):
        yield Finding((*here, "same_holder"), "no customer owns an account on both sides")
    elif entry.from_.of == entry.to.of and len(entry.to.of) == 1:
        yield Finding((*here, "same_holder"), f"a customer has one account {entry.to.of[0]}: nothing would move")
    elif entry.exchange is None and groups.assets_of(entry.from_) != groups.assets_of(entry.to):
        text = f"{_listed(groups.assets_of(entry.from_))} and {_listed(groups.assets_of(entry.to))}"
        yield Finding((*here, "same_holder"), f"a customer's accounts on both sides are in other assets ({text})")


def _check_exchange(here: Path, entry: Mix, exchange: Exchange, groups: Groups) -> Iterator[Finding]:
    assets, where = groups.scenario.assets, (*here, "exchange")
    sides = (("sell", exchange.sell, "from", entry.from_), ("buy", exchange.buy, "to", entry.to))
    for name, asset, side, party in sides:
        if asset not in assets:
            yield Finding((*where, name), unknown("asset", asset, assets))
        elif not party.is_external and asset not in groups.assets_of(party):
            yield Finding((*where, name), f"the accounts in `{side}` have no {asset}")
        elif not party.is_external and groups.assets_of(party) != {asset}:
            yield Finding((*where, name), f"the accounts in `{side}` are not all in {asset}")
    for index, (name, asset, _, _) in enumerate(sides):
        desk = exchange.desk[index]
        if desk not in groups.internal:
            yield Finding((*where, "desk", index), unknown("internal account", desk, groups.internal))
        elif asset in assets and groups.internal[desk].assets != {asset}:
            yield Finding((*where, "desk", index), f"{desk} must be in {asset}, which the entry {name}s")
    if not entry.same_holder or entry.from_.is_external or entry.to.is_external:
        yield Finding(where, "it is between two accounts of one customer: set same_holder: true")
    if entry.fee or entry.split or entry.legs > 1 or entry.through:
        yield Finding(where, "fee, split, legs and through cannot be combined with exchange: it has two transactions")
    if exchange.sell == exchange.buy:
        yield Finding((*where, "buy"), "the asset that is bought must be another one than that sold")
    elif {exchange.sell, exchange.buy} <= assets.keys():
        rates = exchange.buy in assets[exchange.sell].rate or exchange.sell in assets[exchange.buy].rate
        if not rates:
            text = f"assets.{exchange.buy}.rate needs a rate in {exchange.sell}"
            yield Finding(where, f"there is no rate between {exchange.sell} and {exchange.buy}: {text}")


def _check_legs(here: Path, entry: Mix, groups: Groups) -> Iterator[Finding]:
    """Check the accounts of the further legs of a transaction."""
    assets = groups.assets_of(entry.from_) & groups.assets_of(entry.to)
    accounts: list[tuple[Path, str]] = [((*here, "split", name), name) for name in entry.split]
    if entry.fee is not None:
        accounts.append(((*here, "fee", "to"), entry.fee.to))
        if entry.fee.percent is not None and entry.fee.percent > 100:
            yield Finding((*here, "fee", "percent"), "a fee cannot be more than 100 %")
    if entry.through is not None:
        accounts.append(((*here, "through"), entry.through))
        if not entry.from_.is_external and not entry.to.is_external:
            yield Finding((*here, "through"), "it stands in for the external account, but neither side is external")
    for where, name in accounts:
        if name not in groups.internal:
            yield Finding(where, unknown("internal account", name, groups.internal))
        elif entry.exchange is None and assets - groups.internal[name].assets:
            own, needed = _listed(groups.internal[name].assets), _listed(assets)
            yield Finding(where, f"{name} is in {own}, the movement in {needed}")
    payers = {entry.through} if entry.from_.is_external else set(entry.from_.of)
    payees = {entry.through} if entry.to.is_external else set(entry.to.of)
    receivers = {*payees, *entry.split, *([entry.fee.to] if entry.fee else [])}
    for name in (each for each in groups.internal if each in payers and each in receivers):
        yield Finding(here, f"{name} would pay itself: it is on both sides of the transaction")
    if sum(entry.split.values()) >= WHOLE:
        total = percent(sum(entry.split.values()))
        yield Finding((*here, "split"), f"the shares sum to {total}: they must leave something for the destination")
    if entry.legs > 1 and entry.to.is_external:
        yield Finding((*here, "legs"), "external is one account: a transaction has one leg to it")
    if entry.sources > 1:
        yield from _check_sources(here, entry, groups)
    most = groups.most_of(entry.to)
    if entry.legs > 1 and not entry.to.is_external and most is not None and 0 < most < entry.legs:
        yield Finding((*here, "legs"), f"there are at most {most:,} accounts to send to in a ledger")


def _check_sources(here: Path, entry: Mix, groups: Groups) -> Iterator[Finding]:
    where = (*here, "sources")
    if entry.from_.is_external or entry.to.is_external:
        yield Finding(where, "several sources need accounts of the ledger on both sides, not external")
    if entry.legs > 1 or entry.fee or entry.split or entry.same_holder or entry.exchange:
        yield Finding(where, "it cannot be combined with legs, fee, split, same_holder and exchange")
    most = groups.most_of(entry.from_)
    if not entry.from_.is_external and most is not None and 0 < most < entry.sources:
        yield Finding(where, f"there are at most {most:,} accounts to send from in a ledger")


def _listed(assets: Collection[str]) -> str:
    return ", ".join(sorted(assets)) or "none"
