"""A request and its answer, as they pass between the ASGI application and the handlers."""

from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

Headers = list[tuple[bytes, bytes]]

TRANSPORT = "midaz_seed.transport"
"""The extension of the ASGI scope that holds {"transport": the asyncio transport}, for faults that cut the
connection."""

_JSON: Headers = [(b"content-type", b"application/json")]
_TEXT: Headers = [(b"content-type", b"text/plain; charset=utf-8")]


new_tuple = tuple.__new__
"""Makes a named tuple (class, fields in their order) in a tenth of the time of calling the class."""


class Reply(NamedTuple):
    """An answer: status, headers without the length, and the body."""

    status: int
    headers: Headers
    body: bytes


class Call(NamedTuple):
    """A request for a handler. `params` are the variable parts of the path in their order: the ids of organization,
    ledger and so on."""

    method: str
    path: bytes
    params: list[str]
    query_string: bytes = b""
    headers: Headers = []  # noqa: RUF012 - the tuple's own default, never changed
    body: bytes = b""

    @property
    def org_id(self) -> str:
        """The id of the organization in the path."""
        return self.params[0]

    @property
    def ledger_id(self) -> str:
        """The id of the ledger in the path."""
        return self.params[1]

    def query(self) -> dict[str, str]:
        """Return the parameters of the query; the last value of one that is given twice."""
        return dict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))


def json_reply(status: int, body: Any, headers: Headers | None = None) -> Reply:
    """Return a value as a JSON answer."""
    return Reply(status, _JSON + headers if headers else _JSON, orjson.dumps(body))


def raw_json_reply(status: int, body: bytes, headers: Headers | None = None) -> Reply:
    """Return rendered JSON as an answer."""
    return Reply(status, _JSON + headers if headers else _JSON, body)


def text_reply(status: int, text: str) -> Reply:
    """Return an answer of plain text."""
    return Reply(status, _TEXT, text.encode())


def empty_reply(status: int, headers: Headers | None = None) -> Reply:
    """Return an answer without body."""
    return Reply(status, headers or [], b"")
