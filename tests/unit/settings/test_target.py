"""Where requests go, and where they may not go."""

import pytest

from midaz_seed.errors import ExitCode, TargetNotAllowedError, UsageError
from midaz_seed.settings.model import Target
from midaz_seed.settings.target import ResolvedTarget, resolve_target


@pytest.mark.parametrize(
    ("target", "onboarding", "transaction"),
    [
        ({"base_url": "http://localhost"}, "http://localhost:3002", "http://localhost:3002"),
        ({"base_url": "http://127.0.0.1:8080/"}, "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ({"base_url": "HTTP://LocalHost:8080"}, "http://localhost:8080", "http://localhost:8080"),
        ({"base_url": "https://localhost"}, "https://localhost", "https://localhost"),
        ({"base_url": "http://[::1]:3002"}, "http://[::1]:3002", "http://[::1]:3002"),
        ({"base_url": "http://127.8.9.10/midaz/"}, "http://127.8.9.10:3002/midaz", "http://127.8.9.10:3002/midaz"),
        (
            {"base_url": "http://localhost", "onboarding_port": 3000, "transaction_port": 3001},
            "http://localhost:3000",
            "http://localhost:3001",
        ),
        ({"base_url": "http://localhost:9", "transaction_port": 10}, "http://localhost:9", "http://localhost:10"),
        ({"base_url": "http://localhost", "onboarding_port": 3000}, "http://localhost:3000", "http://localhost:3002"),
        (
            {"base_url": "https://midaz.example.com", "allow_hosts": ("MIDAZ.example.com",)},
            "https://midaz.example.com",
            "https://midaz.example.com",
        ),
    ],
)
def test_addresses_follow_from_url_and_ports(target: dict[str, object], onboarding: str, transaction: str) -> None:
    assert resolve_target(Target.model_validate(target)) == ResolvedTarget(onboarding, transaction, is_sandbox=False)


def test_the_word_sandbox_is_the_embedded_server() -> None:
    assert resolve_target(Target(base_url="sandbox")) == ResolvedTarget("", "", is_sandbox=True)


def test_the_library_has_no_default_target() -> None:
    with pytest.raises(UsageError, match="no target is given") as caught:
        resolve_target(Target())
    assert "--target sandbox" in caught.value.hint


def test_ports_for_the_sandbox_are_refused_because_it_chooses_its_own() -> None:
    with pytest.raises(UsageError, match="no ports or URLs"):
        resolve_target(Target(base_url="sandbox", transaction_port=3001))


def test_no_target_names_both_ways_to_give_one() -> None:
    with pytest.raises(UsageError) as refused:
        resolve_target(Target())
    assert "--target sandbox" in refused.value.hint
    assert "--base-url URL" in refused.value.hint


@pytest.mark.parametrize(
    "base_url",
    [
        "localhost:3002",
        "ftp://localhost",
        "http://",
        "http://localhost:99999",
        "http://localhost:0",
        "http://localhost:port",
        "http://[::1",
        "http://local host",
        "http://localhost\n.example.com",
        "http://localhost\\example.com",
        "http://localhost/?a=b",
        "http://localhost/#part",
        "http://ünicode",
        "sand box",
    ],
)
def test_what_is_no_address_is_refused(base_url: str) -> None:
    with pytest.raises(UsageError) as refused:
        resolve_target(Target(base_url=base_url))
    assert refused.value.hint
    assert refused.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    "host",
    ["midaz.example.com", "10.0.0.1", "0.0.0.0", "localhost.example.com", "127.1", "localhost.", "2001:db8::1"],
)
def test_a_host_that_is_not_this_machine_is_refused_with_the_flag_that_allows_it(host: str) -> None:
    url = f"http://[{host}]" if ":" in host else f"http://{host}"
    with pytest.raises(TargetNotAllowedError) as refused:
        resolve_target(Target(base_url=url, allow_hosts=("other.example.com",)))
    assert f"--allow-host {host}" in refused.value.hint
    assert refused.value.exit_code == ExitCode.USAGE
    assert not resolve_target(Target(base_url=url, allow_hosts=(host,))).is_sandbox
