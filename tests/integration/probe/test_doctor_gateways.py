"""The doctor behind a gateway that alters answers: even one in a hundred is a no-go that says what came, and what only
looks different is none."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from midaz_seed.clock import SystemClock
from midaz_seed.errors import TargetError
from midaz_seed.probe.batch_size_trial import choose_batch_size
from midaz_seed.probe.diagnosis import Diagnosis, Finding, Level
from midaz_seed.probe.doctor import examine
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.transport.aiohttp_transport import AiohttpTransport
from midaz_seed.transport.base import Transport
from midaz_seed.transport.httptools_transport import HttptoolsTransport
from tests.support.cli import run_cli
from tests.support.combinations import combinations
from tests.support.gateway import DROP, Gateway, GatewayAnswer, Headers, alter_matching, gateway, running_gateway
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import http_transport

pytestmark = pytest.mark.slow

TRANSACTIONS = b"/transactions/"
INGRESS = GatewayAnswer(404, [("Content-Type", "text/html")], b"<html><h1>404 Not Found</h1><hr>nginx</html>")
Change = Callable[[dict[str, Any]], bytes | None]


@asynccontextmanager
async def _reach(url: str, kind: str = "wire") -> AsyncIterator[Transport]:
    make = HttptoolsTransport if kind == "wire" else AiohttpTransport
    transport = make(url, url, headers={}, request_timeout_s=5, connect_timeout_s=1)
    try:
        yield transport
    finally:
        await transport.aclose()


async def _examined(url: str, kind: str = "wire", *, write: bool = True) -> Diagnosis:
    async with _reach(url, kind) as transport:
        return await examine(transport, ResolvedTarget(url, url, is_sandbox=False), SystemClock(), write=write)


def _found(diagnosis: Diagnosis, name: str) -> Finding:
    return next(finding for finding in diagnosis.findings if finding.name == name)


def _body(change: Change) -> Callable[[bytes, bytes, int, Headers, bytes], GatewayAnswer | None]:
    """The JSON of a 201 as `change` writes it anew."""

    def alter(head: bytes, sent: bytes, status: int, headers: Headers, body: bytes) -> GatewayAnswer | None:
        if status != 201 or not head.startswith(b"POST"):
            return None
        changed = change(json.loads(body))
        return None if changed is None else GatewayAnswer(status, headers, changed)

    return alter


def _without(*names: str) -> Change:
    return lambda found: json.dumps({name: value for name, value in found.items() if name not in names}).encode()


def _with(**changes: Any) -> Change:
    return lambda found: json.dumps({**found, **changes}).encode()


def _another() -> Change:
    """The answer to an earlier transaction, as a mixed up connection would give it."""
    not_removed: list[bytes] = []

    def change(found: dict[str, Any]) -> bytes:
        not_removed.append(json.dumps(found).encode())
        return not_removed[max(len(not_removed) - 3, 0)]

    return change


ALTERED: dict[str, Change] = {
    "emptied": lambda found: b"",
    "without metadata": _without("metadata"),
    "without operations": _without("operations"),
    "cut": lambda found: json.dumps(found).encode()[:200],
    "doubled": lambda found: 2 * json.dumps(found).encode(),
    "another amount": _with(amount="0.010000000000000001"),
    "amount through a float": lambda found: json.dumps({**found, "amount": 0.1 + 0.2}).encode(),
    "another ledger": _with(ledgerId="00000000-0000-0000-0000-000000000000"),
    "a page": lambda found: b"<html>signed out</html>",
}


@pytest.mark.parametrize("name", ALTERED)
async def test_an_answer_in_ten_that_is_altered_is_a_no_go_that_says_what_came(name: str) -> None:
    async with (
        sandbox() as server,
        gateway(server.url, alter_matching(TRANSACTIONS, _body(ALTERED[name]), every=10)) as url,
    ):
        diagnosis = await _examined(url)
        left = await _examined(server.url, write=False)
    assert not diagnosis.go
    finding = _found(diagnosis, "answers")
    assert finding.level is Level.STOP
    odd, _, count = finding.value.partition(" of ")
    assert 30 <= int(odd) <= int(count.replace(",", "")) // 10
    assert "expected the transaction doctor-" in finding.meaning
    assert "came 201" in finding.meaning
    assert "gateway or proxy" in finding.meaning
    assert _found(left, "organizations").value == "0"
    assert _found(diagnosis, "removal").value == "done"


@pytest.mark.parametrize(("every", "kind"), combinations([1, 2, 7, 100], ["wire", "session"], step=2))
async def test_however_few_are_altered_it_is_seen_with_both_transports(every: int, kind: str) -> None:
    async with (
        sandbox() as server,
        gateway(server.url, alter_matching(TRANSACTIONS, _body(_without("metadata")), every=every)) as url,
    ):
        diagnosis = await _examined(url, kind)
    assert not diagnosis.go
    assert "came 201 without metadata" in _found(diagnosis, "answers").meaning
    transfers = _found(diagnosis, "transfers")
    assert "are not counted" in transfers.meaning
    assert (transfers.value == "about 0/s") == (every == 1)


async def test_the_answer_to_another_transaction_that_is_not_marked_as_a_replay_is_a_no_go() -> None:
    async with (
        sandbox() as server,
        gateway(server.url, alter_matching(b"/transactions/json", _body(_another()), every=5)) as url,
    ):
        diagnosis = await _examined(url)
    assert not diagnosis.go
    assert "not marked as a replay" in _found(diagnosis, "answers").meaning


async def test_a_page_of_an_ingress_among_the_answers_is_a_no_go() -> None:
    async with (
        sandbox() as server,
        gateway(server.url, alter_matching(TRANSACTIONS, lambda *_: INGRESS, every=50)) as url,
    ):
        diagnosis = await _examined(url)
    assert not diagnosis.go
    assert "came 404 with another body: <html>" in _found(diagnosis, "answers").meaning


async def test_what_came_is_shown_without_control_characters_and_secrets() -> None:
    evil = b'\x1b[31m{"token":"s3cr3t"}\x07'
    async with (
        sandbox() as server,
        gateway(server.url, alter_matching(TRANSACTIONS, _body(lambda _: evil), every=10)) as url,
    ):
        diagnosis = await _examined(url)
    meaning = _found(diagnosis, "answers").meaning
    assert meaning.isprintable()
    assert "\\x1b[31m" in meaning
    assert "s3cr3t" not in meaning


def _numbers(found: dict[str, Any]) -> bytes:
    """In another order, with blanks, and the amount as an exact number."""
    text = json.dumps(dict(sorted(found.items(), reverse=True)), indent=1)
    return text.replace(f'"amount": "{found["amount"]}"', f'"amount": {found["amount"]}').encode()


async def test_answers_that_are_only_written_anew_are_a_go_with_a_note() -> None:
    async with sandbox() as server, gateway(server.url, alter_matching(TRANSACTIONS, _body(_numbers))) as url:
        diagnosis = await _examined(url)
    assert diagnosis.go, diagnosis.findings
    assert _found(diagnosis, "bodies").level is Level.NOTE
    assert _found(diagnosis, "idempotency").value == "proved"
    assert _found(diagnosis, "answers").level is Level.OK


@pytest.mark.parametrize("dialect", ["v3.3", "v3.8", "v4"])
async def test_every_version_is_a_go_without_a_gateway(dialect: str) -> None:
    async with sandbox(dialect=dialect) as server:
        target = ResolvedTarget(server.url, server.transaction_url, is_sandbox=False)
        transport = http_transport(server.url, server.transaction_url, request_timeout_s=5, connect_timeout_s=1)
        diagnosis = await examine(transport, target, SystemClock(), write=True)
        await transport.aclose()
    assert diagnosis.go, diagnosis.findings
    assert _found(diagnosis, "answers").level is Level.OK
    assert _found(diagnosis, "reads").level is Level.OK
    assert not [finding for finding in diagnosis.findings if finding.name in ("bodies", "marks")]


@pytest.mark.parametrize("dialect", ["v3.3", "v4"])
async def test_the_foreign_replays_of_real_servers_are_a_note(dialect: str) -> None:
    rule = {"on": "transactions", "methods": ["POST"], "every": 20, "foreign_replay": {}}
    async with sandbox({"rules": [rule]}, dialect=dialect, one_port=True) as server:
        diagnosis = await _examined(server.url)
    assert diagnosis.go, diagnosis.findings
    levels = {finding.value: finding.level for finding in diagnosis.findings if finding.name == "foreign answers"}
    assert set(levels.values()) == {Level.NOTE}
    assert any(" of " in value for value in levels)


async def test_a_deposit_that_meets_a_foreign_replay_is_made_under_another_key() -> None:
    rule = {"on": "transactions", "methods": ["POST"], "from_request": 3, "to_request": 4, "foreign_replay": {}}
    async with sandbox({"rules": [rule]}, dialect="v4") as server:
        diagnosis = await _examined(server.url)
    assert diagnosis.go, diagnosis.findings


@pytest.mark.parametrize("what", ["accounts", "organizations"])
async def test_an_altered_answer_to_a_create_is_a_no_go_and_nothing_stays(what: str) -> None:
    change = _without("metadata") if what == "accounts" else lambda found: b""
    async with sandbox() as server, gateway(server.url, alter_matching(f"/{what} ".encode(), _body(change))) as url:
        diagnosis = await _examined(url)
        left = await _examined(server.url, write=False)
    assert not diagnosis.go
    assert f"expected the new {what[:-1]}, came 201 with" in _found(diagnosis, "answers").meaning
    assert _found(left, "organizations").value == "0"


async def test_an_organization_that_no_answer_names_and_no_list_shows_is_reported() -> None:
    def alter(head: bytes, sent: bytes, status: int, headers: Headers, body: bytes) -> GatewayAnswer | None:
        if head.startswith(b"POST"):
            return DROP
        return GatewayAnswer(200, headers, b'{"items":[],"limit":100}') if b"metadata." in head else None

    async with sandbox() as server, gateway(server.url, alter_matching(b"/organizations", alter)) as url:
        diagnosis = await _examined(url)
    assert not diagnosis.go
    assert "seedRun doctor-" in _found(diagnosis, "removal").meaning


@pytest.mark.parametrize("write", [False, True])
async def test_a_read_in_five_that_an_ingress_answers_is_a_no_go(write: bool) -> None:
    reads = alter_matching(b"GET /v1/organizations?", lambda *_: INGRESS, every=5)
    async with sandbox() as server, gateway(server.url, reads) as url:
        diagnosis = await _examined(url, write=write)
        left = await _examined(server.url, write=False)
    assert not diagnosis.go
    finding = _found(diagnosis, "reads")
    assert finding.level is Level.STOP
    assert "404" in finding.meaning
    assert _found(left, "organizations").value == "0"


async def test_a_transaction_that_is_read_back_without_its_metadata_is_a_no_go() -> None:
    def strip(head: bytes, sent: bytes, status: int, headers: Headers, body: bytes) -> GatewayAnswer | None:
        if not head.startswith(b"GET") or b"items" in body[:10]:
            return None
        return GatewayAnswer(status, headers, _without("metadata")(json.loads(body)) or b"")

    async with sandbox() as server, gateway(server.url, alter_matching(TRANSACTIONS, strip)) as url:
        diagnosis = await _examined(url)
    assert not diagnosis.go
    assert _found(diagnosis, "marks").level is Level.STOP


async def test_an_error_page_in_the_place_of_the_servers_errors_is_a_no_go() -> None:
    async with sandbox() as server, gateway(server.url, alter_matching(b"/not-an-id", lambda *_: INGRESS)) as url:
        diagnosis = await _examined(url, write=False)
    assert not diagnosis.go
    assert _found(diagnosis, "errors").level is Level.STOP


async def test_a_gateway_that_takes_the_mark_of_replays_away_is_a_no_go() -> None:
    def strip(head: bytes, sent: bytes, status: int, headers: Headers, body: bytes) -> GatewayAnswer | None:
        not_removed = [(name, value) for name, value in headers if name.lower() != "x-idempotency-replayed"]
        return GatewayAnswer(status, not_removed, body)

    async with sandbox() as server, gateway(server.url, alter_matching(TRANSACTIONS, strip)) as url:
        diagnosis = await _examined(url)
    assert not diagnosis.go
    finding = _found(diagnosis, "idempotency")
    assert finding.level is Level.STOP
    assert "removes the header" in finding.meaning


async def test_a_transaction_service_at_the_wrong_port_is_reported() -> None:
    async with sandbox(dialect="v3.3") as server:
        diagnosis = await _examined(server.url)
    assert not diagnosis.go
    assert "--transaction-url" in _found(diagnosis, "examination").meaning


def test_the_command_says_no_go_by_its_exit_code() -> None:
    async def both() -> None:
        async with sandbox() as server:
            gate = Gateway(server.url, alter_matching(TRANSACTIONS, _body(_without("metadata")), every=10))
            async with running_gateway(gate) as url:
                said = await asyncio.to_thread(run_cli, "doctor", "--write", url)
            assert said.returncode == 3
            assert said.stdout.rstrip().endswith("NO-GO: fix the findings marked X")

    asyncio.run(both())


async def test_batch_sizes_are_not_measured_with_altered_answers() -> None:
    async with (
        sandbox() as server,
        gateway(server.url, alter_matching(b"/transactions/json", _body(_without("metadata")), every=2)) as url,
        _reach(url) as transport,
    ):
        settings = settings_for(url, batches={"transactionsPerBatch": "auto"})
        _, choice = await choose_batch_size(settings, transport, SystemClock(), lambda event: None, measure=True)
    assert choice.size == 1
    assert choice.trials[0].refused_share == pytest.approx(0.5, abs=0.05)
    assert "responses were not the server's" in choice.trials[0].refusal


async def test_batch_sizes_are_not_measured_where_no_deposit_is_certain() -> None:
    async with (
        sandbox() as server,
        gateway(server.url, alter_matching(TRANSACTIONS, _body(lambda found: b""))) as url,
        _reach(url) as transport,
    ):
        settings = settings_for(url, batches={"transactionsPerBatch": "auto"})
        with pytest.raises(TargetError, match="responses are altered"):
            await choose_batch_size(settings, transport, SystemClock(), lambda event: None, measure=True)
        left = await _examined(server.url, write=False)
    assert _found(left, "organizations").value == "0"
