"""What `midaz_seed.sandbox` exports, and a sandbox for programs without asyncio."""

import json
import threading
import urllib.error
import urllib.request

import pytest

import midaz_seed.sandbox
from midaz_seed.errors import TargetNotAllowedError, UsageError
from midaz_seed.sandbox import DIALECTS, FaultPlan, SandboxConfig, running_in_thread


def version(url: str) -> str:
    with urllib.request.urlopen(f"{url}/version", timeout=5) as answer:
        return str(json.load(answer)["version"])


def test_every_exported_name_can_be_imported() -> None:
    for name in midaz_seed.sandbox.__all__:
        assert getattr(midaz_seed.sandbox, name) is not None


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_a_sandbox_in_a_thread_answers_until_its_block_ends(dialect: str) -> None:
    before = threading.active_count()
    with running_in_thread(SandboxConfig(dialect=dialect)) as server:
        assert version(server.url) == DIALECTS[dialect].version
        assert version(server.transaction_url) == DIALECTS[dialect].version
    with pytest.raises(OSError):
        version(server.url)
    assert threading.active_count() == before


def test_a_sandbox_in_a_thread_has_faults() -> None:
    plan = FaultPlan.parse({"rules": [{"on": "service", "to_request": 1, "status": {}}]})
    with running_in_thread(SandboxConfig(faults=plan)) as server:
        with pytest.raises(urllib.error.HTTPError) as refused:
            version(server.url)
        refused.value.close()
        assert version(server.url)
        assert server.faults.injected == {"status": 1}


def test_a_sandbox_in_a_thread_that_cannot_start_says_why() -> None:
    with pytest.raises(TargetNotAllowedError), running_in_thread(SandboxConfig(host="0.0.0.0")):
        pass
    with running_in_thread() as server:
        with pytest.raises(UsageError), running_in_thread(SandboxConfig(port=server.port)):
            pass
        assert version(server.url)
