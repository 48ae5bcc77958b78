"""Logs: where they go, what they look like, and that nothing secret is in them."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import ErrorSeen, LedgerFailed, PhaseStarted, Settled
from midaz_seed.reporting.logs import CurrentStderr, configure_logging, log, log_event, redact, shows_debug
from tests.support.logs import unconfigured_logging

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with unconfigured_logging():
        yield


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (f"Bearer {SECRET}", "Bearer ***"),
        (f"Authorization: Bearer {SECRET}", "Authorization: ***"),
        (f"authorization: {SECRET}", "authorization: ***"),
        (f'{{"Authorization": "Basic {SECRET}"}}', '{"Authorization": "***"}'),
        (f"http://me:{SECRET}@127.0.0.1:3002/v1 failed", "http://***@127.0.0.1:3002/v1 failed"),
        (f"http://me:p@{SECRET}@127.0.0.1/v1", "http://***@127.0.0.1/v1"),
        (f"https://{SECRET}@host", "https://***@host"),
        (f"?page=1&access_token={SECRET}&limit=2", "?page=1&access_token=***&limit=2"),
        (f'{{"client_secret":"{SECRET}","a":1}}', '{"client_secret":"***","a":1}'),
        (f'{{"clientSecret": "{SECRET}"}}', '{"clientSecret": "***"}'),
        (f"{{'password': '{SECRET}'}}", "{'password': '***'}"),
        (f'{{"password": "correct {SECRET}"}}', '{"password": "***"}'),
        (f'{{"password": "a\\" {SECRET}"}}', '{"password": "***"}'),
        (f'"{{\\"token\\": \\"{SECRET} x\\"}}"', '"{\\"token\\": \\"***\\"}"'),
        (f'{{"tokens": ["a", "{SECRET}"], "n": 1}}', '{"tokens": ***, "n": 1}'),
        (f'{{"password": "cut {SECRET}', '{"password": "***"'),
        (f'{{"password": "cut {SECRET}\\', '{"password": "***"'),
        (f'{{"password": "two\n{SECRET}"}}', '{"password": "***"}'),
        (f"failed: token={SECRET}", "failed: token=***"),
        (f"x-api-key: {SECRET}", "x-api-key: ***"),
        (f"MIDAZ_SEED_TARGET__AUTH_TOKEN={SECRET}", "MIDAZ_SEED_TARGET__AUTH_TOKEN=***"),
    ],
)
def test_a_secret_does_not_survive_in_any_shape(text: str, safe: str) -> None:
    assert redact(text) == safe


@pytest.mark.parametrize(
    "text",
    [
        "POST /v1/organizations/0198/ledgers 409 0020 the alias @o1l1a7 is taken",
        "http://127.0.0.1:3002 answers, @external/BRL too",
        '{"code":"0042","title":"Token Missing","message":"a token must be provided"}',
    ],
)
def test_what_is_not_secret_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@given(st.text())
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9._~+/-]{5,40}", fullmatch=True))
def test_no_token_survives_in_a_header_or_a_body(token: str) -> None:
    for text in (f"Authorization: Bearer {token}", f'{{"access_token": "{token}"}}', f"token={token}"):
        assert token not in redact(text)


@pytest.mark.parametrize(
    "part", ["a", "token", "token ", "a.", "a-", '"', "\\", "http://", 'token="', "a:b@", "[", "basic "]
)
def test_any_long_text_is_redacted_in_linear_time(part: str) -> None:
    """A pattern that tries every beginning with every end takes minutes for this, and the test's time limit ends it."""
    redact(part * (200_000 // len(part)))


def logged(style: str = "json", level: str = "debug") -> io.StringIO:
    stream = io.StringIO()
    configure_logging(level, style, stream)  # type: ignore[arg-type]
    return stream


def test_values_with_secret_names_are_masked_however_deep_they_lie() -> None:
    stream = logged()
    log(
        logging.INFO,
        f"sent with Bearer {SECRET}",
        auth_token=SECRET,
        headers={"X-Api-Key": SECRET, "Accept": "json"},
        tries=[{"password": SECRET}, f"http://u:{SECRET}@h/"],
        error=OSError(f"cannot reach http://u:{SECRET}@h/"),
        path=Path("/v1"),
        count=3,
    )
    line = json.loads(stream.getvalue())
    assert SECRET not in stream.getvalue()
    assert line["event"] == "sent with Bearer ***"
    assert line["headers"] == {"X-Api-Key": "***", "Accept": "json"}
    assert line["tries"] == [{"password": "***"}, "http://***@h/"]
    assert (line["error"], line["path"], line["count"]) == ("cannot reach http://***@h/", "/v1", 3)


def test_json_lines_carry_level_and_time_in_utc() -> None:
    stream = logged()
    log(logging.WARNING, "late", ledger="o1.l1")
    line = json.loads(stream.getvalue())
    assert (line["level"], line["event"], line["ledger"]) == ("warning", "late", "o1.l1")
    assert line["timestamp"].endswith("Z")


def test_control_characters_are_escaped_for_people_and_kept_in_json() -> None:
    """H9: logs in console format."""
    evil = "\x1b[2J\x9b\u202e\nfake"
    stream = logged("console")
    log(logging.WARNING, f"late{evil}", ledger=evil, word="\x1b[2J", rows=[evil])
    logging.getLogger("library").error("first %s", evil)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("  fake"), "the second line of a library's text is indented"
    assert all(line.isprintable() for line in lines)
    stream = logged()
    log(logging.WARNING, "late", ledger=evil)
    assert json.loads(stream.getvalue())["ledger"] == evil


def test_console_lines_have_no_colour_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("CLICOLOR_FORCE", raising=False)
    stream = logged("console")
    log(logging.WARNING, "late", ledger="o1.l1")
    assert "late" in stream.getvalue()
    assert "ledger=o1.l1" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_what_is_below_the_level_is_not_shown() -> None:
    stream = logged(level="warning")
    log(logging.INFO, "quiet")
    log(logging.WARNING, "loud")
    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()


def test_only_the_level_debug_shows_debug() -> None:
    assert not shows_debug()
    for level in ("debug", "info", "warning", "error"):
        logged(level=level)
        assert shows_debug() is (level == "debug")


def test_a_program_that_configures_logging_itself_gets_the_events(caplog: pytest.LogCaptureFixture) -> None:
    log(logging.WARNING, "late", ledger="o1.l1")
    assert caplog.record_tuples == [("midaz_seed", logging.WARNING, "late")]


def test_a_program_that_configures_nothing_gets_no_line(capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers[:] = []
    log(logging.ERROR, "late")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["uvicorn", "aiohttp.access", "asyncio"])
def test_libraries_do_not_talk_on_the_terminal_and_their_errors_hold_no_secrets(name: str) -> None:
    stream = logged()
    logging.getLogger(name).warning("chatter")
    assert stream.getvalue() == ""
    logging.getLogger(name).error("lost http://u:%s@h/", SECRET)
    assert stream.getvalue() == f"ERROR {name} lost http://***@h/\n"


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (LedgerFailed("o1.l1", "Main", Phase.ASSETS, "no assets"), "error"),
        (ErrorSeen(ErrorClass.SERVER, Phase.ACCOUNTS, "o1.l1.a1", "0046", "down"), "warning"),
        (PhaseStarted(Phase.ASSETS, "o1.l1", 3), "info"),
        (Settled("o1.l1", 0.2, 2), "info"),
    ],
)
def test_trouble_is_logged_louder_than_progress(event: object, level: str) -> None:
    stream = logged()
    log_event(event)  # type: ignore[arg-type]
    assert json.loads(stream.getvalue())["level"] == level


def test_a_log_line_goes_to_whatever_stderr_is_at_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A live display replaces it while it is on the screen."""
    configure_logging("info", "console", CurrentStderr())
    during = io.StringIO()
    monkeypatch.setattr(sys, "stderr", during)
    log(logging.INFO, "in between")
    assert "in between" in during.getvalue()


def test_a_log_that_cannot_be_written_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logging("info", "console", CurrentStderr())
    with open("/dev/full", "w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        for _ in range(3):
            log(logging.INFO, "nobody reads this")
