"""One client, every server: a run against each dialect of the sandbox through its own door, proved."""

import json
from typing import Any

import pytest

from midaz_seed.runner import examine_async, seed_async, teardown_async, verify_async
from midaz_seed.sandbox.transactions.reads import load_transaction
from tests.support.cli import run_cli
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for


@pytest.mark.parametrize("dialect", ["v3.3", "v3.8", "v4"])
def test_a_run_against_each_dialect_is_verified(dialect: str) -> None:
    result = run_cli("run", "--preset", "tiny", "--target", "sandbox", "--dialect", dialect, "--json", "-q")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["server_version"].startswith(dialect)
    assert report["proof"]["ok"] is True
    assert {error["error"] for error in report["errors"]} <= {"not_found"}  # v3.3 makes default balances late (0019)


@pytest.mark.parametrize("dialect", ["v3.3", "v3.8", "v4"])
async def test_the_doctor_lets_a_run_go_to_each_dialect(dialect: str) -> None:
    async with sandbox(dialect=dialect, one_port=True) as server:
        diagnosis = await examine_async(settings_for(server.url), write=True)
    assert diagnosis.go
    findings = {finding.name: finding.value for finding in diagnosis.findings}
    assert findings["idempotency"] == "proved"
    assert findings["version"].startswith(dialect)


@pytest.mark.parametrize("dialect", ["v3.3", "v3.8", "v4"])
@pytest.mark.parametrize("metadata", ["mark", "none"])
async def test_a_run_with_less_metadata_is_verified_found_again_and_removed(metadata: str, dialect: str) -> None:
    """Without metadata a transaction is found by the end of its description, which lists and reads show."""
    async with sandbox(dialect=dialect, one_port=True) as server:
        changes: dict[str, Any] = {"data": {"metadata": metadata}, "verification": {"everyTransaction": True}}
        settings = settings_for(server.url, **changes)
        report = await seed_async(settings)
        assert (report.exit_code, report.proof and report.proof.differences) == (0, ()), report.verdict
        (ledger,) = server.state.ledger_states.values()
        sent = [load_transaction(server.state, seq).metadata for seq in ledger.seqs]
        assert all(found is None if metadata == "none" else list(found) == ["seedKey"] for found in sent)
        posts = server.app.statistics.requests["POST", "transactions"]
        again = await seed_async(settings)
        assert (again.exit_code, again.proof and again.proof.differences) == (0, ()), again.verdict
        assert server.app.statistics.requests["POST", "transactions"] == posts
        proof = await verify_async(settings)
        assert (proof.exit_code, proof.proof and proof.proof.differences) == (0, ()), proof.verdict
        await teardown_async(settings, dry_run=False)
        assert not await read_balances(server.url)
