"""What a server can do, by its version (midaz-behaviour: version-traits). The rest of the program asks for a trait,
never for a version. Pure."""

import re
from dataclasses import dataclass

from midaz_seed.errors import NotMidazError


@dataclass(frozen=True, slots=True)
class Server:
    """A server that this tool speaks to."""

    version: str
    """As `GET /version` says it; patches carry back-ports, so it is a hint where a trait can be seen."""
    counts_transactions: bool
    """`HEAD .../transactions/metrics/count` (from v3.6)."""
    atomic_many_to_many: bool
    """An n:n transaction happens as a whole or not at all (from v3.3); packing needs it."""
    filters_names: bool
    """Lists can be narrowed by name and other fields (from v3.6); before, unknown filters are ignored."""
    default_balances_at_once: bool
    """A new account has its balance when its 201 arrives (from v3.4)."""
    balances_wait_for_records: bool
    """In asynchronous mode a read shows a balance only when the record of its last movement has come out of the queue
    (before v3.4; midaz-behaviour: asynchronous-mode), however long others' records before it take."""
    ready_probe: bool
    """`GET /readyz` (from v3.7)."""
    problem_json: bool
    """Errors are RFC 9457 problems (v4)."""
    answers_with_others_transactions: bool
    """Seen to answer some transactions with another one's 201, marked replayed, and not to make them (v3.3, v4)."""


def server_of(version: str) -> Server:
    """The traits of a version. Raises NotMidazError for versions whose money this tool could not account for."""
    match = re.match(r"v?(\d+)\.(\d+)", version)
    if match is None:
        raise NotMidazError(
            f"the server calls its version {version!r}, which is not a Midaz's",
            hint="check that the address is that of a Midaz ledger",
        )
    number = int(match[1]), int(match[2])
    if number < (3, 0):
        raise NotMidazError(
            f"the server is Midaz {version}, which this tool does not speak to: its amounts are integers with "
            "a scale, and sending a transaction again can move the money twice",
            hint="upgrade the server to v3.3 or later",
        )
    return Server(
        version=version,
        counts_transactions=number >= (3, 6),
        atomic_many_to_many=number >= (3, 3),
        filters_names=number >= (3, 6),
        default_balances_at_once=number >= (3, 4),
        balances_wait_for_records=number < (3, 4),
        ready_probe=number >= (3, 7),
        problem_json=number >= (4, 0),
        answers_with_others_transactions=number < (3, 6) or number >= (4, 0),
    )
