"""One client, every server: a run against each dialect of the sandbox through its own door, proved."""

import json

import pytest

from tests.support.cli import run_cli


@pytest.mark.parametrize("dialect", ["v3.3", "v3.8", "v4"])
def test_a_run_against_each_dialect_is_verified(dialect: str) -> None:
    result = run_cli("run", "--preset", "tiny", "--target", "sandbox", "--dialect", dialect, "--json", "-q")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["server_version"].startswith(dialect)
    assert report["proof"]["ok"] is True
    assert {error["error"] for error in report["errors"]} <= {"not_found"}  # v3.3 makes default balances late (0019)


@pytest.mark.parametrize("dialect", ["v3.3", "v3.8", "v4"])
def test_the_doctor_lets_a_run_go_to_each_dialect(dialect: str) -> None:
    result = run_cli("doctor", "sandbox", "--dialect", dialect, "--write", "--json")
    assert result.returncode == 0, result.stdout
    findings = {finding["name"]: finding["value"] for finding in json.loads(result.stdout)["findings"]}
    assert findings["idempotency"] == "proved"
    assert findings["version"].startswith(dialect)
