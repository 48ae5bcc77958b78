"""One request and its answer, between the ASGI edge and the handlers."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

Headers = list[tuple[bytes, bytes]]

TRANSPORT = "midaz_seed.transport"
"""The extension of the ASGI scope that holds {"transport": the asyncio transport}: a fault that cuts the connection
needs it."""

_JSON: Headers = [(b"content-type", b"application/json")]
_TEXT: Headers = [(b"content-type", b"text/plain; charset=utf-8")]


class Reply(NamedTuple):
    """An answer: status, headers without the length, and the body."""

    status: int
    headers: Headers
    body: bytes


@dataclass(slots=True)
class Call:
    """A request that found its handler. `params` are the variable parts of the path in order: the organization's id,
    the ledger's."""

    method: str
    path: bytes
    params: list[str]
    query_string: bytes = b""
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    @property
    def org_id(self) -> str:
        return self.params[0]

    @property
    def ledger_id(self) -> str:
        return self.params[1]

    def query(self) -> dict[str, str]:
        """The query's parameters; of one given twice the last counts."""
        return dict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))


def json_reply(status: int, body: Any, headers: Headers | None = None) -> Reply:
    """A JSON answer of a value."""
    return Reply(status, _JSON + headers if headers else _JSON, orjson.dumps(body))


def raw_json_reply(status: int, body: bytes, headers: Headers | None = None) -> Reply:
    """A JSON answer that is bytes already."""
    return Reply(status, _JSON + headers if headers else _JSON, body)


def text_reply(status: int, text: str) -> Reply:
    """A plain text answer."""
    return Reply(status, _TEXT, text.encode())


def empty_reply(status: int, headers: Headers | None = None) -> Reply:
    """An answer without body."""
    return Reply(status, headers or [], b"")
