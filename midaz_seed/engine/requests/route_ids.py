"""Put the server ids of routes into the bodies of transactions, which are planned before the routes exist."""

import re
from collections.abc import Mapping

_NAMED = re.compile(rb'"routeId":"<id of ([^>"]+)>"')
"""A route in a planned body (`plan.routes`)."""


class RouteIds:
    """Fills the routes of one ledger into bodies."""

    def __init__(self, ids: Mapping[str, str], *, as_ids: bool) -> None:
        """Prepare to fill bodies.

        Args:
            ids: item key -> server id.
            as_ids: whether the server knows `routeId`; otherwise the id is the text `route` (before v3.6).
        """
        self._ids = ids
        self._field = b"routeId" if as_ids else b"route"
        self._members: dict[bytes, bytes] = {}

    def fill(self, body: bytes) -> bytes:
        """Return a body with server ids in place of the keys of its routes."""
        return _NAMED.sub(self._member, body)

    def _member(self, match: re.Match[bytes]) -> bytes:
        key = match[1]
        found = self._members.get(key)
        if found is None:
            route_id = self._ids[key.decode()].encode()
            found = self._members[key] = b'"%s":"%s"' % (self._field, route_id)
        return found
