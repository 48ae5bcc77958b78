"""Recognize the requests that an effect acts on: a new transaction, a change of an asset rate."""

from midaz_seed.sandbox.core.error_codes import FailedError, RefusedError
from midaz_seed.sandbox.core.messages import Call
from midaz_seed.sandbox.entities.asset_rates import changes_without_ttl
from midaz_seed.sandbox.http.app import ROUTER, App, Scope
from midaz_seed.sandbox.transactions.request import ENDPOINTS, Endpoint


def new_transaction(app: App, scope: Scope, body: bytes) -> tuple[Call, Endpoint] | None:
    """Return a request that posts a new transaction as a call; None for any other, and for one that is refused before
    its handler."""
    endpoint = ENDPOINTS.get(scope["raw_path"].rstrip(b"/").rpartition(b"/")[2].decode("latin-1").lower())
    if endpoint is None or scope["method"] != "POST" or not app.may_enter(scope["raw_path"], scope["headers"]):
        return None
    call = _call(scope, body, "transactions")
    return None if call is None else (call, endpoint)


def ends_server(app: App, scope: Scope, body: bytes) -> bool:
    """Return whether the real server of this version ends at the request."""
    if scope["method"] != "PUT" or not app.state.dialect.rate_without_ttl_kills:
        return False
    call = _call(scope, body, "asset-rates")
    return call is not None and changes_without_ttl(app.state, call)


def _call(scope: Scope, body: bytes, group: str) -> Call | None:
    """Return the request as a call; None when it goes to another group of endpoints."""
    method, raw_path = scope["method"], scope["raw_path"]
    try:
        route, params = scope["state"][ROUTER].find(method, raw_path)
    except (FailedError, RefusedError):
        return None  # the handling of the request says what is wrong with its path
    return Call(method, raw_path, params, b"", scope["headers"], body) if route.group == group else None
