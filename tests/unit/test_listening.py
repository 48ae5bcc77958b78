"""Where a page listens, and which `Host` headers name this machine."""

import pytest

from midaz_seed.errors import ConfigurationError, UsageError
from midaz_seed.listening import is_loopback_name, listen
from midaz_seed.web.access import find_token


@pytest.mark.parametrize(
    ("given", "host"), [("127.0.0.1:0", "127.0.0.1"), (":0", "127.0.0.1"), ("0", "127.0.0.1"), ("localhost:0", "")]
)
def test_an_address_may_leave_out_its_host_or_be_a_port_alone(given: str, host: str) -> None:
    listening = listen(given, "--web", default_port=0)
    with listening.socket:
        assert listening.is_loopback
        assert listening.url == f"http://{host or 'localhost'}:{listening.socket.getsockname()[1]}/"


@pytest.mark.parametrize(
    "given",
    ["a b", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "http://127.0.0.1", "[::1", "no.such.host.invalid:1"],
)
def test_what_is_no_address_is_refused_with_an_example(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        listen(given, "--web", default_port=8400)
    assert "127.0.0.1:" in caught.value.hint


def test_other_addresses_are_not_loopback_and_a_port_in_use_is_named() -> None:
    first = listen("0.0.0.0:0", "--web", default_port=0)
    with first.socket:
        assert not first.is_loopback
        port = first.socket.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
            listen(f"127.0.0.1:{port}", "--web", default_port=0)


@pytest.mark.parametrize("host", ["localhost:8400", "LOCALHOST", "127.0.0.1:1", "127.9.9.9", "[::1]:8400"])
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback_name(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example:8400", "127.0.0.1.evil.example", "10.0.0.1", "", "a@localhost"]
)
def test_other_names(host: str) -> None:
    assert not is_loopback_name(host)


def test_a_token_is_generated_only_where_other_machines_can_reach_the_page() -> None:
    assert find_token({}, None, is_loopback=True) == ("", False)
    token, is_new = find_token({}, None, is_loopback=False)
    assert is_new
    assert len(token) >= 32
    assert find_token({"MIDAZ_SEED_WEB_TOKEN": "0123456789abcdef"}, None, is_loopback=True) == (
        "0123456789abcdef",
        False,
    )


@pytest.mark.parametrize("token", ["short", "0123456789abcde f", "0123456789abcdefé"])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(ConfigurationError, match="at least 16") as caught:
        find_token({"MIDAZ_SEED_WEB_TOKEN": token}, None, is_loopback=False)
    assert token not in f"{caught.value} {caught.value.hint}"
