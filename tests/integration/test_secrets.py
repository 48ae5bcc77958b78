"""Secrets stay where they are given: no output, no file of a run and no argument of another process has one.

Each secret is a canary that is searched for in every form: as it is, encoded for a URL or by base64, and in part.
"""

import base64
import hashlib
import json
import os
import pty
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import click
import pytest

from midaz_seed.cli import main
from midaz_seed.reporting.redaction import remember
from midaz_seed.runs.identity import directory_name, server_key
from tests.support.cli import CliResult, run_cli
from tests.support.combinations import combinations
from tests.support.echo_server import echo_server
from tests.support.sandbox import blocking_sandbox_process
from tools.chaos.processes import UNMEASURED_ENVIRONMENT

PART = 8
"""Characters of a canary that count as a leak: messages are cut."""


def canary(name: str) -> str:
    """Return a secret with characters that URLs and JSON encode."""
    digits = hashlib.sha256(name.encode()).hexdigest()
    return f"{digits[:16]}+/{digits[16:26]}=="


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
            environment={"MIDAZ_SEED_TARGET__PROXY": f"http://me:{quote(password, safe='')}@{url.partition('//')[2]}"},
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


LOUD = ("-d", "--log-format", "json")
QUICK = (
    "--preset=tiny",
    "--attempts=2",
    "--timeout=2",
    "--set=breaker.giveUpS=0.5",
    "--set=breaker.openS=0.1",
    "--set=generation.retries.initialDelay=1",
    "--set=settlement.deadlineS=0.2",
    "--set=settlement.maxDelayS=0.1",
)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder to work in, and one for the files that hold secrets."""
    folder, elsewhere = tmp_path / "work", tmp_path / "secrets"
    folder.mkdir()
    elsewhere.mkdir()
    return folder, elsewhere


@pytest.mark.parametrize("way", WAYS)
def test_a_rejection_that_repeats_the_request_makes_no_secret_visible(folders: tuple[Path, Path], way: str) -> None:
    folder, elsewhere = folders
    with echo_server("late", 400) as server:
        given = ways(elsewhere, server.url)[way]
        url = [] if way == "token config" else ["--base-url", server.url]
        session = Session(folder, given)
        assert session.call("run", *url, *QUICK, *LOUD, "--report", "report.json").returncode != 0
        session.call("config", "show", *url)
    assert server.requests > 0


@pytest.mark.parametrize(
    ("way", "answer"),
    combinations(
        ["token environment", "basic header", "proxy"],
        [("early", 401, False), ("early", 302, True), ("late", 500, True)],
        step=3,
    ),
)
def test_no_command_shows_a_secret_that_a_server_repeats(
    folders: tuple[Path, Path], way: str, answer: tuple[str, int, bool]
) -> None:
    folder, elsewhere = folders
    mode, status, page = answer
    with echo_server(mode, status, page=page) as server:
        given = ways(elsewhere, server.url)[way]
        session = Session(folder, given)
        session.call("run", "--base-url", server.url, *QUICK, "--json", "-d")
        session.call("verify", "--base-url", server.url, *QUICK, *LOUD)
        session.call("doctor", "--timeout=2", server.url)
        session.call("teardown", "--yes", "--base-url", server.url, *QUICK, "-d")
        without = Session(folder, Given(given.secrets))
        without.call("runs", "list", "--json")
        for run in sorted((folder / "runs").glob("*")):
            without.call("runs", "show", run.name, "--json")
            session.call("run", "--resume", run.name, *QUICK[1:])
    assert server.requests > 0


def test_what_is_wrong_with_a_secret_is_said_without_it(folders: tuple[Path, Path]) -> None:
    secret = canary("wrong")
    for arguments in (
        ["--auth-token", f"{secret} {secret}"],
        ["--set", f"target.authToken=[{secret}]"],
        ["--header", f"no header {secret}"],
        ["--header", f"Content-Length: {secret}"],
        ["--proxy", f"me:{secret}@host"],
        ["--base-url", f"http://me:{secret}@127.0.0.1:1"],
        ["--base-url", f"http://{secret}%40@127.0.0.1:1 x"],
        ["--set", f"target.clientSecret={secret} {secret}"],
    ):
        done = Session(folders[0], Given([secret], arguments)).call("run", "--preset=tiny")
        assert done.returncode == 2, done


def test_the_traceback_of_an_internal_error_has_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    secret = canary("traceback")

    @click.command()
    @click.option("--debug", is_flag=True)
    def fails(debug: bool) -> None:
        remember([secret])
        raise RuntimeError(f"request with {secret} failed")

    for arguments in (["fails", "--debug"], ["fails"]):
        with pytest.raises(SystemExit):
            main(arguments, click.Group(commands={"fails": fails}))
    shown = capsys.readouterr()
    assert "RuntimeError: request with *** failed" in shown.err
    assert not any(form in shown.err for form in forms(secret))


def test_a_token_from_a_prompt_is_not_shown(folders: tuple[Path, Path]) -> None:
    secret = canary("prompt")
    with echo_server("late", 400) as server:
        command = [sys.executable, "-m", "midaz_seed", "run", "--ask-token", "--base-url", server.url, *QUICK, *LOUD]
        controller, terminal = pty.openpty()
        environment = {**UNMEASURED_ENVIRONMENT, "PYTHONPATH": str(Path(__file__).parents[2])}
        with subprocess.Popen(
            command, stdin=terminal, stdout=terminal, stderr=terminal, cwd=folders[0], env=environment
        ) as process:
            os.close(terminal)
            shown = _until(controller, "token")
            os.write(controller, f"{secret}\n".encode())
            shown += _until(controller, "")
        os.close(controller)
    assert process.returncode == 1, shown
    session = Session(folders[0], Given([secret]))
    session.search({"terminal": shown, **session.files()}, "run --ask-token")


def _until(descriptor: int, text: str) -> str:
    """Read from a terminal until a text, or with "" to the end."""
    shown = ""
    while not text or text not in shown:
        try:
            data = os.read(descriptor, 4096)
        except OSError:  # Linux: the last process of the terminal has ended
            return shown
        if not data:
            return shown
        shown += data.decode("utf-8", "replace")
    return shown


def test_other_processes_get_no_secret_as_an_argument_and_a_run_keeps_its_files_private(
    folders: tuple[Path, Path],
) -> None:
    folder, elsewhere = folders
    token, header, password = canary("token"), canary("header"), canary("basic")
    basic = base64.b64encode(f"me:{password}".encode()).decode()
    config = _file(
        elsewhere, "c.yaml", f"target: {{headers: ['X-Tenant: {header}', 'Proxy-Authorization: Basic {basic}']}}\n"
    )
    given = Given([token, header, password, basic], ["--auth-token", token, "--config", config])
    session = Session(folder, given)
    umask = os.umask(0)
    try:
        with blocking_sandbox_process() as url, _watched_children() as seen:
            loose = folder / "runs" / directory_name("night-1", server_key(url))
            loose.mkdir(parents=True, mode=0o777)
            done = session.call(
                "run", "--base-url", url, "--preset=tiny", "--organizations=2", "--shards=2", "--run-id=night-1",
                "--report=report.json", *LOUD,
            )  # fmt: skip
    finally:
        os.umask(umask)
    assert done.returncode == 0, done.stderr
    assert any("shard_worker" in text for text in seen.values())
    session.search(seen, "a child process")
    for file in loose.rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(loose.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "report.json").stat().st_mode) == 0o666, "it is the user's own file"


@contextmanager
def _watched_children() -> Iterator[dict[str, str]]:
    """Collect command line and environment of every child process that lives for a moment."""
    seen: dict[str, str] = {}
    ended = threading.Event()
    own = os.getpid()

    def watch() -> None:
        while not ended.wait(0.01):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                    if parent == own:
                        for name in ("cmdline", "environ"):
                            text = (process / name).read_bytes().decode("latin-1").replace("\0", " ")
                            seen[f"{process}/{name} {text[:60]}"] = text
                except (OSError, ValueError):
                    continue

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
