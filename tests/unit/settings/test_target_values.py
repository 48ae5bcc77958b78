"""The values of the target's settings: what is taken, what is refused, and that no secret is in a message."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midaz_seed.errors import ConfigurationError, TargetNotAllowedError, UsageError
from midaz_seed.reporting.redaction import redact
from midaz_seed.settings.loader import load_settings
from midaz_seed.settings.masking import mask_message, mask_user_info
from midaz_seed.settings.model import Settings, Target
from midaz_seed.settings.sources import Flag, RawValue
from midaz_seed.settings.target import addresses_of, resolve_target

TOKEN = "abc.DEF-123_x~/+="


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(*flags: tuple[str, object], **environ: str) -> Settings:
    given = [Flag(f"--set {path}", path, value) for path, value in flags]
    return load_settings(flags=given, environ=environ).settings


def refusal(*flags: tuple[str, object], **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(*flags, **environ)
    return str(caught.value)


# ------------------------------------------------------------------------------------------------ tokens

WRITTEN = [
    TOKEN,
    f"{TOKEN}\n",
    f"\t {TOKEN} \r\n\r\n",
    f"\ufeff{TOKEN}\n",
    f"Bearer {TOKEN}",
    f"bearer   {TOKEN}\n",
    f"\ufeffAuthorization: Bearer {TOKEN}\r\n",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_token_is_read_alike_from_every_source(text: str) -> None:
    """H4"""
    Path("token").write_text(text, encoding="utf-8")
    Path("midaz-seed.yaml").write_text(f"target:\n  authToken: {text!r}\n".replace("'", '"'), encoding="utf-8")
    from_file = load(("target.authTokenFile", "token"))
    Path("token.yaml").write_text("")
    found = [
        from_file,
        load(),
        load(("target.authToken", text)),
        load(MIDAZ_SEED_TARGET__AUTH_TOKEN=text),
        Settings.model_validate({"target": {"authToken": text}}),
    ]
    assert {settings.target.auth_token and settings.target.auth_token.get_secret_value() for settings in found} == {
        TOKEN
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_token_file_of_any_editor_is_read(encoding: str) -> None:
    """H4: PowerShell writes UTF-16."""
    mark = "\ufeff" if encoding.startswith("utf-16-") else ""
    Path("token").write_bytes((mark + TOKEN + "\r\n").encode(encoding))
    token = load(("target.authTokenFile", "token")).target.auth_token
    assert token is not None
    assert token.get_secret_value() == TOKEN


def test_a_client_secret_is_stripped_and_otherwise_kept() -> None:
    """H4: `Bearer` may be the beginning of a secret."""
    secret = load(MIDAZ_SEED_TARGET__CLIENT_SECRET="\ufeff s3cr3t\n").target.client_secret
    assert secret is not None
    assert secret.get_secret_value() == "s3cr3t"


@pytest.mark.parametrize("text", ["", " \n", "two words", "Bearer", "a\nb", "schlüssel", "Basic abc"])
def test_what_is_no_token_is_refused_without_being_shown(text: str) -> None:
    """H4"""
    Path("token").write_text(text)
    shown = refusal(("target.authTokenFile", "token")).replace("Bearer token", "")
    assert "must contain one word" in shown
    assert not text.strip() or text.strip() not in shown


def test_a_token_file_without_an_end_is_refused() -> None:
    """H4"""
    assert "must contain one word" in refusal(("target.authTokenFile", "/dev/zero"))


def test_a_file_is_not_read_again_when_a_stronger_source_gave_the_token() -> None:
    """H4: the file's token would replace that of the environment after a 401."""
    Path("token").write_text("other")
    settings = load(("target.authTokenFile", "token"), ("target.authToken", TOKEN))
    assert settings.target.auth_token_file is None
    Path("midaz-seed.yaml").write_text("target: {authTokenFile: token}\n")
    assert load(MIDAZ_SEED_TARGET__AUTH_TOKEN=TOKEN).target.auth_token_file is None


# ------------------------------------------------------------------------------------------------ headers

OWNED = ["Content-Length: 5", "transfer-encoding: chunked", "CONNECTION: close", "Expect: 100-continue", "TE: trailers"]
KEYS = ["X-Idempotency: x", "x-idempotency: x", "X-TTL: 5"]


@pytest.mark.parametrize("line", [*OWNED, *KEYS, "Accept-Encoding: gzip"])
def test_a_header_that_the_protocol_owns_is_refused_by_name_with_the_reason(line: str) -> None:
    """H3"""
    text = refusal(("target.headers", (line,)))
    assert f"the header {line.partition(':')[0]} cannot be given: " in text
    assert "leave it out" in text


@pytest.mark.parametrize("line", ["Host: midaz.example.com", "User-Agent: mine", "X-Empty:", "X-Tab: a\tb"])
def test_a_header_that_is_the_users_own_is_taken(line: str) -> None:
    """H3"""
    assert load(("target.headers", (line,))).target.headers[0].get_secret_value() == line


