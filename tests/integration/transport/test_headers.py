"""The headers of a request: each once, and the user's before ours."""

import pytest

from midaz_seed.transport.base import Request
from tests.support.raw_server import OK, Make, talking


def _names(request: bytes) -> list[str]:
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return [line.partition(":")[0].lower() for line in lines]


@pytest.mark.parametrize("name", ["content-type", "CONTENT-TYPE", "user-agent", "User-agent", "host", "HOST"])
async def test_a_user_header_in_another_case_is_sent_once(make: Make, name: str) -> None:
    """H2: and with the user's value."""
    async with talking(make, OK, headers={name: "mine"}) as (transport, server):
        await transport.send(Request("POST", "/x", b"{}"))
    names = _names(server.requests[0])
    assert len(names) == len(set(names))
    assert f"{name}: mine".lower().encode() in server.requests[0].lower()


async def test_no_header_is_sent_twice(make: Make) -> None:
    """H2"""
    given = {"X-One": "1", "authorization": "Basic abc", "accept": "application/json"}
    async with talking(make, OK, headers=given) as (transport, server):
        await transport.send(Request("POST", "/x", b"{}", {"X-Idempotency": "k", "X-TTL": "5"}))
    names = _names(server.requests[0])
    assert len(names) == len(set(names))
