"""Checks of assets, kinds of customers, internal accounts and personas."""

from collections.abc import Iterator

from midaz_seed.model.currencies import CURRENCIES
from midaz_seed.scenarios.checks.finding import Finding, Path, percent, unknown
from midaz_seed.scenarios.checks.groups import Groups
from midaz_seed.scenarios.model import EXTERNAL, IN_TURN, NO_PARTY, ByIncome, Kind, Pool, Scenario
from midaz_seed.scenarios.values import WHOLE

RESERVED = {EXTERNAL, *NO_PARTY.of}
"""Names that no account can have."""
EXTERNAL_TYPE = "the type external is that of the accounts that come with each asset: their balances are negative"


def check_accounts(scenario: Scenario, groups: Groups) -> Iterator[Finding]:
    """Yield what is impossible about who holds accounts."""
    yield from _check_shares(scenario)
    for name, kind in scenario.accounts.kinds.items():
        yield from _check_kind(name, kind, scenario)
    yield from _check_internal(scenario, groups)
    yield from _check_assets(scenario, groups)
    yield from _check_personas(scenario)
    for section, pool in (("portfolios", scenario.portfolios), ("segments", scenario.segments)):
        if isinstance(pool, Pool):
            for name in pool.only:
                if name not in pool.names:
                    yield Finding((section, "only", name), unknown("name", name, pool.names))


def _check_shares(scenario: Scenario) -> Iterator[Finding]:
    kinds = scenario.accounts.kinds
    if len(kinds) == 1 and next(iter(kinds.values())).share is None:
        return
    without = [name for name, kind in kinds.items() if kind.share is None]
    for name in without:
        yield Finding(("accounts", "kinds", name), "it needs a share, because there are several kinds of customers")
    total = sum(kind.share or 0 for kind in kinds.values())
    if not without and total != WHOLE:
        listed = " + ".join(percent(kind.share or 0) for kind in kinds.values())
        yield Finding(
            ("accounts", "kinds"), f"the shares of all kinds must sum to 100 %, not {listed} = {percent(total)}"
        )


def _check_kind(name: str, kind: Kind, scenario: Scenario) -> Iterator[Finding]:
    here: Path = ("accounts", "kinds", name)
    for account, owned in kind.owns.items():
        if owned.asset not in (None, IN_TURN, *scenario.assets):
            yield Finding((*here, "owns", account, "asset"), unknown("asset", str(owned.asset), scenario.assets))
        for step in ("type",) if owned.type == EXTERNAL else ("types",) if EXTERNAL in owned.types else ():
            yield Finding((*here, "owns", account, step), EXTERNAL_TYPE)
        if owned.types and not any(owned.types.values()):
            yield Finding((*here, "owns", account, "types"), "one weight must be above 0")
        if owned.parent is not None:
            yield from _check_parent((*here, "owns", account, "parent"), account, kind, scenario)
    if isinstance(kind.segment, ByIncome):
        if kind.income is None:
            yield Finding((*here, "segment", "by"), "segments by income need an income of this kind")
        if not kind.segment.cuts or min(kind.segment.cuts.values()) > 0:
            yield Finding((*here, "segment", "cuts"), "one segment must begin at 0, for the lowest incomes")
    elif kind.segment is not None and not any(kind.segment.choose.values()):
        yield Finding((*here, "segment", "choose"), "one weight must be above 0")
    if kind.popularity is not None and (kind.popularity.friends or kind.popularity.members):
        yield Finding((*here, "popularity"), "friends and members depend on the source: set them in `to` of an entry")
    total = kind.status.dormant + kind.status.frozen + kind.status.closed
    if total > WHOLE:
        yield Finding((*here, "status"), f"dormant, frozen and closed sum to {percent(total)}, more than 100 %")