@pytest.mark.parametrize(
    "line", ["X-A: S3CR3T\r\nX-B: 1", "X-A: S3CR3T\n", "X-A: S3CR3T\x00", "X-A: S3CR3Té", "X-A: S3CR3T☃"]
)
def test_a_header_with_other_than_ascii_is_refused_by_name_and_without_its_value(line: str) -> None:
    """H3"""
    text = refusal(("target.headers", (line,)))
    assert "the value of the header X-A" in text
    assert "S3CR3T" not in text


@pytest.mark.parametrize("line", ["S3CR3T", ": S3CR3T", "S3CR3T with a space: x", "S3CR3Té: x"])
def test_what_is_no_header_is_refused_without_being_shown(line: str) -> None:
    """H3"""
    text = refusal(("target.headers", (line,)))
    assert "each as Name: value" in text
    assert "S3CR3T" not in text


def test_a_header_that_is_given_twice_is_refused() -> None:
    """H2"""
    assert "x-a is given twice" in refusal(("target.headers", ("X-A: 1", "x-a: 2")))


def test_a_header_for_the_access_and_a_token_exclude_each_other() -> None:
    """H2"""
    text = refusal(("target.headers", ("authorization: Basic abc",)), ("target.authToken", "abc"))
    assert "exclude each other" in text


# ------------------------------------------------------------------------------------------------ addresses


def test_addresses_are_given_as_for_curl() -> None:
    """H3"""
    target = Target.model_validate(
        {"resolve": ["A.example.com:443:127.0.0.1", "a.example.com:443:[::1],10.0.0.1", "b:80:fd00::1"]}
    )
    assert addresses_of(target) == {
        ("a.example.com", 443): ("127.0.0.1", "::1", "10.0.0.1"),
        ("b", 80): ("fd00::1",),
    }


@pytest.mark.parametrize(
    "entry", ["a:80", "a:80:", "a:0:127.0.0.1", "a:99999:127.0.0.1", "a:80:name", ":80:1.2.3.4", "a:b:1.2.3.4"]
)
def test_what_is_no_address_of_a_name_is_refused(entry: str) -> None:
    """H3"""
    assert "NAME:PORT:ADDRESS" in refusal(("target.resolve", (entry,)))


def test_the_environment_lists_addresses_with_spaces() -> None:
    """H3"""
    assert load(MIDAZ_SEED_TARGET__RESOLVE="a:1:127.0.0.1,::1  b:2:127.0.0.1").target.resolve == (
        "a:1:127.0.0.1,::1",
        "b:2:127.0.0.1",
    )


def test_loopback_that_is_resolved_to_another_machine_must_be_allowed() -> None:
    """H3: otherwise --resolve would be a way around --allow-host."""
    settings: dict[str, Any] = {"baseUrl": "http://localhost:3002", "resolve": ["localhost:3002:10.0.0.5"]}
    with pytest.raises(TargetNotAllowedError, match=r"10\.0\.0\.5"):
        resolve_target(Target.model_validate(settings))
    assert resolve_target(Target.model_validate({**settings, "allowHosts": ["10.0.0.5"]})).onboarding_url


@pytest.mark.parametrize("entry", ["localhost:3003:127.0.0.1", "other:3002:127.0.0.1"])
def test_an_address_that_would_not_be_used_is_refused_with_those_that_would(entry: str) -> None:
    """H3: a typing error would otherwise be ignored in silence."""
    with pytest.raises(UsageError, match="not connected to") as caught:
        resolve_target(Target.model_validate({"baseUrl": "http://localhost:3002", "resolve": [entry]}))
    assert "localhost:3002" in caught.value.hint


def test_insecure_and_a_ca_exclude_each_other() -> None:
    """H7"""
    assert "leave out one of them" in refusal(("target.insecure", True), ("target.caFile", "ca.pem"))


# ------------------------------------------------------------------------------------------------ URLs


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://localhost:3002/v1", "http://localhost:3002"),
        ("http://localhost:3002/v1/", "http://localhost:3002"),
        ("http://localhost/midaz/v1", "http://localhost/midaz"),
        ("http://localhost/v1/organizations", "http://localhost"),
        ("http://localhost/v1/organizations/0/ledgers/", "http://localhost"),
        ("http://localhost/version", "http://localhost"),
        ("http://localhost/x/health", "http://localhost/x"),
        ("http://localhost/swagger/index.html", "http://localhost"),
        ("http://localhost/v1/login/oauth/access_token", "http://localhost"),
    ],
)
def test_a_path_of_the_api_at_the_end_of_a_url_is_too_much(url: str, base: str) -> None:
    """H8"""
    with pytest.raises(UsageError, match="too much") as caught:
        resolve_target(Target(base_url=url))
    assert caught.value.hint == f"write {base}"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("path", ["/v1beta", "/api/v1/ledger", "/versions", "/v1/gateway"])
