"""Write transactions: a draft becomes a request body and what its answer must be. Pure.

Bodies are put together as text, because a run makes millions of them.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cached_property
from itertools import repeat
from typing import NamedTuple

from midaz_seed.model.balances import EXTERNAL
from midaz_seed.model.money import format_minor
from midaz_seed.plan.batching import Batch
from midaz_seed.plan.calendar.stamps import LocalDay, Stamper
from midaz_seed.plan.flows.base import Draft, Flow, LedgerFacts
from midaz_seed.plan.items import AssetTemplate, Kind, Movement, Phase, TransactionItem
from midaz_seed.plan.marks import PlanIdentity, opening_of
from midaz_seed.plan.routes import FlowRoutes, LedgerRoutes
from midaz_seed.plan.words import TransactionWords, Words

_make = tuple.__new__
"""Creates a named tuple from its fields in order; faster than calling the class, once per transaction."""
_NO_ROUTES: tuple[str, Iterable[str], Iterable[str]] = ("", repeat(""), repeat(""))
Sides = tuple[str, str, str, str, str]
"""The legs of a transaction: endpoint; the value of `send` as JSON; the total as text; a part of the server's answer as
JSON; the member of the body that names the transaction route, with a comma, or "".
"""


class Form(NamedTuple):
    """What the transactions of one flow in one asset have in common."""

    asset: AssetTemplate
    kind: Kind
    endpoint: str
    key: Callable[[int, int], str]
    """`Flow.key`."""
    words: Words
    notes: Callable[[int, int], str] | None
    """`Flow.notes`; None for a flow without."""
    pending: str


class TransactionWriter:
    """Writes the transactions of one ledger."""

    def __init__(
        self, facts: LedgerFacts, identity: PlanIdentity, history: Sequence[date], routes: LedgerRoutes | None
    ) -> None:
        population = facts.population
        scenario = population.shape.scenario
        self._key_begins = f"{facts.key}."
        self._assets = population.shape.assets
        self._population = population
        self._opening = opening_of(identity)
        self._history, self._dated = history, len(history)
        self._fixed_day = identity.day
        self._days: dict[int, LocalDay] = {}
        """By index of the day in the history."""
        self.stamper = Stamper(scenario.time.zone if scenario.time else "America/Sao_Paulo")
        self._routes = routes
        self.words = TransactionWords(facts)
        self._forms: dict[tuple[int, int], Form] = {}
        """By index of the flow and of the asset."""

    @cached_property
    def _aliases(self) -> list[str]:
        return self._population.aliases

    def _day(self, day: int) -> LocalDay:
        if day < self._dated:
            made = self.stamper.day(self._history[day].toordinal())
        else:
            made = self.stamper.undated(self._fixed_day.toordinal())
        self._days[day] = made
        return made

    def _form(self, flow: Flow, asset: int) -> Form:
        template = self._assets[asset]
        notes = None if type(flow).notes is Flow.notes else flow.notes
        pending = '"pending":true,' if flow.kind is Kind.PENDING else ""
        form = Form(template, flow.kind, flow.endpoint, flow.key, self.words.of(flow, asset), notes, pending)
        self._forms[flow.index, asset] = form
        return form

    def item(self, flow: Flow, draft: Draft, day: int, phase: Phase = Phase.TRANSFERS) -> TransactionItem:
        """Write a transaction of a flow.

        Args:
            flow: the flow that drafted it.
            draft: the draft.
            day: index of its day in the history; what is beyond the history has no date.
            phase: its phase.
        """
        second, index, number, movements, asset_index, _ = draft
        form = self._forms.get((index, asset_index)) or self._form(flow, asset_index)
        asset, kind, endpoint, key_of, words, notes, pending = form
        key = self._key_begins + key_of(day, number)
        routes = self._routes.of(flow, number) if self._routes is not None else None
        endpoint, send, total, answer, route = self.sides(asset, movements, endpoint, routes)
        today = self._days.get(day) or self._day(day)
        moment = dated = ""
        if day < self._dated:
            moment = today.text(second)
            dated = f'"transactionDate":"{moment}",'
        description, metadata = words(draft, today, total)
        if notes is not None:
            metadata += notes(day, number)
        # only descriptions have characters beyond ASCII, and text with them is slower to put together and to encode
        begins, mark = self._opening(key, description, metadata)
        rest = f'{dated}{pending}{route}"send":{send}}}'
        return _make(
            TransactionItem,
            (
                key,
                phase,
                begins + rest.encode(),
                mark,
                answer.encode(),
                asset.code,
                total,
                movements,
                kind,
                endpoint,
                day,
                moment,
                "",
                "",
            ),
        )

    def batch(self, flow: Flow, batch: Batch) -> TransactionItem:
        """Write several movements as one transaction."""
        key, number, asset_index, movements = batch
        asset = self._assets[asset_index]
        routes = self._routes.of(flow, number) if self._routes is not None else None
        sides = self.sides(asset, movements, "", routes)
        return self._plain(key, Phase.TRANSFERS, "Lote de pagamentos", movements, asset, sides)

    def deposit(self, key: str, movements: tuple[Movement, ...], asset: AssetTemplate, moment: str) -> TransactionItem:
        """Write a deposit: money from the external account to one or several accounts."""
        routes = self._routes.deposit if self._routes is not None else None
        sides = self.sides(asset, movements, "inflow", routes)
        return self._plain(key, Phase.DEPOSITS, "Saldo inicial", movements, asset, sides, moment)

    def _plain(
        self,
        key: str,
        phase: Phase,
        description: str,
        movements: tuple[Movement, ...],
        asset: AssetTemplate,
        sides: Sides,
        moment: str = "",
    ) -> TransactionItem:
        """Write a transaction without metadata but its marks."""
        full_key = self._key_begins + key
        endpoint, send, total, answer, route = sides
        dated = f'"transactionDate":"{moment}",' if moment else ""
        begins, mark = self._opening(full_key, f'"{description}"'.encode(), "")
        return TransactionItem(
            full_key,
            phase,
            begins + f'{dated}{route}"send":{send}}}'.encode(),
            mark,
            answer.encode(),
            asset.code,
            total,
            movements,
            endpoint=endpoint,
            moment=moment,
        )

    # ---- parts

    def sides(
        self,
        asset: AssetTemplate,
        movements: Sequence[Movement],
        endpoint: str,
        routes: FlowRoutes | None = None,
    ) -> Sides:
        """Return the legs: the sums by account of each side; an external side is left to the endpoint.

        With routes every leg names one, so no side is left out.
        """
        if len(movements) == 1 and routes is None:
            code = asset.code
            [(source, destination, amount)] = movements
            total = format_minor(amount, asset.scale)
            payer = self._aliases[source] if source is not None else EXTERNAL + code
            payee = self._aliases[destination] if destination is not None else EXTERNAL + code
            chosen = endpoint or ("inflow" if source is None else "outflow" if destination is None else "json")
            money = f'"asset":"{code}","value":"{total}"'
            if chosen == "inflow":
                send = f'{{{money},"distribute":{{"to":[{{"accountAlias":"{payee}","amount":{{{money}}}}}]}}}}'
            elif chosen == "outflow":
                send = f'{{{money},"source":{{"from":[{{"accountAlias":"{payer}","amount":{{{money}}}}}]}}}}'
            else:
                send = (
                    f'{{{money},"source":{{"from":[{{"accountAlias":"{payer}","amount":{{{money}}}}}]}},'
                    f'"distribute":{{"to":[{{"accountAlias":"{payee}","amount":{{{money}}}}}]}}}}'
                )
            return chosen, send, total, answer_text(asset, total, payer, payee), ""
        return self._several(asset, movements, endpoint, routes)

    def _several(
        self, asset: AssetTemplate, movements: Sequence[Movement], endpoint: str, routes: FlowRoutes | None
    ) -> Sides:
        code = asset.code
        pays, gets = dict[int | None, int](), dict[int | None, int]()
        for source, destination, amount in movements:
            pays[source] = pays.get(source, 0) + amount
            gets[destination] = gets.get(destination, 0) + amount
        chosen = endpoint or ("inflow" if set(pays) == {None} else "outflow" if set(gets) == {None} else "json")
        if routes is None:
            route, on_pays, on_gets = _NO_ROUTES
        else:
            chosen = "json" if chosen in ("inflow", "outflow") else chosen
            index = self._population.shape.asset_index[code]
            route, on_pays, on_gets = routes.members(self._key_begins, index, pays, gets)
        total = format_minor(sum(pays.values()), asset.scale)
        parts = [f'"asset":"{code}"', f'"value":"{total}"']
        if chosen != "inflow":
            parts.append(f'"source":{{"from":[{self._legs(asset, pays, on_pays)}]}}')
        if chosen != "outflow":
            parts.append(f'"distribute":{{"to":[{self._legs(asset, gets, on_gets)}]}}')
        answer = answer_text(asset, total, self._list(code, pays), self._list(code, gets))
        return chosen, f"{{{','.join(parts)}}}", total, answer, route

    def _legs(self, asset: AssetTemplate, sums: dict[int | None, int], more: Iterable[str]) -> str:
        """Return the legs of a side as JSON; `more`: further members of each."""
        code, scale = asset.code, asset.scale
        return ",".join(
            [
                f'{{"accountAlias":{self._quoted(code, account)},'
                f'"amount":{{"asset":"{code}","value":"{format_minor(amount, scale)}"}}{member}}}'
                for (account, amount), member in zip(sums.items(), more, strict=False)
            ]
        )

    def _list(self, code: str, sums: dict[int | None, int]) -> str:
        """Return the aliases of a side as the content of a JSON list, without its outermost quotes."""
        return '","'.join([EXTERNAL + code if account is None else self._aliases[account] for account in sums])

    def _quoted(self, code: str, account: int | None) -> str:
        return f'"{EXTERNAL}{code}"' if account is None else f'"{self._aliases[account]}"'


def answer_text(asset: AssetTemplate, total: str, sources: str, destinations: str) -> str:
    """Return a part of the expected answer, as servers write it (recorded from v3.3, v3.8 and v4): without trailing
    zeros in the amount. Of several accounts of a side the aliases are those between two quotes: `a","b`.
    """
    amount = total.rstrip("0").rstrip(".") if total[-1] == "0" and asset.scale else total
    return (
        f'"amount":"{amount}","assetCode":"{asset.code}","chartOfAccountsGroupName":"","source":["{sources}"],'
        f'"destination":["{destinations}"]'
    )
