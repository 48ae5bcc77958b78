"""Tokens by client credentials: got once, renewed before they expire and on a 401, and never shown."""

import asyncio
import json
from pathlib import Path

import pytest

from midaz_seed.clock import FakeClock
from midaz_seed.errors import ConfigurationError, UnauthorizedError
from midaz_seed.midaz.auth import AuthorizedTransport, ClientCredentials, TokenFile
from midaz_seed.runner import seed_async
from midaz_seed.transport.base import LostConnectionError, Request, Response, Transport
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for


class Auth:
    """An auth service that hands out token-1, token-2, ..."""

    def __init__(self, *, life_s: float = 300, answer: Response | Exception | None = None) -> None:
        self.bodies: list[dict[str, str]] = []
        self._life_s = life_s
        self._answer = answer

    async def send(self, request: Request) -> Response:
        assert request.path == "/v1/login/oauth/access_token"
        await asyncio.sleep(0)
        if isinstance(self._answer, Exception):
            raise self._answer
        if self._answer is not None:
            return self._answer
        self.bodies.append(json.loads(request.body or b""))
        token = {"accessToken": f"token-{len(self.bodies)}", "expiresIn": self._life_s, "tokenType": "Bearer"}
        return Response(200, {}, json.dumps(token).encode())

    async def aclose(self) -> None:
        return None


class Api:
    """A server that takes only the tokens it is told."""

    def __init__(self, *good: str) -> None:
        self.good = set(good)
        self.seen: list[str] = []

    async def send(self, request: Request) -> Response:
        token = (request.headers or {})["Authorization"].removeprefix("Bearer ")
        self.seen.append(token)
        return Response(200 if token in self.good else 401, {}, b"{}")

    async def aclose(self) -> None:
        return None


def _authorized(auth: Transport, api: Transport, clock: FakeClock) -> AuthorizedTransport:
    return AuthorizedTransport(api, ClientCredentials(auth, clock, client_id="me", client_secret="s3cr3t"))


async def test_one_token_serves_many_requests() -> None:
    auth, api = Auth(), Api("token-1")
    transport = _authorized(auth, api, FakeClock())
    answers = await asyncio.gather(*[transport.send(Request("GET", "/")) for _ in range(20)])
    assert {answer.status for answer in answers} == {200}
    assert auth.bodies == [{"grantType": "client_credentials", "clientId": "me", "clientSecret": "s3cr3t"}]


async def test_a_token_is_renewed_before_it_expires() -> None:
    auth, api, clock = Auth(life_s=100), Api("token-1", "token-2"), FakeClock()
    transport = _authorized(auth, api, clock)
    await transport.send(Request("GET", "/"))
    await clock.advance(69)
    await transport.send(Request("GET", "/"))
    await clock.advance(2)
    await transport.send(Request("GET", "/"))
    assert api.seen == ["token-1", "token-1", "token-2"]


async def test_a_refused_token_is_renewed_once_for_all_and_the_request_sent_again() -> None:
    auth, api = Auth(), Api("token-2")
    transport = _authorized(auth, api, FakeClock())
    answers = await asyncio.gather(*[transport.send(Request("POST", "/")) for _ in range(8)])
    assert {answer.status for answer in answers} == {200}
    assert len(auth.bodies) == 2


async def test_a_token_that_is_refused_twice_is_a_401() -> None:
    transport = _authorized(Auth(), Api("no such token"), FakeClock())
    assert (await transport.send(Request("GET", "/"))).status == 401


@pytest.mark.parametrize(
    "answer",
    [
        Response(401, {}, b'{"message":"clientSecret s3cr3t is wrong","client_secret":"s3cr3t"}'),
        Response(200, {}, b"<html>"),
        Response(200, {}, b"{}"),
        Response(200, {}, b'{"accessToken":"abc\\r\\nX-Organization: another"}'),
        Response(200, {}, '{"accessToken":"abc\u00e9"}'.encode()),
        LostConnectionError("gone"),
    ],
)
async def test_an_auth_service_that_gives_no_token_is_named(answer: Response | Exception) -> None:
    transport = _authorized(Auth(answer=answer), Api(), FakeClock())
    with pytest.raises(UnauthorizedError, match="auth service"):
        await transport.send(Request("GET", "/"))


