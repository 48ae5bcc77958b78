"""Traits of a server, by its version (midaz-behaviour: version-traits). Pure.

Other modules read a trait, never the version.
"""

import re
from dataclasses import dataclass

from midaz_seed.errors import NotMidazError


@dataclass(frozen=True, slots=True)
class Server:
    """The traits of a supported server."""

    version: str
    """The answer of `GET /version`. Patch releases contain back-ports, so prefer observing a trait where possible."""
    counts_transactions: bool
    """`HEAD .../transactions/metrics/count` (from v3.6)."""
    atomic_many_to_many: bool
    """An n:n transaction is applied as a whole or not at all (from v3.3); batches depend on it."""
    balance_history: bool
    """`GET .../balances/{id}/history` (from v3.6)."""
    filters_names: bool
    """Lists can be filtered by name and other fields (from v3.6); earlier versions ignore unknown filters."""
    default_balances_at_once: bool
    """A new account has its balance when its 201 is sent (from v3.4)."""
    balances_wait_for_records: bool
    """In asynchronous mode a read shows a change of a balance only when its record has left the queue (before v3.4;
    midaz-behaviour: asynchronous-mode)."""
    route_ids: bool
    """Transactions and legs name their routes as `routeId` (from v3.6); before, as the text `route`."""
    ready_probe: bool
    """`GET /readyz` (from v3.7)."""
    problem_json: bool
    """Errors are RFC 9457 problems (v4)."""
    frees_keys_of_refused: bool
    """A refused transaction may be sent again with its key (v3.3.15, v3.4.9, v3.5.2, and from v3.6); before, its key
    stays in use until it expires (midaz-behaviour: freed-keys)."""
    holds_touch_destinations: bool | None
    """A pending transaction counts as a change of the balance of its destination (v3.3), or does not (from v3.6); None:
    not known (v3.4, v3.5; midaz-behaviour: balance-versions)."""
    answers_with_others_transactions: bool
    """Answers some transactions with another one's 201, marked as replayed, without making them (v3.3, v4)."""


_KEYS_FREED_FROM = {(3, 3): 15, (3, 4): 9, (3, 5): 2}
"""Version -> first patch release that frees the key of a refused transaction."""
VERSION_MAX = 100
"""Characters of a version; it is shown in messages and in the report."""


def server_of(version: str) -> Server:
    """Return the traits of a version. Raises NotMidazError for other text and for unsupported versions."""
    match = re.match(r"v?([0-9]{1,4})\.([0-9]{1,4})(?![0-9])(?:\.([0-9]{1,4}))?", version)
    if match is None or len(version) > VERSION_MAX:
        raise NotMidazError(
            f"the server reports the version {version[:VERSION_MAX]!r}, which is not a Midaz version",
            hint="check that the address is that of a Midaz ledger",
        )
    number, patch = (int(match[1]), int(match[2])), int(match[3] or 0)
    if number < (3, 0):
        raise NotMidazError(
            f"the server is Midaz {version}, which is not supported: its amounts are integers with a scale, and a "
            "retried transaction can move the money twice",
            hint="upgrade the server to v3.3 or later",
        )
    return Server(
        version=version,
        counts_transactions=number >= (3, 6),
        atomic_many_to_many=number >= (3, 3),
        balance_history=number >= (3, 6),
        filters_names=number >= (3, 6),
        default_balances_at_once=number >= (3, 4),
        balances_wait_for_records=number < (3, 4),
        route_ids=number >= (3, 6),
        ready_probe=number >= (3, 7),
        problem_json=number >= (4, 0),
        frees_keys_of_refused=number >= (3, 6) or patch >= _KEYS_FREED_FROM.get(number, 10_000),
        holds_touch_destinations=None if (3, 4) <= number < (3, 6) else number < (3, 4),
        answers_with_others_transactions=number < (3, 6) or number >= (4, 0),
    )
