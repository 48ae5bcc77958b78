"""The customers and accounts of one ledger: who owns what, in which asset, and who may move money. Pure.

Accounts are numbered from 0: the internal ones, then customer by customer, kind by kind. Each aspect is drawn from a
stream of its own, so that a change of one does not move another.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from midaz_seed.model.money import EXACT
from midaz_seed.plan.drawing.amounts import compile_amount, minor_units
from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.drawing.choices import weighted
from midaz_seed.plan.people.holders import Holder, company, person
from midaz_seed.plan.people.slugs import slug
from midaz_seed.plan.shape import CustomerKind, LedgerShape, asset_code_of
from midaz_seed.plan.streams import ACCOUNTS_PER_STREAM, stream
from midaz_seed.scenarios.model import AmountSpec, ByIncome, Kind, Owned, Pool
from midaz_seed.scenarios.values import WHOLE

STATUSES = ("active", "dormant", "frozen", "closed")
ACTIVE, DORMANT, FROZEN, CLOSED = range(4)


@dataclass(frozen=True, slots=True)
class HolderRules:
    """How account holders are drawn."""

    individuals_percent: int
    alphanumeric_cnpj: bool
    impossible_documents: bool


class AccountPlan(NamedTuple):
    """One account, as the server gets it."""

    name: str
    alias: str
    type: str
    asset: str
    holder: Holder | None
    """None for an internal account."""
    portfolio: int | None
    segment: int | None
    parent: int | None
    status: int
    label: str
    """`person.checking`, or the name of an internal account."""


class Population:
    """The accounts of one ledger."""

    def __init__(self, shape: LedgerShape, seed: int, key: str, rules: HolderRules, number: int) -> None:
        """Make the structure of the accounts.

        Args:
            shape: of the ledger.
            seed: seed of the plan.
            key: key of the ledger.
            rules: how holders are drawn.
            number: index of the ledger in the plan, so that no document is in two ledgers.
        """
        self.shape = shape
        self._seed, self._key, self._rules = seed, key, rules
        self._first_serial = stream(seed, "documents").getrandbits(48) + number * shape.customers
        self.asset: array[int] = array("H")
        """Index of the asset of each account."""
        self.customer: array[int] = array("i")
        """Index of the customer of each account; -1 for an internal one."""
        self.status = bytearray()
        """Status of each account."""
        self.income: list[int] = []
        """Income of each customer, in minor units of the first asset."""
        self.groups: dict[str, array[int]] = {}
        """Label -> accounts that may move money."""
        self._first: list[int] = []
        """First account of each customer; the last entry is the number of accounts."""
        self._labels: list[tuple[str, ...]] = []
        """By kind: the names in `owns`."""
        self._owned: array[int] = array("H")
        """Position in `owns` of each account."""
        self._make()

    def __len__(self) -> int:
        return len(self.asset)

    @property
    def customers_from(self) -> int:
        """The index of the first account of a customer; those before it are internal."""
        return self._first[0]

    # ---- structure

    def _make(self) -> None:
        shape = self.shape
        codes = shape.asset_index
        for name, internal in shape.scenario.accounts.internal.items():
            self.groups[name] = array("I", [len(self.asset)])
            self._add(codes[internal.asset or shape.assets[0].code], -1, ACTIVE, 0)
        customer = 0
        for kind in shape.kinds:
            labels = tuple(kind.kind.owns)
            for label in labels:
                self.groups[f"{kind.name}.{label}"] = array("I")
            incomes = self._incomes(kind)
            for number, (owns, status) in enumerate(self._draw(kind)):
                self._first.append(len(self.asset))
                self.income.append(next(incomes))
                for position, label in enumerate(labels):
                    if not owns[position]:
                        continue
                    if status == ACTIVE:
                        self.groups[f"{kind.name}.{label}"].append(len(self.asset))
                    code = asset_code_of(kind.kind.owns[label].asset, shape.assets, number)
                    self._add(codes[code], customer, status, position)
                customer += 1
        self._first.append(len(self.asset))

    def _add(self, asset: int, customer: int, status: int, position: int) -> None:
        self.asset.append(asset)
        self.customer.append(customer)
        self.status.append(status)
        self._owned.append(position)

    def _blocks(self, kind: CustomerKind) -> Iterator[tuple[int, int]]:
        """Yield (block, customers in it)."""
        for block in range(-(-kind.count // ACCOUNTS_PER_STREAM)):
            yield block, min(ACCOUNTS_PER_STREAM, kind.count - block * ACCOUNTS_PER_STREAM)

    def _draw(self, kind: CustomerKind) -> Iterator[tuple[list[bool], int]]:
        """Yield for each customer which accounts it owns, and their status."""
        owned, shares = list(kind.kind.owns.values()), kind.kind.status
        limits = (shares.dormant, shares.dormant + shares.frozen, shares.dormant + shares.frozen + shares.closed)
        parents = [list(kind.kind.owns).index(each.parent) if each.parent else None for each in owned]
        for block, size in self._blocks(kind):
            bits = stream(self._seed, self._key, "owns", kind.name, block).getrandbits
            for offset in range(size):
                number = block * ACCOUNTS_PER_STREAM + offset
                owns = [(bits(40) * WHOLE) >> 40 < each.chance for each in owned]
                drawn = (bits(40) * WHOLE) >> 40
                status = next((1 + index for index, limit in enumerate(limits) if drawn < limit), ACTIVE)
                if number < len(kind.personas):
                    owns = [True] * len(owned)
                    status = STATUSES.index(kind.personas[number].status)
                for position, parent in enumerate(parents):  # a child account needs its parent
                    if owns[position] and parent is not None:
                        owns[parent] = True
                yield owns, status

    def _incomes(self, kind: CustomerKind) -> Iterator[int]:
        scale = self.shape.assets[0].scale
        draw = compile_amount(kind.kind.income, scale) if kind.kind.income else None
        for block, size in self._blocks(kind):
            bits = stream(self._seed, self._key, "income", kind.name, block).getrandbits
            for offset in range(size):
                number = block * ACCOUNTS_PER_STREAM + offset
                drawn = draw(bits) if draw else 0
                given = kind.personas[number].income if number < len(kind.personas) else None
                yield drawn if given is None else minor_units(given, scale)

    def wishes(self) -> list[int]:
        """Return the opening balance that the scenario wishes for each account, in minor units."""
        shape = self.shape
        if not shape.has_openings:
            return [0] * len(self)
        wishes = []
        for internal in shape.scenario.accounts.internal.values():
            index = shape.asset_index[internal.asset or shape.assets[0].code]
            bits = stream(self._seed, self._key, "opening", internal.name).getrandbits
            draw = compile_amount(internal.opening, shape.assets[index].scale) if internal.opening else None
            wishes.append(draw(bits) if draw else 0)
        customer = 0
        for kind in shape.kinds:
            owned = list(kind.kind.owns.values())
            for block, size in self._blocks(kind):
                bits = stream(self._seed, self._key, "opening", kind.name, block).getrandbits
                for offset in range(size):
                    number = block * ACCOUNTS_PER_STREAM + offset
                    given = kind.personas[number].opening if number < len(kind.personas) else None
                    for account in range(self._first[customer], self._first[customer + 1]):
                        asset = shape.assets[self.asset[account]]
                        spec = self._opening(kind.kind, owned[self._owned[account]].opening, asset.code)
                        wish = self._wish(spec, asset.scale, customer, bits) if spec else 0
                        if given is not None and account == self._first[customer]:
                            wish = minor_units(given, asset.scale)
                        wishes.append(0 if self.status[account] == CLOSED else wish)
                    customer += 1
        return wishes

    def _wish(self, spec: AmountSpec, scale: int, customer: int, bits: Bits) -> int:
        if spec.of is None:
            return compile_amount(spec, scale)(bits)
        income = EXACT.scaleb(Decimal(self.income[customer]), scale - self.shape.assets[0].scale)
        return int(EXACT.multiply(income, spec.times if spec.times is not None else Decimal(1)))

    def _opening(self, kind: Kind, own: AmountSpec | None, code: str) -> AmountSpec | None:
        return own or kind.opening or self.shape.scenario.assets[code].opening

    def account_of(self, kind: str, number: int) -> int:
        """Return the first account of the customer with this number (from 0) in its kind."""
        return self._first[self._before(kind) + number]

    def _before(self, kind: str) -> int:
        """Return the number of customers before those of a kind."""
        before = 0
        for each in self.shape.kinds:
            if each.name == kind:
                break
            before += each.count
        return before

    def accounts_of(self, customer: int) -> range:
        """Return the accounts of a customer."""
        return range(self._first[customer], self._first[customer + 1])

    def same_holder(self, account: int, label: str) -> int | None:
        """Return the account with this label of the customer who owns an account; None when there is none."""
        kind, _, owned = label.partition(".")
        customer = self.customer[account]
        if customer < 0:
            return None
        names = list(self.shape.scenario.accounts.kinds[kind].owns)
        for other in self.accounts_of(customer):
            if names[self._owned[other]] == owned:
                return other
        return None

    @cached_property
    def frozen(self) -> tuple[int, ...]:
        """The accounts that cannot send."""
        return tuple(account for account, status in enumerate(self.status) if status == FROZEN)

    # ---- names

    def holders(self, kind: CustomerKind) -> Iterator[Holder]:
        """Yield the holder of each customer of a kind."""
        rules, holder, serial = self._rules, kind.kind.holder, self._first_serial + self._before(kind.name)
        for block, size in self._blocks(kind):
            bits = stream(self._seed, self._key, "holders", kind.name, block).getrandbits
            for offset in range(size):
                number = block * ACCOUNTS_PER_STREAM + offset
                is_person = holder == "PF" or (holder == "mixed" and (bits(32) * 100) >> 32 < rules.individuals_percent)
                if is_person:
                    drawn = person(bits, impossible=rules.impossible_documents, serial=serial + number)
                else:
                    drawn = company(
                        bits,
                        alphanumeric=rules.alphanumeric_cnpj,
                        impossible=rules.impossible_documents,
                        serial=serial + number,
                    )
                if number < len(kind.personas):
                    name = kind.personas[number].name
                    trading = "" if is_person else name.removesuffix(" Ltda.").removesuffix(" S.A.")
                    drawn = Holder(drawn.kind, name, drawn.document, trading, trading or name.partition(" ")[0])
                yield drawn

    def accounts(self) -> Iterator[AccountPlan]:
        """Yield every account as the server gets it."""
        shape = self.shape
        for name, internal in shape.scenario.accounts.internal.items():
            code = internal.asset or shape.assets[0].code
            yield AccountPlan(internal.name, name, internal.type, code, None, None, None, None, ACTIVE, name)
        customer = 0
        for kind in shape.kinds:
            owned = list(kind.kind.owns.items())
            segments = self._segments(kind)
            pool = shape.scenario.portfolios
            types = [self._types(kind, spec) for _, spec in owned]
            portfolios = self._pooled(pool, shape.portfolios, "portfolios", kind) if isinstance(pool, Pool) else None
            for number, holder in enumerate(self.holders(kind)):
                segment = segments(holder, self.income[customer])
                portfolio = portfolios(holder) if portfolios else customer
                accounts = self.accounts_of(customer)
                for account in accounts:
                    label, spec = owned[self._owned[account]]
                    parent = self.same_holder(account, f"{kind.name}.{spec.parent}") if spec.parent else None
                    yield AccountPlan(
                        holder.name,
                        self._alias(kind, number, account, holder, label),
                        types[self._owned[account]](),
                        shape.assets[self.asset[account]].code,
                        holder,
                        portfolio,
                        segment,
                        parent,
                        self.status[account],
                        f"{kind.name}.{label}",
                    )
                customer += 1

    def _alias(self, kind: CustomerKind, number: int, account: int, holder: Holder, label: str) -> str:
        is_first = self._owned[account] == 0
        if number < len(kind.personas):
            return kind.personas[number].alias + ("" if is_first else f"-{label}")
        return f"{slug(holder.name)[:70]}-{account + 1}" + ("" if is_first else f"-{label}")

    def _types(self, kind: CustomerKind, owned: Owned) -> Callable[[], str]:
        """Return the function that chooses the type of each account in turn; of those that are registered, if any."""
        registered = self.shape.account_types
        weights = {name: weight for name, weight in owned.types.items() if not registered or name in registered}
        if not weights:
            return lambda: owned.type
        choose, names = weighted(list(weights.values())), list(weights)
        bits = stream(self._seed, self._key, "types", kind.name, owned.type).getrandbits
        return lambda: names[choose(bits)]

    def _segments(self, kind: CustomerKind) -> Callable[[Holder, int], int | None]:
        """Return the function that chooses the segment of each customer in turn, by holder and income."""
        shape, spec = self.shape, kind.kind.segment
        if isinstance(shape.scenario.segments, Pool):
            pooled = self._pooled(shape.scenario.segments, shape.segments, "segments", kind)
            return lambda holder, _: pooled(holder)
        if spec is None:
            return lambda _holder, _income: None
        if isinstance(spec, ByIncome):
            scale = shape.assets[0].scale
            cuts = sorted((minor_units(cut, scale), shape.segments.index(name)) for name, cut in spec.cuts.items())
            return lambda _, income: max((cut for cut in cuts if cut[0] <= income), default=cuts[0])[1]
        indexes = [shape.segments.index(name) for name in spec.choose]
        choose = weighted(list(spec.choose.values()))
        bits = stream(self._seed, self._key, "segments", kind.name).getrandbits
        return lambda _holder, _income: indexes[choose(bits)]

    def _pooled(
        self, pool: Pool, names: Sequence[str], aspect: str, kind: CustomerKind
    ) -> Callable[[Holder], int | None]:
        """Return the function that chooses a name of a pool for each customer in turn: one that its holder may get."""
        if not names:
            return lambda _: None
        every = range(len(names))
        options = {
            holder: [index for index in every if pool.only.get(pool.names[index % len(pool.names)], holder) == holder]
            or list(every)
            for holder in ("PF", "PJ")
        }
        bits = stream(self._seed, self._key, aspect, kind.name).getrandbits

        def choose(holder: Holder) -> int:
            allowed = options[holder.kind]
            return allowed[(bits(64) * len(allowed)) >> 64]

        return choose

    @property
    def aliases(self) -> list[str]:
        """The alias of every account."""
        return self._names[0]

    @property
    def first_names(self) -> list[str]:
        """The first name of the holder of every account; of a company its trading name."""
        return self._names[1]

    @property
    def names(self) -> list[str]:
        """The name of the holder of every account."""
        return self._names[2]

    @cached_property
    def _names(self) -> tuple[list[str], list[str], list[str]]:
        aliases, first, names = list[str](), list[str](), list[str]()
        for account in self.accounts():
            aliases.append(account.alias)
            first.append(account.holder.first_name if account.holder else account.name)
            names.append(account.name)
        return aliases, first, names
