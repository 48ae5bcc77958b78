"""Render the profile of a plan as text with small histograms, and as a JSON document. Pure."""

import dataclasses
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby

import orjson

from midaz_seed.plan.measures import Distribution, share
from midaz_seed.plan.profile_parts import AssetProfile, History, KindProfile, Profile
from midaz_seed.wording import counted, wrapped

SCHEMA_VERSION = 1
WIDTH = 80
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
BAND_SHARE_MIN = 0.005
"""Bands at both ends with a smaller share of the amounts are added up in one line."""
BAR_MIN = 10
FLOWS_MAX = 24
"""Most lines for flows; the JSON document has all of them."""
LEGS_MAX = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Signs:
    """The characters of histograms."""

    full: str
    partial: str
    """A bar's last character, from nearly nothing to nearly full; "" without."""
    levels: str
    """Heights from nothing to the highest."""


BLOCKS = Signs("█", "▏▎▍▌▋▊▉", " ▁▂▃▄▅▆▇█")
ASCII = Signs("#", "", " .:-=+*#@")


def profile_document(profile: Profile) -> str:
    """Return a profile as a JSON document that ends with a newline. Amounts are decimal strings."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    document = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(profile)}
    return orjson.dumps(document, default=_plain, option=options).decode()


def _plain(amount: object) -> str:
    if isinstance(amount, Decimal):
        return format(amount, "f")
    raise TypeError


def render_profile(profile: Profile, width: int = WIDTH, *, signs: Signs = BLOCKS) -> str:
    """Render a profile as text that ends with a newline.

    Args:
        profile: what to render.
        width: columns; longer lines are wrapped, and bars become shorter.
        signs: the characters of histograms: `ASCII` where a terminal has no others.
    """
    return "".join(f"{line}\n" for line in wrapped(_lines(profile, width, signs), width))


def _lines(profile: Profile, width: int, signs: Signs) -> Iterator[str]:
    yield f"plan {profile.digest[:12]}  scenario {profile.scenario}  seed {profile.seed}"
    ledgers = counted(profile.ledgers, "ledger")
    yield f"{counted(profile.transactions, 'transaction')} in {ledgers}, without the deposits"
    for asset in profile.assets:
        yield from _asset(asset, width, signs)
    yield ""
    yield from _customers(profile.kinds)
    if profile.history is not None:
        yield ""
        yield from _history(profile.history, width, signs)
    yield ""
    yield from _flows(profile)
    yield ""
    yield from _rest(profile)


def _asset(asset: AssetProfile, width: int, signs: Signs) -> Iterator[str]:
    rows = [("transactions", asset.transactions, "")]
    for name, holdings in (("opening", asset.opening), ("final", asset.final)):
        if holdings is not None:
            rows.append((name, holdings.amounts, f"{holdings.gini:>5.2f}{holdings.zero_share * 100:>5.0f} %"))
    header = "".join(f"{name:>8}" for name in ("min", "p10", "p50", "p90", "p99", "max", "mean"))
    yield ""
    yield f"{asset.code:<12}{header}{'Gini':>5}{'zero':>7}" if len(rows) > 1 else f"{asset.code:<12}{header}"
    for name, amounts, rest in rows:
        if amounts is not None:
            values = (amounts.min, amounts.p10, amounts.p50, amounts.p90, amounts.p99, amounts.max, amounts.mean)
            yield f"{name:<12}{''.join(f'{_short(value):>8}' for value in values)}{rest}"
    if asset.transactions is not None:
        yield from _bands(asset.transactions, width, signs)
        yield (
            f"  sum {asset.transactions.total:,f}; from outside {asset.came_in:,f}, to the outside {asset.went_out:,f}"
        )


def _short(amount: Decimal) -> str:
    """Return an amount in at most seven characters."""
    if amount >= 10**15 or 0 < amount < Decimal("0.01"):
        return f"{amount:.1e}"
    for power, suffix in ((12, "T"), (9, "G"), (6, "M")):
        scaled = round(amount.scaleb(-power), 2)
        if scaled >= 1:
            return f"{scaled}{suffix}"
    whole = amount >= 1000 or not amount or amount.as_tuple().exponent == 0
    return f"{amount:,.0f}" if whole else f"{amount:.2f}"


def _amount(amount: Decimal) -> str:
    """Return an amount without zeros beyond the second decimal."""
    whole, point, decimals = f"{amount:,f}".partition(".")
    return f"{whole}{point}{decimals[:2]}{decimals[2:].rstrip('0')}"


def _percent(part: float) -> str:
    return f"{part * 100:.1f} %"


def _bands(amounts: Distribution, width: int, signs: Signs) -> Iterator[str]:
    bands = [(f"{_amount(band.low)} -", band.count) for band in amounts.bands]
    first, last = _within(amounts)
    below, above = sum(count for _, count in bands[:first]), sum(count for _, count in bands[last:])
    rows = [(f"below {_amount(amounts.bands[first].low)}", below)] if below else []
    rows += bands[first:last]
    rows += [(f"from {_amount(amounts.bands[last].low)}", above)] if above else []
    label = max(len(name) for name, _ in rows)
    room = max(width - label - 14, BAR_MIN)
    most = max(count for _, count in rows)
    for empty, group in groupby(rows, key=lambda row: not row[1]):
        if empty:
            yield f"  {'...':>{label}}"
            continue
        for name, count in group:
            part = _percent(share(count, amounts.count))
            yield f"  {name:>{label}} {part:>7} {_bar(count, most, room, signs)}".rstrip()


def _within(amounts: Distribution) -> tuple[int, int]:
    """Return the first band with a share worth a line, and the one after the last such."""
    large = [number for number, band in enumerate(amounts.bands) if share(band.count, amounts.count) >= BAND_SHARE_MIN]
    return large[0], large[-1] + 1


def _bar(count: int, most: int, room: int, signs: Signs) -> str:
    parts = len(signs.partial) + 1
    length = count * room * parts // most if most else 0
    whole, rest = divmod(length, parts)
    return signs.full * whole + (signs.partial[rest - 1] if rest else "")


def _levels(counts: Sequence[int], signs: Signs) -> str:
    """Return a line of heights: one character for each count, the highest one for the largest count."""
    most, steps = max(counts, default=0), len(signs.levels) - 1
    return "".join(signs.levels[-(-count * steps // most) if most else 0] for count in counts)


def _customers(kinds: Sequence[KindProfile]) -> Iterator[str]:
    label = max(len("customers"), *(len(kind.name) for kind in kinds))
    columns = (("number", 9), ("sent", 9), ("most", 7), ("Gini", 6), ("received", 10), ("most", 7), ("Gini", 6))
    header = "".join(f"{name:>{size}}" for name, size in (*columns, ("top 1 %", 9)))
    yield f"{'customers':<{label}}{header}"
    for kind in kinds:
        sent, received = kind.sent, kind.received
        yield (
            f"{kind.name:<{label}}{kind.customers:>9,}{sent.mean:>9,.1f}{sent.max:>7,}{sent.gini:>6.2f}"
            f"{received.mean:>10,.1f}{received.max:>7,}{received.gini:>6.2f}{_percent(received.top_1_percent):>9}"
        )
    for kind in kinds:
        if kind.top:
            top = ", ".join(f"{each.alias} {_percent(each.share)}" for each in kind.top[:3])
            yield f"{kind.name} that receive most: {top}"
    for kind in kinds:
        yield f"accounts of {kind.name}: " + ", ".join(f"{count:,} {status}" for status, count in kind.accounts.items())


def _history(history: History, width: int, signs: Signs) -> Iterator[str]:
    days, total = history.days, sum(history.weekdays)
    yield f"{counted(len(days), 'day')}, {days[0].date} to {days[-1].date}: {history.mean:,.1f} transactions a day"
    for first in range(0, len(days), max(width - 2, BAR_MIN)):
        part = days[first : first + max(width - 2, BAR_MIN)]
        yield f"  {_levels([day.transactions for day in part], signs)}".rstrip()
    yield f"  peak {history.peak.date}: {history.peak.transactions:,}, {history.peak.over_mean:.2f} times the mean day"
    if history.pay_days:
        lowest, highest = min(day.over_mean for day in history.pay_days), max(day.over_mean for day in history.pay_days)
        times = f"{lowest:.2f}" if lowest == highest else f"{lowest:.2f} to {highest:.2f}"
        yield f"  {counted(len(history.pay_days), 'pay day')}: {times} times the mean day"
    yield (
        "  "
        + "  ".join(
            f"{name} {share(count, total) * 100:.1f}" for name, count in zip(WEEKDAYS, history.weekdays, strict=True)
        )
        + " %"
    )
    yield f"  Monday to Friday {_percent(history.weekday_share)}"
    yield f"  hours 0 to 23 |{_levels(history.hours, signs)}|  20 h to 6 h {_percent(history.night_share)}"


def _flows(profile: Profile) -> Iterator[str]:
    label = max(len("entry"), *(len(flow.name) for flow in profile.flows)) if profile.flows else 5
    yield f"{'entry':<{label}}{'transactions':>13}{'share':>8}{'median':>14}{'mean':>14}"
    for flow in profile.flows[:FLOWS_MAX]:
        amounts = next(iter(flow.amounts.values()), None)
        money = f"{_amount(amounts.p50):>14}{_amount(amounts.mean):>14} {next(iter(flow.amounts))}" if amounts else ""
        yield f"{flow.name:<{label}}{flow.transactions:>13,}{_percent(flow.share):>8}{money}"
    if len(profile.flows) > FLOWS_MAX:
        yield f"  and {counted(len(profile.flows) - FLOWS_MAX, 'more entry', 'more entries')}: --json has them"


def _rest(profile: Profile) -> Iterator[str]:
    for code, rails in profile.rails.items():
        total = sum(rails.values())
        yield f"rails {code}: " + ", ".join(f"{rail} {_percent(share(count, total))}" for rail, count in rails.items())
    if profile.legs:
        total = sum(profile.legs.values())
        most = sorted(profile.legs.items(), key=lambda each: -each[1])[:LEGS_MAX]
        shares = {legs: _percent(share(count, total)) for legs, count in sorted(most)}
        listed = ", ".join(f"{legs} in {part}" for legs, part in shares.items() if part != _percent(0))
        yield f"accounts in a transaction: {listed}; at most {max(profile.legs)}"
    for name, counts in (
        ("kinds", profile.transaction_kinds),
        ("follow-ups", profile.follow_ups),
        ("refusals", profile.refusals),
    ):
        if counts:
            yield f"{name}: " + ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    if profile.raised_accounts:
        code = profile.assets[0].code
        median = f" (median in {code}: by {profile.raised_median:,f})" if profile.raised_median else ""
        yield f"opening balances raised for {counted(profile.raised_accounts, 'account')}{median}"
