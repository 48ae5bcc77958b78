"""The sandbox answers what real servers answered: every recorded exchange, over real sockets."""

import pytest

from tests.contract.replay import recordings, replay, replay_all

DIALECTS = ["v3.3", "v3.8", "v4"]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_recorded_exchange_is_answered_as_the_real_server_did(dialect: str) -> None:
    results = await replay_all(dialect)
    assert len(results) == len(recordings(dialect)) > 100
    assert {name: problem for name, problem in results.items() if problem} == {}


async def test_the_replay_notices_an_answer_that_is_not_the_recorded_one() -> None:
    from midaz_seed.sandbox import SandboxConfig, running

    recording = next(one for one in recordings("v3.8") if one.name == "health-version")
    recording.steps[0]["response"]["status"] = 418
    async with running(SandboxConfig()) as server:
        assert "418" in await replay(recording, server.url, server.url)
