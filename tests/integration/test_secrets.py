"""Secrets stay where they are given: no output, no file of a run and no argument of another process has one.

Each secret is a canary that is searched for in every form: as it is, encoded for a URL or by base64, and in part.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.cli import CliResult, run_cli
from tests.support.echo_server import echo_server

PART = 8
"""Characters of a canary that count as a leak: messages are cut."""


def canary(name: str) -> str:
    """Return a secret with characters that URLs and JSON encode."""
    return f"{hashlib.sha256(name.encode()).hexdigest()[:20]}+/{name}=="


def forms(secret: str) -> set[str]:
    """Return what must not be found: each part of the secret in each encoding."""
    parts = {secret[at : at + PART] for at in range(len(secret) - PART + 1)}
    encoded = [base64.b64encode(b"x" * shift + secret.encode()).decode()[6:-6] for shift in range(3)]
    parts |= {text[at : at + PART + 3] for text in encoded for at in range(len(text) - PART - 2)}
    whole = {quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]}
    return parts | {text[-PART:] for text in whole}


@dataclass
class Given:
    """Where secrets are given: on the command line, in the environment, in files; by way of a prompt."""

    secrets: list[str]
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


def _file(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def ways(folder: Path, url: str) -> dict[str, Given]:
    """Return every way to give each secret; the files are in a folder that is not searched."""
    token, header, secret, password = (canary(name) for name in ("token", "header", "client", "proxy"))
    basic = base64.b64encode(f"me:{password}".encode()).decode()
    of_client = [f"--set=target.authUrl={url}", "--set=target.clientId=me"]
    return {
        "token flag": Given([token], ["--auth-token", token]),
        "token set": Given([token], ["--set", f"target.authToken='{token}'"]),
        "token environment": Given([token], environment={"MIDAZ_SEED_TARGET__AUTH_TOKEN": token}),
        "token file": Given([token], ["--auth-token-file", _file(folder, "token", f"\ufeffBearer {token}\n")]),
        "token config": Given(
            [token], ["--config", _file(folder, "a.yaml", f"target: {{authToken: '{token}', baseUrl: '{url}'}}\n")]
        ),
        "header flag": Given([header], ["--header", f"X-Own: {header}"]),
        "header environment": Given([header], environment={"MIDAZ_SEED_TARGET__HEADERS": f"X-Api-Key: {header}"}),
        "header config": Given(
            [header], ["--config", _file(folder, "b.yaml", f"target: {{headers: ['X-Tenant: {header}']}}\n")]
        ),
        "basic header": Given([password, basic], ["--header", f"Authorization: Basic {basic}"]),
        "client secret environment": Given([secret], of_client, {"MIDAZ_SEED_TARGET__CLIENT_SECRET": secret}),
        "client secret file": Given(
            [secret], [*of_client, f"--set=target.clientSecretFile={_file(folder, 'client', secret)}"]
        ),
        "client secret set": Given([secret], [*of_client, "--set", f"target.clientSecret={secret}"]),
        "proxy": Given([password], ["--proxy", f"http://me:{quote(password, safe='')}@{url.partition('//')[2]}"]),
        "proxy environment": Given(
            [password],
            environment={"MIDAZ_SEED_TARGET__PROXY": f"http://me:{quote(password)}@{url.partition('//')[2]}"},
        ),
    }


WAYS = (
    "token flag",
    "token set",
    "token environment",
    "token file",
    "token config",
    "header flag",
    "header environment",
    "header config",
    "basic header",
    "client secret environment",
    "client secret file",
    "client secret set",
    "proxy",
    "proxy environment",
)


class Session:
    """Calls commands in an empty folder, and searches everything that they leave for canaries."""

    def __init__(self, folder: Path, given: Given) -> None:
        self.folder = folder
        self.given = given

    def call(self, *arguments: str) -> CliResult:
        done = run_cli(*arguments, *self.given.arguments, cwd=self.folder, environment=self.given.environment)
        self.search({"stdout": done.stdout, "stderr": done.stderr, **self.files()}, " ".join(arguments))
        return done

    def files(self) -> dict[str, str]:
        found = (file for file in self.folder.rglob("*") if file.is_file())
        return {str(file): file.read_bytes().decode("latin-1") for file in found}

    def search(self, texts: dict[str, str], what: str) -> None:
        wanted = {form for secret in self.given.secrets for form in forms(secret)}
        for where, text in texts.items():
            for form in wanted:
                at = text.find(form)
                assert at < 0, f"{what}: {where} has {form!r}: ...{text[max(at - 100, 0) : at + 60]!r}"


LOUD = ["-d", "--log-format", "json"]
QUICK = ["--attempts", "2", "--timeout", "2", "--set=breaker.giveUpS=0.5", "--set=breaker.openS=0.1", "--preset=tiny"]
QUICK += ["--set=generation.retries.initialDelay=1"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("mode", "status", "page"),
    [("early", 401, False), ("early", 302, True), ("late", 400, False), ("late", 500, True)],
)
def test_a_server_that_repeats_the_headers_makes_no_secret_visible(
    tmp_path: Path, way: str, mode: str, status: int, page: bool
) -> None:
    folder, elsewhere = tmp_path / "work", tmp_path / "secret files"
    folder.mkdir()
    elsewhere.mkdir()
    with echo_server(mode, status, page=page) as server:
        session = Session(folder, ways(elsewhere, server.url)[way])
        url = [] if way == "token config" else ["--base-url", server.url]
        done = session.call("run", *url, *QUICK, *LOUD, "--report", "report.json")
        assert done.returncode != 0
        assert server.requests > 0
        session.call("run", *url, *QUICK, "--json", "-d")
        session.call("verify", *url, *QUICK, "-d")
        session.call("doctor", *url, "--timeout", "2")
        session.call("config", "show", *url)
    run_in = Session(folder, Given(session.given.secrets))
    run_in.call("runs", "list", "--json")
    for run in sorted((folder / "runs").glob("*")):
        run_in.call("runs", "show", run.name)
        run_in.call("runs", "show", run.name, "--json")
        session.call("run", "--resume", run.name)
