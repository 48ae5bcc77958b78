"""Checks of amounts: distributions that can be drawn from, in decimals that the asset has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from midaz_seed.scenarios.checks.finding import Finding, Path, percent, unknown
from midaz_seed.scenarios.checks.groups import Groups
from midaz_seed.scenarios.document import show
from midaz_seed.scenarios.model import AmountSpec, Asset, Mix, Scenario
from midaz_seed.scenarios.values import WHOLE

MINOR_MAX = 10**30
"""Largest amount, in minor units: sums of a million accounts stay within the 38 digits that databases keep exactly."""
RARE = Decimal(2**28)
"""One draw of this many is the largest that is considered, and can be drawn: of a distribution without an upper end."""
SIGMAS = 6
"""Standard deviations from the median to the largest of `RARE` draws of a normal distribution (5.8)."""
EXPONENT_MAX = Decimal(200)


@dataclass(frozen=True, slots=True)
class _Use:
    """Where an amount stands, and for what."""

    path: Path
    spec: AmountSpec
    assets: Sequence[str]
    may_be_zero: bool = False
    has_income: bool = False
    """Whether it belongs to a customer with an income."""


def check_amounts(scenario: Scenario, groups: Groups) -> Iterator[Finding]:
    """Yield what is impossible about amounts."""
    for use in (*_openings(scenario, groups), *_of_movements(scenario, groups), *_incomes(scenario)):
        yield from _check(use.path, use.spec, use, scenario)
    yield from _check_missing(scenario, groups)
    yield from _check_likes(scenario)
    yield from _check_personas(scenario, groups)


def _openings(scenario: Scenario, groups: Groups) -> Iterator[_Use]:
    for code, asset in scenario.assets.items():
        if asset.opening is not None:
            yield _Use(("assets", code, "opening"), asset.opening, [code], may_be_zero=True)
    for name, internal in scenario.accounts.internal.items():
        if internal.opening is not None:
            assets = sorted(groups.internal[name].assets)
            yield _Use(("accounts", "internal", name, "opening"), internal.opening, assets, may_be_zero=True)
    for name, kind in scenario.accounts.kinds.items():
        has_income, here = kind.income is not None, ("accounts", "kinds", name)
        all_assets = sorted({asset for account in kind.owns for asset in groups.owned[f"{name}.{account}"].assets})
        if kind.opening is not None:
            yield _Use((*here, "opening"), kind.opening, all_assets, may_be_zero=True, has_income=has_income)
        for account, owned in kind.owns.items():
            if owned.opening is not None:
                assets = sorted(groups.owned[f"{name}.{account}"].assets)
                path = (*here, "owns", account, "opening")
                yield _Use(path, owned.opening, assets, may_be_zero=True, has_income=has_income)


def _of_movements(scenario: Scenario, groups: Groups) -> Iterator[_Use]:
    kinds = scenario.accounts.kinds
    for code, asset in scenario.assets.items():
        if asset.amount is not None:
            yield _Use(("assets", code, "amount"), asset.amount, [code])
    for name, entry in scenario.mix.items():
        if entry.amount is not None:
            involved = groups.kinds_of(entry.from_) | groups.kinds_of(entry.to)
            has_income = any(kinds[kind].income is not None for kind in involved)
            yield _Use(("mix", name, "amount"), entry.amount, assets_of(entry, groups), has_income=has_income)
    for name, schedule in scenario.schedules.items():
        if schedule.amount is not None:
            via, per = scenario.mix.get(schedule.via), kinds.get(schedule.per)
            assets = assets_of(via, groups) if via is not None else []
            has_income = per is None or per.income is not None
            yield _Use(("schedules", name, "amount"), schedule.amount, assets, has_income=has_income)


def _incomes(scenario: Scenario) -> Iterator[_Use]:
    for name, kind in scenario.accounts.kinds.items():
        if kind.income is not None:
            yield _Use(("accounts", "kinds", name, "income"), kind.income, [], may_be_zero=True)


def assets_of(entry: Mix, groups: Groups) -> list[str]:
    """Return the assets that movements of an entry can be in."""
    if entry.exchange is not None:
        return [entry.exchange.sell] if entry.exchange.sell in groups.assets else []
    return sorted(groups.assets_of(entry.from_) & groups.assets_of(entry.to))


def _check(path: Path, spec: AmountSpec, use: _Use, scenario: Scenario) -> Iterator[Finding]:
    if spec.of == "income" and not use.has_income:
        yield Finding((*path, "of"), "no customer of this movement has an income: set `income` of the kind")
    if spec.uniform is not None and spec.uniform[0] > spec.uniform[1]:
        yield Finding((*path, "uniform"), f"the lowest amount {spec.uniform[0]} is above the highest {spec.uniform[1]}")
    for index, (_, low, high) in enumerate(spec.bands or ()):
        if low > high:
            yield Finding((*path, "bands", index), f"the lowest amount {low} is above the highest {high}")
    if spec.min is not None and spec.max is not None and spec.min > spec.max:
        yield Finding((*path, "min"), f"min {spec.min} is above max {spec.max}")
    yield from _check_weights(path, spec)
    yield from _check_positive(path, spec, use)
    yield from _check_decimals(path, spec, {code: scenario.assets[code] for code in use.assets})
    for index, (_, inner) in enumerate(spec.mix or ()):
        if inner.of is not None or inner.like is not None:
            reason = "an amount in a mixture cannot refer to an income or to another entry"
            yield Finding((*path, "mix", index, 1), reason)
        yield from _check((*path, "mix", index, 1), inner, use, scenario)


def _check_weights(path: Path, spec: AmountSpec) -> Iterator[Finding]:
    weights: dict[str, list[int]] = {}
    if spec.mix is not None:
        weights["mix"] = [weight for weight, _ in spec.mix]
    if spec.bands is not None:
        weights["bands"] = [weight for weight, _, _ in spec.bands]
    if spec.choose is not None:
        weights["choose"] = list(spec.choose.values())
    for name, values in weights.items():
        if not any(values):
            yield Finding((*path, name), "one weight must be above 0")
    if sum(spec.round.values()) > WHOLE:
        yield Finding((*path, "round"), f"the shares sum to {percent(sum(spec.round.values()))}, more than 100 %")


def _check_positive(path: Path, spec: AmountSpec, use: _Use) -> Iterator[Finding]:
    zero = "an amount of 0 moves nothing"
    if spec.const is not None and not spec.const and not use.may_be_zero:
        yield Finding((*path, "const"), zero)
    if spec.uniform is not None and not spec.uniform[1] and not use.may_be_zero:
        yield Finding((*path, "uniform"), zero)
    if spec.max is not None and not spec.max and not use.may_be_zero:
        yield Finding((*path, "max"), zero)
    needed = {
        ("lognormal", "median"): spec.lognormal and spec.lognormal.median,
        ("pareto", "min"): spec.pareto and spec.pareto.min,
        ("pareto", "alpha"): spec.pareto and spec.pareto.alpha,
        ("exponential",): spec.exponential,
    }
    for steps, value in needed.items():
        if value is not None and not value:
            yield Finding((*path, *steps), "it must be above 0")


def _check_decimals(path: Path, spec: AmountSpec, assets: Mapping[str, Asset]) -> Iterator[Finding]:
    """Check exact amounts against the decimals of each asset, and the largest one against what can be held."""
    exact: dict[Path, Decimal | None] = {("const",): spec.const, ("min",): spec.min, ("max",): spec.max}
    exact |= {("uniform", index): value for index, value in enumerate(spec.uniform or ())}
    for index, (_, low, high) in enumerate(spec.bands or ()):
        exact |= {("bands", index, 1): low, ("bands", index, 2): high}
    for name, texts in (("choose", spec.choose or {}), ("round", spec.round)):
        for text in texts:
            value = _decimal(text)
            if value is None or not value:
                yield Finding(
                    (*path, name, text), f"it must be a decimal number above 0, such as 12.50, not {show(text)}"
                )
            else:
                exact[name, text] = value
    for code, asset in assets.items():
        for steps, value in exact.items():
            if value is not None and decimals(value) > asset.scale:
                wrong = f"{value} has more decimals than {code}, whose scale is {asset.scale}"
                yield Finding((*path, *steps), wrong)
        if (largest := _largest(spec)) is not None and _exceeds(largest, asset.scale):
            yield Finding(path, f"amounts of {code} can exceed 10^30 units of its last decimal: set a smaller `max`")


def decimals(value: Decimal) -> int:
    """Return how many decimals a number has, without zeros at its end: 12.500 has one."""
    return len(format(value, "f").partition(".")[2].rstrip("0"))


def _decimal(text: str) -> Decimal | None:
    digits = text.replace(".", "", 1)
    is_number = text.isascii() and digits.isdecimal() and text[0] != "." and text[-1] != "." and len(text) <= 80
    return Decimal(text) if is_number else None


def _exceeds(value: Decimal, scale: int) -> bool:
    with localcontext() as context:
        context.prec = 200  # the default would round
        return value.scaleb(scale) > MINOR_MAX


def _largest(spec: AmountSpec) -> Decimal | None:
    """Return the largest of `RARE` amounts, roughly; None where it depends on something else, or is exact."""
    if spec.max is not None:
        return spec.max
    with localcontext() as context:
        context.prec = 60
        if spec.lognormal is not None:
            return spec.lognormal.median * min(spec.lognormal.sigma * SIGMAS, EXPONENT_MAX).exp()
        if spec.pareto is not None:
            exponent = RARE.ln() / spec.pareto.alpha if spec.pareto.alpha else EXPONENT_MAX
            return spec.pareto.min * min(exponent, EXPONENT_MAX).exp()
        if spec.exponential is not None:
            return spec.exponential * RARE.ln()
    exact = [spec.const, *(spec.uniform or ()), *(high for _, _, high in spec.bands or ())]
    exact += [_decimal(text) for text in spec.choose or ()]
    return max((value for value in exact if value is not None), default=None)


def _check_missing(scenario: Scenario, groups: Groups) -> Iterator[Finding]:
    """Check that every entry has an amount: its own, or that of each of its assets."""
    for name, entry in scenario.mix.items():
        if entry.amount is not None or entry.generator is not None:
            continue
        for code in assets_of(entry, groups):
            if scenario.assets[code].amount is None:
                yield Finding(("mix", name), f"it needs an amount, because the asset {code} has none; give either one")


def _check_likes(scenario: Scenario) -> Iterator[Finding]:
    """Check that each `like` leads to the amount of an entry, and not in a circle."""
    for path, spec in _all_specs(scenario):
        if spec.like is None:
            continue
        seen: list[str] = [str(path[1])] if path[0] == "mix" and len(path) == 3 else []
        like: str | None = spec.like
        while like is not None:
            entry = scenario.mix.get(like)
            if like in seen:
                yield Finding((*path, "like"), f"the amounts are circular: {' -> '.join([*seen, like])}")
                break
            if entry is None:
                if like == spec.like:
                    yield Finding((*path, "like"), unknown("mix entry", like, scenario.mix))
                break
            seen.append(like)
            like = entry.amount.like if entry.amount is not None else None


def _all_specs(scenario: Scenario) -> Iterator[tuple[Path, AmountSpec]]:
    groups = Groups(scenario)
    for use in (*_openings(scenario, groups), *_of_movements(scenario, groups), *_incomes(scenario)):
        yield from _inner_specs(use.path, use.spec)


def _inner_specs(path: Path, spec: AmountSpec) -> Iterator[tuple[Path, AmountSpec]]:
    yield path, spec
    for index, (_, inner) in enumerate(spec.mix or ()):
        yield from _inner_specs((*path, "mix", index, 1), inner)


def _check_personas(scenario: Scenario, groups: Groups) -> Iterator[Finding]:
    for index, persona in enumerate(scenario.personas):
        kind = scenario.accounts.kinds.get(persona.kind)
        if kind is None or persona.opening is None:
            continue
        path: Path = ("personas", index, "opening")
        codes = {code for account in kind.owns for code in groups.owned[f"{persona.kind}.{account}"].assets}
        known = [scenario.assets[code] for code in codes if code in scenario.assets]
        scale = max((asset.scale for asset in known), default=0)
        if known and decimals(persona.opening) > scale:
            yield Finding(path, f"{persona.opening} has more decimals than any account of a {persona.kind}")
        elif _exceeds(persona.opening, scale):
            yield Finding(path, "it exceeds 10^30 units of the last decimal, the most that is exact")
