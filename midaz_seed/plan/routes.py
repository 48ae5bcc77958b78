"""The accounting routes of a ledger: what its transactions and their legs name, where a scenario wants routes. Pure.

A server that checks routes wants the legs of a transaction to name every operation route of its transaction route, and
no other (midaz-behaviour: route-validation). So a flow has one transaction route for each combination of operation
routes that its transactions can have: with a fee, and without one that is rounded to nothing.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

from midaz_seed.plan.flows.base import Flow, Side
from midaz_seed.plan.flows.ledger_flows import LedgerFlows
from midaz_seed.scenarios.model import Scenario

SOURCE, DESTINATION, BIDIRECTIONAL = "source", "destination", "bidirectional"
"""Types of operation routes."""


def id_of(key: str) -> str:
    """Return what stands in a planned body for the server id of the item with this key."""
    return f"<id of {key}>"


def operation_route(index: int) -> str:
    """Return the last part of the key of an operation route: `or3`."""
    return f"or{index + 1}"


def transaction_route(index: int) -> str:
    """Return the last part of the key of a transaction route: `tr3`."""
    return f"tr{index + 1}"


class OperationRoute(NamedTuple):
    """One operation route: a side, and the accounts that may stand there."""

    side: str
    types: tuple[str, ...]
    """Types of its accounts; () for the external account."""
    asset: str = ""
    """Code of the asset whose external account it is for."""

    @property
    def name(self) -> str:
        """Its accounts, in words."""
        if not self.types:
            return f"externa {self.asset}"
        return "/".join(self.types) if len(self.types) < 4 else f"{len(self.types)} tipos de conta"


class TransactionRoute(NamedTuple):
    """One transaction route: the operation routes that its transactions use, by index."""

    title: str
    operation_routes: tuple[int, ...]


class FlowRoutes:
    """The routes of the transactions of one flow.

    Attributes:
        numbers: combination of operation routes (bit n: the n-th) -> index of the transaction route.
    """

    def __init__(self, sides: tuple[int | None, int | None], extra: dict[int, int], external: list[list[int]]) -> None:
        """Prepare the choice of operation routes.

        Args:
            sides: operation routes of the accounts that pay and that receive; None where there is none.
            extra: account -> its operation route, for accounts that receive fees and shares.
            external: by side, the operation route of each asset's external account; [] where it does not stand.
        """
        self._sides, self._extra, self._external = sides, extra, external
        self.numbers: dict[int, int] = {}

    def members(
        self, key_begins: str, asset: int, pays: Iterable[int | None], gets: Iterable[int | None]
    ) -> tuple[str, Iterable[str], Iterable[str]]:
        """Return the members of a body that name the routes: that of the transaction, those of its legs by side.

        A body is made before the routes exist: the key of a route stands for its server id (`id_of`).

        Args:
            key_begins: how the keys of the ledger's items begin, with the dot.
            asset: index of the asset.
            pays: accounts that pay, by index; None is the external one.
            gets: accounts that receive.
        """
        on_pays = [self.operation_route(account, asset, pays=True) for account in pays]
        on_gets = [self.operation_route(account, asset, pays=False) for account in gets]
        combination = 0
        for number in (*on_pays, *on_gets):
            combination |= 1 << number
        transaction = f'"routeId":"{id_of(key_begins + transaction_route(self.numbers[combination]))}",'
        legs = [
            [f',"routeId":"{id_of(key_begins + operation_route(number))}"' for number in side]
            for side in (on_pays, on_gets)
        ]
        return transaction, legs[0], legs[1]

    def operation_route(self, account: int | None, asset: int, *, pays: bool) -> int:
        """Return the index of the operation route of a leg.

        Args:
            account: index of the account; None is the external one.
            asset: index of the asset.
            pays: whether it is on the side of the source.
        """
        if account is None:
            return self._external[not pays][asset]
        found = self._sides[not pays] if pays else self._extra.get(account, self._sides[1])
        assert found is not None, "the flow has accounts on this side"
        return found


class LedgerRoutes:
    """All routes of one ledger."""

    def __init__(self, flows: LedgerFlows) -> None:
        self._population = flows.facts.population
        self._scenario: Scenario = flows.scenario
        self.operation_routes: list[OperationRoute] = []
        self.transaction_routes: list[TransactionRoute] = []
        self._numbers: dict[OperationRoute, int] = {}
        everyone = tuple(self._population.groups)
        names = (SOURCE, DESTINATION)
        self.deposit = self._routes_of("saldo-inicial", Side(external=True), Side(everyone), names)
        """Of the opening balances."""
        self._flows = [list(self._of_flow(flow)) for flow in flows.flows]
        self.refusal: FlowRoutes | None = None
        """Of what the server must refuse, for another reason than its routes."""
        if flows.scenario.refusals is not None:
            self.refusal = self._routes_of("recusa", Side(everyone), Side(everyone), names)

    def of(self, flow: Flow, number: int) -> FlowRoutes:
        """Return the routes of a draft, by its flow and its number."""
        found = self._flows[flow.index]
        return found[number % len(found)]

    # ---- compiling

    def _of_flow(self, flow: Flow) -> Iterator[FlowRoutes]:
        # only a transaction whose operation routes are all bidirectional can be reverted (0150)
        names = (BIDIRECTIONAL, BIDIRECTIONAL) if flow.name.startswith("revert_") else (SOURCE, DESTINATION)
        title = flow.name.removeprefix("s_").removeprefix("p_")
        for pays, gets in flow.sides():
            yield self._routes_of(title, pays, gets, names)

    def _routes_of(self, title: str, pays: Side, gets: Side, names: tuple[str, str]) -> FlowRoutes:
        codes = [asset.code for asset in self._population.shape.assets]
        sides, external = list[int | None](), list[list[int]]()
        for side, name in zip((pays, gets), names, strict=True):
            types = self._types(side.labels)
            sides.append(self._number(OperationRoute(name, types)) if types else None)
            external.append([self._number(OperationRoute(name, (), code)) for code in codes] if side.external else [])
        groups = self._population.groups
        extra = {
            groups[label][0]: self._number(OperationRoute(names[1], self._types((label,)))) for label, _ in gets.extra
        }
        routes = FlowRoutes((sides[0], sides[1]), extra, external)
        needed = sum({1 << extra[groups[label][0]] for label, always in gets.extra if always})
        optional = {1 << extra[groups[label][0]] for label, always in gets.extra if not always}
        for asset in self._assets(pays, gets):
            mains = [
                _mains(side, sides[at], external[at][asset] if external[at] else None)
                for at, side in enumerate((pays, gets))
            ]
            for paying, receiving in product(*mains):
                if not self._is_external(paying | receiving):
                    for more in _subsets(sorted(optional)):
                        self._add(routes, title, paying | receiving | needed | more)
        return routes

    def _types(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Return the types of the accounts with these labels; servers keep them in lower case."""
        accounts, found = self._scenario.accounts, set[str]()
        for label in labels:
            kind, _, owned = label.partition(".")
            if owned:
                spec = accounts.kinds[kind].owns[owned]
                found.update(spec.types or (spec.type,))
            else:
                found.add(accounts.internal[label].type)
        return tuple(sorted(name.lower() for name in found))

    def _assets(self, pays: Side, gets: Side) -> list[int]:
        """Return the assets of a flow, by index; where routes do not depend on the asset, one stands for all."""
        if not pays.external and not gets.external:
            return [0]
        labels, groups, asset_of = pays.labels or gets.labels, self._population.groups, self._population.asset
        return sorted({asset_of[account] for label in labels for account in groups.get(label, ())})

    def _is_external(self, combination: int) -> bool:
        """Return whether no account of the ledger stands in a combination."""
        return not any(route.types for route in _chosen(self.operation_routes, combination))

    def _number(self, route: OperationRoute) -> int:
        if route not in self._numbers:
            self._numbers[route] = len(self.operation_routes)
            self.operation_routes.append(route)
        return self._numbers[route]

    def _add(self, routes: FlowRoutes, title: str, combination: int) -> None:
        if combination in routes.numbers:
            return
        taken = sum(route.title.partition(" ")[0] == title for route in self.transaction_routes)
        routes.numbers[combination] = len(self.transaction_routes)
        chosen = tuple(index for index in range(len(self.operation_routes)) if combination >> index & 1)
        self.transaction_routes.append(TransactionRoute(f"{title} {taken + 1}" if taken else title, chosen))


def _chosen(routes: list[OperationRoute], combination: int) -> Iterator[OperationRoute]:
    return (route for index, route in enumerate(routes) if combination >> index & 1)


def _mains(side: Side, accounts: int | None, external: int | None) -> list[int]:
    """Return the combinations in which the main accounts of a side and the external account stand there."""
    found = [1 << number for number in (accounts, external) if number is not None]
    return [*found, sum(found)] if len(found) == 2 and side.mixes else found


def _subsets(bits: list[int]) -> Iterator[int]:
    """Yield the sum of every choice of these bits, that of all first."""
    for chosen in product((1, 0), repeat=len(bits)):
        yield sum(bit for bit, is_in in zip(bits, chosen, strict=True) if is_in)
