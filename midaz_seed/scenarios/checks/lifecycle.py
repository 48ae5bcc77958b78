"""Checks of schedules, payouts, the life of transactions, and refusals: names, shares, and what the server refuses."""

from collections.abc import Iterator

from midaz_seed.scenarios.checks.finding import Finding, Path, percent, unknown
from midaz_seed.scenarios.checks.groups import Groups
from midaz_seed.scenarios.model import EXTERNAL, Live, Mix, Pending, Refusals, Scenario, Then
from midaz_seed.scenarios.values import WHOLE


def check_lifecycle(scenario: Scenario, groups: Groups) -> Iterator[Finding]:
    """Yield what is impossible about schedules, payouts, lifecycle and refusals."""
    yield from _check_schedules(scenario, groups)
    yield from _check_payouts(scenario, groups)
    life = scenario.lifecycle
    if life is not None:
        for name in ("live", "pending", "revert", "annotate", "block"):
            seen = set[str]()
            for index, each in enumerate(getattr(life, name)):
                yield from _check_of(("lifecycle", name, index), name, each, scenario)
                if each.of in seen:
                    yield Finding(("lifecycle", name, index, "of"), f"{each.of} is in {name} already: add the counts")
                seen.add(each.of)
    for name, entry in scenario.mix.items():
        if entry.then is not None:
            yield from _check_then(("mix", name), entry, entry.then, scenario)
    if scenario.refusals is not None:
        yield from _check_refusals(scenario, scenario.refusals)


def _check_schedules(scenario: Scenario, groups: Groups) -> Iterator[Finding]:
    kinds = scenario.accounts.kinds
    for name, schedule in scenario.schedules.items():
        here: Path = ("schedules", name)
        if schedule.per not in kinds:
            yield Finding((*here, "per"), unknown("kind of customer", schedule.per, kinds))
        entry = scenario.mix.get(schedule.via)
        if entry is None:
            yield Finding((*here, "via"), unknown("mix entry", schedule.via, scenario.mix))
            continue
        if entry.generator is not None:
            yield Finding((*here, "via"), f"{schedule.via} is made by a generator: name an entry with from and to")
            continue
        if schedule.per in kinds and schedule.per not in groups.kinds_of(entry.from_) | groups.kinds_of(entry.to):
            yield Finding((*here, "per"), f"no account of a {schedule.per} is in {schedule.via}, which it uses")


def _check_payouts(scenario: Scenario, groups: Groups) -> Iterator[Finding]:
    for name, payout in scenario.payouts.items():
        here: Path = ("payouts", name)
        for side, account in (("from", payout.from_), ("to", payout.to)):
            if account not in groups.by_name:
                yield Finding((*here, side), unknown("account", account, groups.by_name))
        if payout.from_ == EXTERNAL:
            yield Finding((*here, "from"), "a payout leaves accounts of the ledger: external cannot be its source")
        if payout.to in groups.owned:
            yield Finding((*here, "to"), "a payout goes to external or to one internal account")
        if payout.from_ == payout.to:
            yield Finding((*here, "to"), "both sides are the same: nothing would move")
        elif payout.from_ in groups.by_name and payout.to in groups.internal:
            source, target = groups.by_name[payout.from_].assets, groups.internal[payout.to].assets
            if source - target:
                yield Finding((*here, "to"), f"{payout.to} has another asset than {payout.from_}")


def _check_of(here: Path, name: str, each: Live | Pending, scenario: Scenario) -> Iterator[Finding]:
    entry = scenario.mix.get(each.of)
    if entry is None:
        yield Finding((*here, "of"), unknown("mix entry", each.of, scenario.mix))
        return
    if entry.exchange is not None and name != "live":
        yield Finding((*here, "of"), f"{each.of} is an exchange, which is two transactions: name another entry")
    if isinstance(each, Pending):
        if is_from_outside(entry):
            text = "the server refuses a pending transaction whose source is external (0098)"
            yield Finding((*here, "of"), f"{text}: name an entry between accounts, or give {each.of} a `through`")
        yield from _check_shares((*here, "then"), each.then)


def _check_then(here: Path, entry: Mix, then: Then, scenario: Scenario) -> Iterator[Finding]:
    """Check an entry whose transactions are all made pending."""
    if scenario.time is not None:
        yield Finding((*here, "then"), "the server refuses a pending transaction with a date (0122): use lifecycle")
    if entry.exchange is not None:
        yield Finding((*here, "then"), "an exchange is two transactions: it cannot be made pending")
    if entry.each is not None:
        yield Finding((*here, "then"), "it needs a weight, not each")
    if is_from_outside(entry):
        text = "the server refuses a pending transaction whose source is external (0098)"
        yield Finding((*here, "then"), f"{text}: give it a `through`")
    yield from _check_shares((*here, "then"), then)


def _check_shares(where: Path, then: Then) -> Iterator[Finding]:
    total = then.commit + then.cancel
    if total > WHOLE:
        yield Finding(where, f"commit and cancel sum to {percent(total)}, more than 100 %")


def is_from_outside(entry: Mix) -> bool:
    """Return whether the source of an entry's transactions is the external account."""
    return entry.from_.is_external and entry.through is None


def _check_refusals(scenario: Scenario, refusals: Refusals) -> Iterator[Finding]:
    here: Path = ("refusals", "kinds")
    if refusals.share is not None and not 0 < refusals.share < WHOLE:
        yield Finding(("refusals", "share"), f"it must be above 0 % and below 100 %, not {percent(refusals.share)}")
    elif refusals.share is not None and not any(entry.weight for entry in scenario.mix.values()):
        yield Finding(("refusals", "share"), "no entry of mix has a weight: use count")
    wanted = {kind for kind, weight in refusals.kinds.items() if weight}
    if not wanted:
        yield Finding(here, "one weight must be above 0")
    frozen = any(kind.status.frozen for kind in scenario.accounts.kinds.values())
    if "frozen-sender" in wanted and not frozen and all(persona.status != "frozen" for persona in scenario.personas):
        yield Finding((*here, "frozen-sender"), "no account is frozen: set status.frozen of a kind, or of a persona")
    if "wrong-asset" in wanted and len(scenario.assets) < 2 and not scenario.volume.from_settings:
        yield Finding((*here, "wrong-asset"), "the scenario has one asset: there is no account of another one")
