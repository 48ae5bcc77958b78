"""The sandbox as a process: the line that says it is ready, its end, and that a killed one has lost nothing
acknowledged."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from midaz_seed.sandbox import SandboxConfig, running
from tools.chaos.processes import CLEAN_ENVIRONMENT, COMMAND, sandbox_process

process = partial(sandbox_process, environment=CLEAN_ENVIRONMENT)


async def ledger_at(session: aiohttp.ClientSession, url: str) -> str:
    async def made(path: str, body: Any) -> str:
        async with session.post(url + path, json=body) as answer:
            assert answer.status == 201, await answer.text()
            return str((await answer.json())["id"])

    organization = await made("/v1/organizations", {"legalName": "a", "legalDocument": "1"})
    base = f"/v1/organizations/{organization}/ledgers"
    ledger = f"{base}/{await made(base, {'name': 'a', 'metadata': {'k': 'v'}})}"
    await made(f"{ledger}/assets", {"name": "Real", "type": "currency", "code": "BRL"})
    for alias in ("a", "b"):
        await made(f"{ledger}/accounts", {"assetCode": "BRL", "type": "deposit", "alias": alias})
    return ledger


def inflow(value: str, **changes: Any) -> dict[str, Any]:
    to = [{"accountAlias": "a", "amount": {"asset": "BRL", "value": value}}]
    return {"send": {"asset": "BRL", "value": value, "distribute": {"to": to}}, **changes}


def transfer(value: str, **changes: Any) -> dict[str, Any]:
    source, destination = ({"accountAlias": alias, "amount": {"asset": "BRL", "value": value}} for alias in ("a", "b"))
    return {
        "send": {"asset": "BRL", "value": value, "source": {"from": [source]}, "distribute": {"to": [destination]}},
        **changes,
    }


async def everything(session: aiohttp.ClientSession, url: str, ledger: str) -> dict[str, Any]:
    """What a client can see of a ledger."""
    seen = {}
    for path in ("", "/accounts", "/assets", "/balances", "/transactions?limit=100", "/settings"):
        async with session.get(url + ledger + path) as answer:
            seen[path] = await answer.json()
    return seen


async def test_a_killed_process_has_lost_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    data = str(tmp_path / "sandbox.sqlite")
    acknowledged: dict[str, dict[str, Any]] = {}
    async with aiohttp.ClientSession() as session:
        async with process("--data", data) as (url, child):
            ledger = await ledger_at(session, url)

            async def load(worker: int) -> None:
                for number in range(1000):
                    key = f"{worker}-{number}"
                    with contextlib.suppress(aiohttp.ClientError):
                        body = inflow("1", metadata={"key": key})
                        async with session.post(
                            f"{url}{ledger}/transactions/inflow", json=body, headers={"X-Idempotency": key}
                        ) as answer:
                            if answer.status == 201:
                                acknowledged[key] = await answer.json()
                    if len(acknowledged) >= 200 and child.returncode is None:
                        child.send_signal(signal.SIGKILL)
                        return
                    if len(acknowledged) >= 200:
                        return

            await asyncio.gather(*(load(worker) for worker in range(8)))
            assert len(acknowledged) >= 200
        async with process("--data", data) as (url, _):
            async with session.get(f"{url}{ledger}/accounts/alias/a/balances") as answer:
                balance = (await answer.json())["items"][0]
            assert int(balance["available"]) == balance["version"] >= len(acknowledged)
            for key, first in acknowledged.items():
                async with session.get(f"{url}{ledger}/transactions/{first['id']}") as answer:
                    assert answer.status == 200, key
                async with session.post(
                    f"{url}{ledger}/transactions/inflow", json=inflow("1"), headers={"X-Idempotency": key}
                ) as answer:
                    assert answer.headers["X-Idempotency-Replayed"] == "true"
                    assert await answer.json() == first


async def test_a_restart_keeps_the_whole_state(tmp_path: Path) -> None:
    data = tmp_path / "sandbox.sqlite"
    async with aiohttp.ClientSession() as session:

        async def sent(method: str, path: str, body: Any = None) -> dict[str, Any]:
            async with session.request(method, url + ledger + path, json=body) as answer:
                assert answer.status in (200, 201), await answer.text()
                return dict(await answer.json())

        async with running(SandboxConfig(data=data)) as server:
            url = server.url
            ledger = await ledger_at(session, url)
            await sent("POST", "/transactions/inflow", inflow("100"))
            pending = [
                await sent("POST", "/transactions/json", transfer(value, pending=True)) for value in ("1", "2", "3")
            ]
            await sent("POST", f"/transactions/{pending[0]['id']}/commit")
            await sent("POST", f"/transactions/{pending[1]['id']}/cancel")
            noted = await sent("POST", "/transactions/annotation", transfer("500"))
            paid = await sent("POST", "/transactions/json", transfer("10", description="pay", metadata={"k": "v"}))
            await sent("POST", f"/transactions/{paid['id']}/revert")
            await sent("PATCH", f"/transactions/{paid['id']}", {"description": "paid", "metadata": {"k": None, "l": 1}})
            await sent(
                "PATCH", f"/transactions/{noted['id']}/operations/{noted['operations'][0]['id']}", {"description": "x"}
            )
            held = (await sent("GET", "/accounts/alias/b/balances"))["items"][0]
            settings = {"allowOverdraft": True, "overdraftLimitEnabled": True, "overdraftLimit": "50"}
            await sent("PATCH", f"/balances/{held['id']}", {"settings": settings})
            overdrawn = transfer("20")
            source, destination = overdrawn["send"]["source"]["from"][0], overdrawn["send"]["distribute"]["to"][0]
            source["accountAlias"], destination["accountAlias"] = "b", "a"
            await sent("POST", "/transactions/json", overdrawn)
            await sent("PATCH", "/settings", {"accounting": {"validateAccountType": True}})
            before = await everything(session, url, ledger)
        async with running(SandboxConfig(data=data)) as server:
            url = server.url
            assert await everything(session, url, ledger) == before
            after = await sent("POST", f"/transactions/{pending[2]['id']}/commit")
            assert after["status"]["code"] == "APPROVED"
            ids = [paid["id"], (await sent("POST", "/transactions/inflow", inflow("7")))["id"]]
            assert ids == sorted(ids)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly_even_with_an_idle_connection(ending: signal.Signals) -> None:
    async with process() as (url, child), aiohttp.ClientSession() as session:
        async with session.get(f"{url}/health") as answer:
            assert answer.status == 200
        child.send_signal(ending)
        out, err = await child.communicate()
        assert (child.returncode, out, err) == (0, b"", b"")


async def test_it_ends_with_its_standard_input_when_asked() -> None:
    async with process("--until-eof") as (_, child):
        assert child.stdin is not None
        child.stdin.close()
        assert await child.wait() == 0


def test_a_standard_input_without_content_is_at_its_end() -> None:
    command = [*COMMAND, "sandbox", "--port", "0", "--until-eof"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_port_in_use_is_an_error_with_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([*COMMAND, "sandbox", "--port", port], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"127.0.0.1:{port}" in done.stderr


def test_a_wrong_fault_plan_is_an_error_with_exit_code_2(tmp_path: Path) -> None:
    plan = tmp_path / "storm.yaml"
    plan.write_text("rules: [{rate: 7, reset: {}}]", encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "sandbox", "--port", "0", "--faults", str(plan)], capture_output=True, check=False, text=True
    )
    assert done.returncode == 2
    assert "rules[0].rate" in done.stderr


async def test_the_process_takes_faults_and_a_token(tmp_path: Path) -> None:
    plan = tmp_path / "storm.yaml"
    plan.write_text("rules: [{on: organizations, every: 2, status: {code: 503}}]", encoding="utf-8")
    async with process("--faults", str(plan), "--auth-token", "t") as (url, _), aiohttp.ClientSession() as session:
        statuses = []
        for _ in range(2):
            async with session.get(f"{url}/v1/organizations", headers={"Authorization": "Bearer t"}) as answer:
                statuses.append(answer.status)
        async with session.get(f"{url}/v1/organizations") as answer:
            statuses.append(answer.status)
    assert statuses == [200, 503, 401]


async def test_a_sandbox_in_this_process_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    async with running() as server, aiohttp.ClientSession() as session, session.get(f"{server.url}/health") as answer:
        assert answer.status == 200
    assert asyncio.all_tasks() == before


def test_the_asset_rate_crash_ends_the_process_as_a_panic_does(tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text("rules: [{on: asset-rates, rate_crash: {}}]")
    command = [*COMMAND, "sandbox", "--port", "0", "--faults", str(faults)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]

        def call(method: str, path: str, body: dict[str, object]) -> str:
            data, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
            with urllib.request.urlopen(urllib.request.Request(url + path, data, kind, method=method)) as answer:
                return str(json.load(answer)["id"])

        organization = call("POST", "/v1/organizations", {"legalName": "a", "legalDocument": "1"})
        ledgers = f"/v1/organizations/{organization}/ledgers"
        rates = f"{ledgers}/{call('POST', ledgers, {'name': 'a'})}/asset-rates"
        rate: dict[str, object] = {"from": "BRL", "to": "USD", "rate": 1, "scale": 0, "source": "desk"}
        call("PUT", rates, {**rate, "ttl": 1})
        with pytest.raises(OSError):
            call("PUT", rates, rate)
        assert process.wait(10) == 2