async def test_a_run_with_client_credentials_passes_a_server_that_asks_for_a_token() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"accessToken":"right","expiresIn":300}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
        writer.close()

    auth = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with auth, sandbox(auth_token="right") as server:
        url = f"http://127.0.0.1:{auth.sockets[0].getsockname()[1]}"
        settings = settings_for(server.url, target={"authUrl": url, "clientId": "me", "clientSecret": "s3cr3t"})
        report = await seed_async(settings)
    assert report.exit_code == 0, report.verdict
    assert "s3cr3t" not in report.as_json()
    assert "right" not in report.as_json()


# ------------------------------------------------------------------------------------------------ token files


async def test_a_rotated_token_file_is_read_once_for_all_requests_that_were_refused() -> None:
    """H4"""
    held, reads = ["token-1"], []

    def read() -> str:
        reads.append(held[0])
        return held[0]

    api = Api("token-1")
    transport = AuthorizedTransport(api, TokenFile(read, "token-1"))
    assert (await transport.send(Request("POST", "/"))).status == 200
    assert reads == []
    for number in (2, 3):
        held[0] = f"token-{number}"
        api.good = {held[0]}
        answers = await asyncio.gather(*[transport.send(Request("POST", "/")) for _ in range(8)])
        assert {answer.status for answer in answers} == {200}
    assert reads == ["token-2", "token-3"]


@pytest.mark.parametrize("text", ["", "token-1"], ids=["no token", "the same token"])
async def test_a_file_without_another_token_leaves_the_401(text: str) -> None:
    """H4: and the request is not sent again with a token that was refused."""
    api = Api("token-2")
    transport = AuthorizedTransport(api, TokenFile(lambda: text, "token-1"))
    assert (await transport.send(Request("POST", "/"))).status == 401
    assert api.seen == ["token-1"]


@pytest.mark.parametrize("text", ["right", "\ufeffBearer right\r\n"])
async def test_a_run_reads_its_token_file_again_on_a_401(tmp_path: Path, text: str) -> None:
    """H4"""
    file = tmp_path / "token"
    file.write_text("wrong")
    async with sandbox(auth_token="right") as server:
        settings = settings_for(server.url, target={"authToken": "wrong", "authTokenFile": str(file)})
        file.write_text(text, encoding="utf-8")
        report = await seed_async(settings)
    assert report.exit_code == 0, report.verdict


async def test_a_token_file_is_enough_for_the_library(tmp_path: Path) -> None:
    """H4"""
    (tmp_path / "token").write_text("right\n")
    async with sandbox(auth_token="right") as server:
        report = await seed_async(settings_for(server.url, target={"authTokenFile": str(tmp_path / "token")}))
        assert report.exit_code == 0, report.verdict
        with pytest.raises(ConfigurationError, match="token file"):
            await seed_async(settings_for(server.url, target={"authTokenFile": str(tmp_path / "absent")}))


async def test_the_file_of_a_client_secret_is_read_at_each_renewal() -> None:
    """H4"""
    auth, api, clock = Auth(life_s=100), Api("token-1", "token-2", "token-3"), FakeClock()
    held = ["s-1", "s-2", ""]
    credentials = ClientCredentials(
        auth, clock, client_id="me", client_secret="s-0", read_secret_again=lambda: held.pop(0)
    )
    transport = AuthorizedTransport(api, credentials)
    for _ in range(3):
        await transport.send(Request("GET", "/"))
        await clock.advance(90)
    assert [body["clientSecret"] for body in auth.bodies] == ["s-1", "s-2", "s-2"]
