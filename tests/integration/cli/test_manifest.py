"""The manifest: what a UI test or a demonstration reads about the accounts of a run."""

import asyncio
import csv
import json
import os
import stat
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest

from tests.support.cli import run_cli
from tests.support.sandbox import blocking_sandbox_process

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "manifest.schema.json").read_text(encoding="utf-8"))
BANK = """\
scenario: bank
about: People and a shop, with personas and holds.
volume: {customers: 30, movements: 60}
assets:
  BRL: {opening: "100.00", amount: "5.00"}
accounts:
  internal:
    fees: {name: Tarifas}
  kinds:
    person: {share: 90 %, owns: {checking: {}, savings: {chance: 40 %, parent: checking}}}
    shop: {share: 10 %, holder: PJ, segment: {choose: {pme: 1}}, owns: {checking: {}}}
personas:
  - {alias: ana-demo, kind: person, name: "Ana Demonstração", opening: "321.00", status: dormant, tags: [quiet]}
mix:
  sale: {weight: 1, from: person.checking, to: shop.checking}
lifecycle:
  pending: [{of: sale, count: 5}]
"""
NO_LISTS = """\
rules:
  - {on: accounts, methods: [GET], path: "/accounts$", status: {code: 400}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with blocking_sandbox_process() as url:
        yield url


async def accounts_of(url: str, organization: str, ledger: str) -> dict[str, dict[str, Any]]:
    """Alias -> account, with its balance, as the server has them."""
    base, found = f"{url}/v1/organizations/{organization}/ledgers/{ledger}", dict[str, dict[str, Any]]()
    async with aiohttp.ClientSession() as session, session.get(f"{base}/accounts?limit=100") as response:
        for account in (await response.json())["items"]:
            found[account["alias"]] = account
    async with aiohttp.ClientSession() as session, session.get(f"{base}/balances?limit=100") as response:
        for balance in (await response.json())["items"]:
            found[balance["alias"]]["balance"] = balance
    return found


def test_every_account_has_the_id_the_holder_and_the_balances_that_the_server_shows(
    server: str, tmp_path: Path
) -> None:
    (tmp_path / "bank.yaml").write_text(BANK, encoding="utf-8")
    result = run_cli("run", "-u", server, "--scenario", "bank.yaml", "--manifest", "m.json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    manifest = json.loads((tmp_path / "m.json").read_bytes())
    jsonschema.validate(manifest, SCHEMA)
    [organization] = manifest["organizations"]
    [ledger] = organization["ledgers"]
    found = asyncio.run(accounts_of(server, organization["id"], ledger["id"]))
    assert {account["alias"] for account in manifest["accounts"]} == {alias for alias in found if alias[0] != "@"}
    for account in manifest["accounts"]:
        row = found[account["alias"]]
        assert account["id"] == row["id"]
        assert account["portfolio_id"] == (row["portfolioId"] or "")
        assert (account["holder_name"], account["asset"], account["type"]) == (
            row["name"], row["assetCode"], row["type"],
        )  # fmt: skip
        assert Decimal(account["available"]) == Decimal(str(row["balance"]["available"]))
        assert Decimal(account["on_hold"]) == Decimal(str(row["balance"]["onHold"]))
        if account["kind"] != "internal":
            assert account["document"] == row["entityId"]
    assert sum(Decimal(account["on_hold"]) for account in manifest["accounts"]) == 25
    [ana] = manifest["personas"]
    assert (ana["alias"], ana["status"], ana["tags"]) == ("ana-demo", "dormant", ["quiet"])
    assert ana["accounts"][0] == "ana-demo"
    [checking] = [account for account in manifest["accounts"] if account["alias"] == "ana-demo"]
    assert (checking["persona"], checking["opening"], checking["available"]) == ("ana-demo", "321.00", "321.00")
    parents = {account["key"]: account["label"] for account in manifest["accounts"]}
    children = [account for account in manifest["accounts"] if account["label"] == "person.savings"]
    assert children
    assert {parents[account["parent"]] for account in children} == {"person.checking"}


def test_the_run_directory_has_a_private_manifest_and_a_csv_file_has_the_same_accounts(
    server: str, tmp_path: Path
) -> None:
    result = run_cli("run", "-v", "tiny", "--seed", "7", "-u", server, "--manifest", "accounts.csv", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    [own] = (tmp_path / "runs").glob("*/manifest.json")
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    manifest = json.loads(own.read_bytes())
    jsonschema.validate(manifest, SCHEMA)
    with (tmp_path / "accounts.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.DictReader(stream)) == manifest["accounts"]
    assert all(account["id"] for account in manifest["accounts"])


def test_a_run_in_two_processes_has_the_ids_of_all_ledgers(server: str, tmp_path: Path) -> None:
    counts = ("-v", "tiny", "--ledgers", "3", "--seed", "8")
    result = run_cli("run", *counts, "--shards", "2", "-u", server, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    [own] = (tmp_path / "runs").glob("*/manifest.json")
    manifest = json.loads(own.read_bytes())
    assert {account["ledger"] for account in manifest["accounts"]} == {"o1.l1", "o1.l2", "o1.l3"}
    assert len({account["id"] for account in manifest["accounts"]}) == 18
    assert all(ledger["id"] for ledger in manifest["organizations"][0]["ledgers"])


def test_ids_that_cannot_be_read_are_empty_and_the_run_is_done(tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text(NO_LISTS, encoding="utf-8")
    sandbox = ("--target", "sandbox", "--sandbox-faults", "faults.yaml")
    result = run_cli("run", "-v", "tiny", *sandbox, "--manifest", "m.json", "--attempts", "2", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert {account["id"] for account in json.loads((tmp_path / "m.json").read_bytes())["accounts"]} == {""}


def test_a_file_that_cannot_be_written_is_refused_before_the_run(server: str, tmp_path: Path) -> None:
    for file, reason in (("gone/m.json", "cannot be written"), ("m.txt", ".json or .csv")):
        result = run_cli("run", "-v", "tiny", "-u", server, "--manifest", file, cwd=tmp_path)
        assert result.returncode == 2
        assert reason in result.stderr
    assert os.listdir(tmp_path) == []
