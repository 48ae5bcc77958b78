"""What transactions say: descriptions, and metadata of payment rails and of the scenario. Pure."""

from collections.abc import Callable
from functools import cached_property

from orjson import dumps

from midaz_seed.plan.calendar.stamps import Stamper
from midaz_seed.plan.drawing.texts import Facts, ascii_text, compile_text
from midaz_seed.plan.flows.base import DETAIL_BITS, Draft, Flow, FlowText, LedgerFacts
from midaz_seed.plan.flows.rail_choice import RailChoice
from midaz_seed.plan.items import AssetTemplate
from midaz_seed.plan.rails.boleto import bank_slip
from midaz_seed.plan.rails.counterparties import outside_name
from midaz_seed.plan.rails.details import describe, details
from midaz_seed.plan.rails.moment import Moment
from midaz_seed.plan.rails.pix import OWN_BANK, end_to_end_id

_make = tuple.__new__
"""Creates a named tuple from its fields in order; faster than calling the class, once per transaction."""


class TransactionWords:
    """The words of the transactions of one ledger."""

    def __init__(self, facts: LedgerFacts, stamper: Stamper) -> None:
        self._population = facts.population
        self._customer_of = facts.population.customer
        self.stamper = stamper
        self._rails = RailChoice(facts)
        self._texts: dict[str, Callable[[Facts], str]] = {}

    @cached_property
    def _first_names(self) -> list[str]:
        return self._population.first_names

    def of(self, flow: Flow, draft: Draft, ordinal: int, asset: AssetTemplate, total: str) -> tuple[str, str]:
        """Return the description as JSON text, and further members of the metadata, each after a comma."""
        text = flow.text
        description, metadata = '"Transferência"', ""
        if text.rail is not None:
            description, metadata = self._rail_words(text, draft, ordinal, asset)
        if text.metadata or text.says is not None:
            facts = self._facts(flow, draft, ordinal, asset, total)
            for name, template in text.metadata:
                value = dumps(ascii_text(self._compiled(template)(facts))[:100]).decode()
                metadata += f',"{name}":{value}'
            if text.says is not None:
                description = dumps(self._compiled(text.says)(facts)[:256]).decode()
        return description, metadata

    def _rail_words(self, text: FlowText, draft: Draft, ordinal: int, asset: AssetTemplate) -> tuple[str, str]:
        """Return what the payment rail says: the description as JSON text, and members of the metadata."""
        second, _, _, movements, asset_index, bits = draft
        rail = text.rail if text.rail != "by-asset" else self._rails.of(asset_index, bits)
        assert rail is not None, "the caller has looked"
        bits &= DETAIL_BITS
        source, destination, minor = movements[0]
        if len(movements) > 1:
            minor = sum([movement.amount for movement in movements])
        customer_of = self._customer_of
        comes_in = source is None or customer_of[source] < 0
        goes_out = destination is None or customer_of[destination] < 0
        moment = _make(Moment, (ordinal, self.stamper.utc_minute(ordinal, second or (bits >> 40) % 86_400)))
        metadata = "," + details(
            rail, bits, minor, moment, inside=not (comes_in or goes_out), incoming=comes_in, asset=asset.code
        )
        if text.says is not None:
            return "", metadata
        if goes_out:
            return f'"{describe(rail, "out", outside_name(rail, bits))}"', metadata
        if comes_in:
            return f'"{describe(rail, "in", outside_name(rail, bits))}"', metadata
        assert destination is not None, "it stays in the ledger"
        return f'"{describe(rail, "between", self._first_names[destination])}"', metadata

    def rail_of(self, flow: Flow, draft: Draft) -> str | None:
        """Return the payment rail of a transaction; None without one."""
        rail = flow.text.rail
        return self._rails.of(draft.asset, draft.bits) if rail == "by-asset" else rail

    def _compiled(self, template: str) -> Callable[[Facts], str]:
        compiled = self._texts.get(template)
        if compiled is None:
            compiled = self._texts[template] = compile_text(template)
        return compiled

    def _facts(self, flow: Flow, draft: Draft, ordinal: int, asset: AssetTemplate, total: str) -> Facts:
        names, first_names = self._population.names, self._population.first_names
        source, destination, amount = draft.movements[0]
        bits = draft.bits & DETAIL_BITS
        due = ordinal + bits % 10
        return Facts(
            from_name=names[source] if source is not None else "",
            from_first_name=first_names[source] if source is not None else "",
            to_name=names[destination] if destination is not None else "",
            to_first_name=first_names[destination] if destination is not None else "",
            amount=total,
            asset=asset.code,
            n=draft.number + 1,
            day=ordinal,
            second=draft.second,
            due=due,
            e2e=lambda: end_to_end_id(bits, self.stamper.utc_minute(ordinal, draft.second), OWN_BANK.ispb),
            boleto=lambda: bank_slip(bits, amount, due),
            entry=flow.text.entry,
            bits=bits,
        )