def _check_parent(where: Path, account: str, kind: Kind, scenario: Scenario) -> Iterator[Finding]:
    owned, seen = kind.owns[account], [account]
    parent = owned.parent
    if parent not in kind.owns:
        yield Finding(where, unknown("account", str(parent), [name for name in kind.owns if name != account]))
        return
    first = next(iter(scenario.assets))
    # Midaz refuses a parent of another asset (0030)
    if (owned.asset or first) != (kind.owns[parent].asset or first):
        text = f"{account} is in {owned.asset or first} and {parent} in {kind.owns[parent].asset or first}"
        yield Finding(where, f"an account and its parent must have the same asset: {text}")
    while parent in kind.owns:
        if parent in seen:
            yield Finding(where, f"the parents are circular: {' -> '.join([*seen, parent])}")
            return
        seen.append(parent)
        parent = kind.owns[parent].parent or ""


def _check_internal(scenario: Scenario, groups: Groups) -> Iterator[Finding]:
    for name, account in scenario.accounts.internal.items():
        here: Path = ("accounts", "internal", name)
        if name in RESERVED:
            yield Finding(here, f"no account can be called {name}: the name has a meaning of its own")
        if account.type == EXTERNAL:
            yield Finding((*here, "type"), EXTERNAL_TYPE)
        if account.asset is not None and account.asset not in scenario.assets:
            yield Finding((*here, "asset"), unknown("asset", account.asset, scenario.assets))
        sweep = account.sweep
        if sweep is None:
            continue
        others = [other for other in groups.internal if other != name]
        if sweep.to not in others:
            yield Finding((*here, "sweep", "to"), unknown("other internal account", sweep.to, others))
        elif groups.internal[sweep.to].assets != groups.internal[name].assets:
            yield Finding((*here, "sweep", "to"), f"{sweep.to} has another asset than {name}")


def _check_assets(scenario: Scenario, groups: Groups) -> Iterator[Finding]:
    held = {asset for group in (*groups.internal.values(), *groups.owned.values()) for asset in group.assets}
    for code, asset in scenario.assets.items():
        if code not in held:
            yield Finding(("assets", code), "no account has this asset: give it to one by `asset`, or leave it out")
        if asset.type == "currency" and code not in CURRENCIES:
            text = f"{code} is no currency that Midaz knows: set the type to crypto, commodity or others"
            yield Finding(("assets", code), text)
        for other, rate in asset.rate.items():
            if not rate.start:
                yield Finding(("assets", code, "rate", other, "start"), "a rate must be above 0")
            if other not in scenario.assets or other == code:
                known = [each for each in scenario.assets if each != code]
                yield Finding(("assets", code, "rate", other), unknown("other asset", other, known))
        if asset.rails and not any(asset.rails.values()):
            yield Finding(("assets", code, "rails"), "one weight must be above 0")


def _check_personas(scenario: Scenario) -> Iterator[Finding]:
    kinds = scenario.accounts.kinds
    owners = dict.fromkeys(scenario.accounts.internal, "an internal account")
    for index, persona in enumerate(scenario.personas):
        here: Path = ("personas", index)
        if persona.kind not in kinds:
            yield Finding((*here, "kind"), unknown("kind of customer", persona.kind, kinds))
        # the first account of a persona has its alias, the others have their name after it (`plan/population.py`)
        names = list(kinds[persona.kind].owns)[1:] if persona.kind in kinds else []
        mine = {persona.alias: "two personas"}
        mine |= {f"{persona.alias}-{name}": f"account {name} of persona {persona.alias}" for name in names}
        for alias in sorted(mine.keys() & owners.keys()):
            text = owners[alias]
            if alias != persona.alias:
                text = f"{text.replace('two personas', 'a persona')} and of {mine[alias]}"
            yield Finding((*here, "alias"), f"{alias} is the alias of {text}")
        owners |= mine
    customers = scenario.volume.customers
    if customers is not None and len(scenario.personas) > customers:
        text = f"there are {len(scenario.personas)} personas, more than the customers of a ledger"
        yield Finding(("volume", "customers"), text)