def test_a_path_that_is_not_of_the_api_is_kept(path: str) -> None:
    """H8"""
    assert resolve_target(Target(base_url=f"http://localhost:1{path}")).onboarding_url == f"http://localhost:1{path}"


@pytest.mark.parametrize("url", ["localhost:3002", "localhost", "127.0.0.1:3002", "midaz.example.com/x", "[::1]:3002"])
def test_a_url_without_a_scheme_is_refused_with_the_url_that_was_meant(url: str) -> None:
    """H8"""
    with pytest.raises(UsageError) as caught:
        resolve_target(Target(base_url=url))
    assert f"did you mean http://{url}?" in caught.value.hint


SECRETS = [
    "user:S3CR3T@host",
    "http://user:S3CR3T@host:1",
    "https://S3CR3T@host",
    "user:S3CR3T@host:3002",
    "http://u:S3CR3T%40host",
    "http://u%3AS3CR3T%40host",
    "//u:S3CR3T@host",
    "ftp://u:S3/CR3T@host",
    "http://u:a@S3CR3T@host",
    "http://u:S3CR3T@",
    "u:S3 CR3T@host",
]
URLS = ["baseUrl", "onboardingUrl", "transactionUrl", "authUrl", "proxy"]


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize("url", SECRETS)
def test_the_password_of_a_url_is_never_in_a_message(name: str, url: str) -> None:
    """H10: it is refused, except in the right URL of a proxy."""
    path = f"target.{name}"
    Path("midaz-seed.yaml").write_text(f"target:\n  {name}: {url!r}\n")
    if name == "proxy" and url in ("http://user:S3CR3T@host:1", "https://S3CR3T@host"):
        assert load().target.proxy == url
        return
    texts = [refusal(), refusal((path, url)), refusal(**{f"MIDAZ_SEED_TARGET__{_snake(name)}": url})]
    for text in texts:
        assert "S3" not in text
        assert "CR3T" not in text


@pytest.mark.parametrize(
    "path", ["seed", "target.allowHosts", "runId", "log.level", "report.x", "generation.retries.max"]
)
def test_a_password_in_the_wrong_setting_is_not_shown_either(path: str) -> None:
    """H10"""
    assert "S3CR3T" not in refusal((path, "http://user:S3CR3T@host"))


@pytest.mark.parametrize(
    "url",
    ["http://h:1", "https://h", "http://u:p@h:1", "http://u:p%40q%3A@h:1", "http://u@h", "http://[::1]:8080/", ""],
)
def test_the_url_of_a_proxy_is_taken(url: str) -> None:
    """H10"""
    assert load(("target.proxy", url)).target.proxy == url


@pytest.mark.parametrize(
    "url", ["h:1", "http://h/path", "http://h?x", "socks5://h:1", "http://u%3Av:p@h", "http://%E2%82%AC@h"]
)
def test_what_is_no_url_of_a_proxy_is_refused(url: str) -> None:
    """H10"""
    assert "target.proxy: it" in refusal(("target.proxy", url))


def test_the_password_of_a_stored_proxy_must_be_given_again() -> None:
    """H10: a run's directory holds no password."""
    stored = [RawValue("target.proxy", "http://***@h:1", "run x", typed=True)]
    with pytest.raises(ConfigurationError, match="give --proxy again"):
        load_settings(environ={}, stored=stored)
    again = [Flag("--proxy", "target.proxy", "http://u:p@h:1")]
    assert load_settings(environ={}, stored=stored, flags=again).settings.target.proxy == "http://u:p@h:1"


@given(st.text(), st.text(), st.sampled_from(["", "http://", "HTTPS://", "--proxy=", "'", '"']))
@example("u:p@q", "h", "http://")
def test_nothing_before_an_at_sign_is_left(secret: str, host: str, start: str) -> None:
    """H10"""
    marked = f"\x00{secret}\x00"  # cannot be part of the rest
    assert "\x00" not in mask_user_info(f"{start}{marked}@{host.replace(chr(0), '')}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no sign",
        "the account '@external/USD' is missing",
        "http://host/a b",
        "give it as http://USER:PASSWORD@HOST:PORT",
        "run mine_127.0.0.1_3002 is in use, and mine_sandbox_x.sqlite.",
    ],
)
def test_a_text_without_user_info_is_not_changed(text: str) -> None:
    """H10"""
    assert mask_message(text) == text
    assert redact(text) == text


@pytest.mark.parametrize("name", URLS)
def test_a_message_about_a_password_is_shown_whole(name: str) -> None:
    """H10: what follows a name such as "password:" is masked, so our own sentences must not be written like that."""
    text = refusal((f"target.{name}", "ftp://u:S3CR3T@host"))
    assert redact(mask_message(text)) == text


def _snake(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in name).upper()
