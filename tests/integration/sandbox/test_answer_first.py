"""A sandbox that answers before it commits."""

from pathlib import Path

import pytest

from midaz_seed.errors import UsageError
from midaz_seed.sandbox import SandboxConfig, Stages, running
from tests.support.ledger_client import ledger_client


async def test_what_was_just_answered_is_replayed_before_it_is_committed(tmp_path: Path) -> None:
    config = SandboxConfig(data=tmp_path / "sandbox.sqlite", answer_first=True)
    async with running(config) as server, ledger_client(server.url) as client:
        for number in range(50):
            assert await client.deposit(f"k{number}") == (201, "false")
            assert await client.deposit(f"k{number}") == (201, "true")
        assert await client.available() == 50


async def test_an_ordinary_end_commits_what_was_answered(tmp_path: Path) -> None:
    config = SandboxConfig(data=tmp_path / "sandbox.sqlite", answer_first=True)
    async with running(config) as server, ledger_client(server.url) as client:
        for number in range(20):
            await client.deposit(f"k{number}")
        await server.close()
        async with running(config) as again:
            client.url = again.url
            assert await client.available() == 20
            assert await client.listed() == 20
            assert await client.deposit("k7") == (201, "true")


async def test_stages_that_must_be_durable_do_not_go_with_answers_first() -> None:
    with pytest.raises(UsageError):
        async with running(SandboxConfig(answer_first=True, stages=Stages())):
            pass
