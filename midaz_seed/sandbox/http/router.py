"""Finds the handler of a method and path. Paths match in any letter case, with or without slashes at the end.

Nothing in a path is unescaped: `%2F` and `%40` are characters of a segment like any other
(midaz-behaviour: escaped-paths).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from midaz_seed.sandbox.core.dialect import SERVICES, Dialect, Service
from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.messages import Call, Reply
from midaz_seed.sandbox.entities import account_lookups, asset_rates, balances, holders, ledger_settings, service
from midaz_seed.sandbox.entities.body_schema import parse_uuid
from midaz_seed.sandbox.entities.crud import ENTITIES, Handler
from midaz_seed.sandbox.storage.state import SandboxState
from midaz_seed.sandbox.transactions import balance_history as history
from midaz_seed.sandbox.transactions import endpoints as transactions
from midaz_seed.sandbox.transactions import reads as reading
from midaz_seed.sandbox.transactions.request import ENDPOINTS

_O = "/v1/organizations/{id}"
_L = _O + "/ledgers/{id}"


class Route(NamedTuple):
    """A handler and its group of endpoints in faults and statistics."""

    handler: Handler
    group: str


@dataclass(slots=True)
class _Node:
    static: dict[str, "_Node"] = field(default_factory=dict)
    param: "_Node | None" = None
    is_id: bool = False
    methods: dict[str, Route] = field(default_factory=dict)


def _table() -> list[tuple[str, str, Handler, str]]:
    rows: list[tuple[str, str, Handler, str]] = [
        ("GET", "/health", service.health, "service"),
        ("GET", "/version", service.version, "service"),
        ("GET", "/readyz", service.ready, "service"),
    ]
    for name, entity in ENTITIES.items():
        if name == "instruments":
            continue
        base = _BASES.get(name, f"{_L}/{name}")
        rows += [
            ("POST", base, holders.create_holder if name == "holders" else entity.create, name),
            ("GET", base, entity.list, name),
            ("GET", f"{base}/{{id}}", entity.get, name),
            ("PATCH", f"{base}/{{id}}", entity.patch, name),
            ("DELETE", f"{base}/{{id}}", entity.delete, name),
        ]
        if entity.kind.paging == "page" and entity.kind.countable:
            rows.append(("HEAD", f"{base}/metrics/count", entity.count, name))
    rows += _HOLDER_ROWS
    rows += [(method, f"{_L}{path}", handler, group) for method, path, handler, group in _LEDGER_ROWS]
    rows += [
        ("POST", f"{_L}/transactions/{name}", transactions.handler_of(endpoint), "transactions")
        for name, endpoint in ENDPOINTS.items()
    ]
    return rows


_BASES = {"organizations": "/v1/organizations", "ledgers": f"{_O}/ledgers", "holders": f"{_O}/holders"}
_INSTRUMENTS = f"{_O}/holders/{{id}}/instruments"
_HOLDER_ROWS: list[tuple[str, str, Handler, str]] = [
    ("GET", f"{_O}/holders/{{id}}/accounts", holders.accounts_of, "accounts"),
    ("POST", f"{_L}/holders/{{id}}/accounts", holders.create_account, "accounts"),
    ("GET", f"{_O}/instruments", ENTITIES["instruments"].list, "instruments"),
    ("POST", _INSTRUMENTS, holders.create_instrument, "instruments"),
    ("GET", f"{_INSTRUMENTS}/{{id}}", ENTITIES["instruments"].get, "instruments"),
    ("PATCH", f"{_INSTRUMENTS}/{{id}}", ENTITIES["instruments"].patch, "instruments"),
    ("DELETE", f"{_INSTRUMENTS}/{{id}}", ENTITIES["instruments"].delete, "instruments"),
]

_LEDGER_ROWS: list[tuple[str, str, Handler, str]] = [
    ("GET", "/settings", ledger_settings.get, "ledgers"),
    ("PATCH", "/settings", ledger_settings.patch, "ledgers"),
    ("GET", "/accounts/alias/{text}", account_lookups.by_alias, "accounts"),
    ("GET", "/accounts/external/{text}", account_lookups.by_external_code, "accounts"),
    ("GET", "/accounts/alias/{text}/balances", balances.list_by_alias, "balances"),
    ("GET", "/accounts/external/{text}/balances", balances.list_by_external_code, "balances"),
    ("GET", "/accounts/{id}/balances", balances.list_of_account, "balances"),
    ("POST", "/accounts/{id}/balances", balances.create, "balances"),
    ("GET", "/accounts/{id}/balances/history", history.of_account, "balances"),
    ("GET", "/accounts/{id}/operations", reading.list_operations, "operations"),
    ("GET", "/accounts/{id}/operations/{id}", reading.get_operation, "operations"),
    ("GET", "/balances", balances.list_all, "balances"),
    ("GET", "/balances/{id}", balances.get, "balances"),
    ("PATCH", "/balances/{id}", balances.patch, "balances"),
    ("DELETE", "/balances/{id}", balances.delete, "balances"),
    ("GET", "/balances/{id}/history", history.of_balance, "balances"),
    ("PUT", "/asset-rates", asset_rates.put, "asset-rates"),
    ("GET", "/asset-rates/{id}", asset_rates.get, "asset-rates"),
    ("GET", "/asset-rates/from/{text}", asset_rates.list_from, "asset-rates"),
    ("POST", "/transactions/dsl", transactions.refuse_dsl, "transactions"),
    ("GET", "/transactions", reading.list_transactions, "transactions"),
    ("HEAD", "/transactions/metrics/count", reading.count_transactions, "transactions"),
    ("GET", "/transactions/{id}", reading.get, "transactions"),
    ("PATCH", "/transactions/{id}", transactions.patch, "transactions"),
    ("POST", "/transactions/{id}/commit", transactions.commit, "transactions"),
    ("POST", "/transactions/{id}/cancel", transactions.cancel, "transactions"),
    ("POST", "/transactions/{id}/revert", transactions.revert, "transactions"),
    ("PATCH", "/transactions/{id}/operations/{id}", transactions.patch_operation, "operations"),
]


def _no_head(_state: SandboxState, call: Call) -> Reply:
    """Refuse a HEAD request that has passed the checks of its path, but has no handler."""
    raise FailedError(404, f"Cannot HEAD {call.path.decode('latin-1')}", from_router=True)


def _with_heads(rows: list[tuple[str, str, Handler, str]], dialect: Dialect) -> list[tuple[str, str, Handler, str]]:
    """Add a row of HEAD for each path that has GET."""
    return rows + [
        ("HEAD", path, handler if dialect.head_answers_as_get or not path.startswith(_O[:3]) else _no_head, group)
        for method, path, handler, group in rows
        if method == "GET"
    ]


def _grow(rows: list[tuple[str, str, Handler, str]]) -> _Node:
    root = _Node()
    for method, path, handler, group in rows:
        node = root
        for segment in path.strip("/").split("/"):
            if segment in ("{id}", "{text}"):
                node.param = node.param or _Node(is_id=segment == "{id}")
                node = node.param
            else:
                node = node.static.setdefault(segment, _Node())
        node.methods[method] = Route(handler, group)
    return root


def routed_groups() -> frozenset[str]:
    """Return the groups of the endpoints of all versions."""
    return frozenset(group for *_, group in _table())


_FEATURES = {
    "/readyz": "readyz",
    f"{_L}/settings": "ledger-settings",
    f"{_L}/accounts/{{id}}/balances/history": "balance-history",
    f"{_L}/balances/{{id}}/history": "balance-history",
    f"{_L}/transactions/block": "block",
    f"{_L}/transactions/unblock": "block",
    f"{_L}/transactions/metrics/count": "transaction-count",
    f"{_O}/holders": "holders",
    f"{_O}/holders/{{id}}": "holders",
    **{path: "holders" for _, path, _, _ in _HOLDER_ROWS},
}
"""Path -> the feature of versions that have it; a path that is missing is served by every version."""


class Router:
    """Finds the handler of a request; caches the latest paths."""

    _CACHED_MAX = 4096

    def __init__(self, dialect: Dialect, service: Service | None = None) -> None:
        """`service`: serve only its endpoints; None: those of both services."""
        rows = [
            row
            for row in _table()
            if dialect.has(_FEATURES.get(row[1], "")) and (service is None or SERVICES.get(row[3], service) == service)
        ]
        self._root = _grow(_with_heads(rows, dialect))
        self._cached: dict[tuple[str, bytes], tuple[Route, list[str]]] = {}

    def find(self, method: str, raw_path: bytes) -> tuple[Route, list[str]]:
        """Return the route and the variable parts of the path.

        Raises:
            FailedError: 404, 405.
            RefusedError: 0065 for a part that should be an id and is not.
        """
        known = self._cached.get((method, raw_path))
        if known is not None:
            return known
        path = raw_path.decode("latin-1")
        segments = path[1:].rstrip("/").split("/")
        reached = list(_walk(self._root, segments, []))
        found = next(((node, values) for node, values in reached if method in node.methods), None)
        if found is None:
            raise _not_routed(method, path, reached)
        route, params = found[0].methods[method], []
        for value, is_id in found[1]:
            uuid = parse_uuid(value) if is_id else value
            if uuid is None:
                raise RefusedError("0065")
            params.append(uuid)
        if len(self._cached) >= self._CACHED_MAX:
            self._cached.clear()
        self._cached[method, raw_path] = route, params
        return route, params

    def group_of(self, method: str, raw_path: bytes) -> str:
        """Return the group of a request's endpoint; "" when there is none."""
        try:
            return self.find(method, raw_path)[0].group
        except (FailedError, RefusedError):
            return ""


_Reached = tuple[_Node, list[tuple[str, bool]]]
"""An end of a path, and the variable parts of the path: (text, is an id)."""


def _walk(node: _Node, segments: list[str], found: list[tuple[str, bool]]) -> Iterator[_Reached]:
    """Yield the ends of a path, those with fixed segments first."""
    if not segments:
        if node.methods:
            yield node, found
        return
    segment, rest = segments[0], segments[1:]
    static = node.static.get(segment.lower())
    if static is not None:
        yield from _walk(static, rest, found)
    if node.param is not None and segment:
        yield from _walk(node.param, rest, [*found, (segment, node.param.is_id)])


def _not_routed(method: str, path: str, reached: list[_Reached]) -> FailedError:
    """Return the error of a path that has no handler for the method: 405 with `Allow` when it has others, else 404."""
    # (midaz-behaviour: unknown-paths-and-methods)
    allowed = sorted({name for node, _ in reached for name in node.methods})
    if not allowed:
        return FailedError(404, f"Cannot {method} {path}", from_router=True)
    allow = (b"allow", ", ".join(allowed).encode())
    return FailedError(405, "Method Not Allowed", from_router=True, headers=[allow])
