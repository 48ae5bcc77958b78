"""What transactions say: descriptions, and metadata of payment rails and of the scenario. Pure."""

from collections.abc import Callable

from orjson import dumps

from midaz_seed.plan.calendar.stamps import LocalDay
from midaz_seed.plan.drawing.texts import Facts, ascii_text, compile_text
from midaz_seed.plan.flows.base import DETAIL_BITS, Draft, Flow, LedgerFacts
from midaz_seed.plan.flows.rail_choice import SLOTS, SLOTS_MASK, RailChoice
from midaz_seed.plan.rails.boleto import bank_slip
from midaz_seed.plan.rails.counterparties import outside_name
from midaz_seed.plan.rails.details import descriptions, details_of
from midaz_seed.plan.rails.pix import OWN_BANK, end_to_end_id

Words = Callable[[Draft, LocalDay, str], tuple[bytes, str]]
"""(draft, its day, total) -> the description as JSON, and further members of the metadata, each
after a comma.
"""


_PLAIN = dumps("Transferência")


def _fixed(description: bytes) -> Words:
    return lambda _draft, _today, _total: (description, "")


class TransactionWords:
    """The words of the transactions of one ledger."""

    def __init__(self, facts: LedgerFacts) -> None:
        self._population = facts.population
        self._rails = RailChoice(facts)
        self._texts: dict[str, Callable[[Facts], str]] = {}

    def of(self, flow: Flow, asset: int) -> Words:
        """Return the function that writes the words of the transactions of a flow in one asset."""
        text = flow.text
        fixed = _PLAIN if text.says is None else dumps(text.says[:256]) if "{" not in text.says else b""
        described = text.rail is not None and text.says is None
        words = self._rail_words(text.rail, asset, None if described else fixed) if text.rail else _fixed(fixed)
        says = self._compiled(text.says) if text.says is not None and "{" in text.says else None
        return words if says is None and not text.metadata else self._filled(flow, asset, words, says)

    def _filled(self, flow: Flow, asset: int, words: Words, says: Callable[[Facts], str] | None) -> Words:
        """Return the function that adds what the templates of a flow say."""
        members = [(f',"{name}":', self._compiled(text)) for name, text in flow.text.metadata]
        facts_of = self._facts_of(flow, self._population.shape.assets[asset].code)

        def filled(draft: Draft, today: LocalDay, total: str) -> tuple[bytes, str]:
            description, metadata = words(draft, today, total)
            facts = facts_of(draft, today, total)
            for begins, fill in members:
                metadata += begins + dumps(ascii_text(fill(facts))[:100]).decode()
            return description if says is None else dumps(says(facts)[:256]), metadata

        return filled

    def _rail_words(self, rail: str, asset: int, description: bytes | None) -> Words:
        """Return the function that writes what a payment rail says.

        Args:
            rail: its name, or `by-asset`.
            asset: index of the asset.
            description: instead of that of the rail.
        """
        code, customers = self._population.shape.assets[asset].code, self._population.customers_from
        rails = self._rails.table(asset) if rail == "by-asset" else (rail,) * SLOTS
        known = {each: (details_of(each, code), descriptions(each), each) for each in set(rails)}
        table = [known[each] for each in rails]
        names = self._population.first_names if description is None else []

        def words(draft: Draft, today: LocalDay, _total: str) -> tuple[bytes, str]:
            second, _, _, movements, _, bits = draft
            details, (between, goes, comes), name = table[bits >> 64 & SLOTS_MASK]
            bits &= DETAIL_BITS
            source, destination, minor = movements[0]
            if len(movements) > 1:
                minor = sum([movement.amount for movement in movements])
            comes_in = source is None or source < customers
            goes_out = destination is None or destination < customers
            # without dates the second is one of the details
            second = second or (bits >> 40) % 86_400
            metadata = details(bits, minor, today, second, not (comes_in or goes_out), comes_in)
            if description is not None:
                return description, metadata
            if goes_out:
                return goes[outside_name(name, bits)], metadata
            if comes_in:
                return comes[outside_name(name, bits)], metadata
            assert destination is not None, "it stays in the ledger"
            return between[names[destination]], metadata

        return words

    def rail_of(self, flow: Flow, draft: Draft) -> str | None:
        """Return the payment rail of a transaction; None without one."""
        rail = flow.text.rail
        return self._rails.of(draft.asset, draft.bits) if rail == "by-asset" else rail

    def _compiled(self, template: str) -> Callable[[Facts], str]:
        compiled = self._texts.get(template)
        if compiled is None:
            compiled = self._texts[template] = compile_text(template)
        return compiled

    def _facts_of(self, flow: Flow, code: str) -> Callable[[Draft, LocalDay, str], Facts]:
        """Return the function that finds what the fields of the templates of a flow stand for."""
        names, first_names, entry = self._population.names, self._population.first_names, flow.text.entry

        def facts(draft: Draft, today: LocalDay, total: str) -> Facts:
            second, _, number, movements, _, bits = draft
            source, destination, amount = movements[0]
            bits &= DETAIL_BITS
            due = today.ordinal + bits % 10
            return Facts(
                names[source] if source is not None else "",
                first_names[source] if source is not None else "",
                names[destination] if destination is not None else "",
                first_names[destination] if destination is not None else "",
                total,
                code,
                number + 1,
                today.ordinal,
                second,
                due,
                lambda: end_to_end_id(bits, today.utc_minute(second), OWN_BANK.ispb),
                lambda: bank_slip(bits, amount, due),
                entry,
                bits,
            )

        return facts
