"""The library as a program without an event loop uses it: each function against a sandbox that outlives the calls."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import midaz_seed
from midaz_seed.events import Event, RunFinished, RunStarted
from midaz_seed.transport import ConnectError, Request, Response, Transport
from tests.support.sandbox import blocking_sandbox_process


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with blocking_sandbox_process() as url:
        yield url


def _settings(url: str, folder: Path, *, seed: int = 1) -> midaz_seed.Settings:
    return midaz_seed.Settings.model_validate(
        {
            "preset": "tiny",
            "seed": seed,
            "target": {"baseUrl": url},
            "journal": {"directory": folder / "runs"},
        }
    )


class NoServer:
    """A transport that reaches nothing."""

    def __init__(self) -> None:
        self.closed = False

    async def send(self, request: Request) -> Response:
        raise ConnectError(f"{request.method} {request.path}: no connection")

    async def aclose(self) -> None:
        self.closed = True


def test_a_run_from_its_plan_to_its_removal(server: str, tmp_path: Path) -> None:
    settings, seen = _settings(server, tmp_path), list[Event]()
    plan = midaz_seed.build_plan(settings)

    report = midaz_seed.seed(settings, emit=seen.append)
    assert (report.exit_code, report.plan_digest) == (0, plan.digest)
    assert isinstance(seen[0], RunStarted)
    assert isinstance(seen[-1], RunFinished)

    (run,) = midaz_seed.list_runs(str(tmp_path / "runs"))
    record = run.read_record()
    assert (record.run_id, record.status, record.done) == (plan.run_id, "finished", plan.posts)

    found = midaz_seed.find_run(tmp_path / "runs", plan.run_id)
    stored = found.load_settings({})
    assert midaz_seed.build_plan(stored).digest == plan.digest
    proof = midaz_seed.verify(stored).proof
    assert proof is not None
    assert proof.ok

    planned = midaz_seed.teardown(stored, dry_run=True)
    assert {removal.fate for removal in planned} == {"would be removed"}
    removals = midaz_seed.teardown(stored)
    assert [removal.key for removal in removals] == [removal.key for removal in planned]
    assert {removal.fate for removal in removals} == {"removed"}
    assert run.read_record().status == "removed"

    run.delete()
    assert midaz_seed.list_runs(tmp_path / "runs") == []


def test_the_variables_replace_stored_settings(server: str, tmp_path: Path) -> None:
    midaz_seed.seed(_settings(server, tmp_path, seed=2))
    (run,) = midaz_seed.list_runs(tmp_path / "runs")
    settings = run.load_settings({"MIDAZ_SEED_TARGET__AUTH_TOKEN": "a-token"})
    assert settings.target.auth_token is not None
    assert settings.target.auth_token.get_secret_value() == "a-token"
    with pytest.raises(midaz_seed.ConfigurationError, match="preset"):
        run.load_settings({"MIDAZ_SEED_PRESET": "immense"})


def test_a_target_is_examined(server: str, tmp_path: Path) -> None:
    diagnosis = midaz_seed.examine(_settings(server, tmp_path), write=True)
    assert diagnosis.go
    assert "idempotency" in [finding.name for finding in diagnosis.findings]


def test_an_override_replaces_the_transport_and_stays_open(server: str, tmp_path: Path) -> None:
    settings, transport = _settings(server, tmp_path), NoServer()
    overrides = {Transport: transport}
    diagnosis = midaz_seed.examine(settings, overrides=overrides)
    assert [finding.level for finding in diagnosis.findings] == ["stop"]
    with pytest.raises(midaz_seed.UnreachableError):
        midaz_seed.teardown(settings, overrides=overrides)
    with pytest.raises(midaz_seed.UnreachableError):
        midaz_seed.verify(settings, overrides=overrides)
    assert not transport.closed
