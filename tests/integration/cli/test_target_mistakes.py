"""A wrong target: what each command says about it, and its exit code."""

import resource
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.cli import CliResult, run_cli
from tests.support.combinations import combinations
from tests.support.raw_server import server_tls
from tests.support.sandbox import blocking_sandbox_process
from tools.chaos.processes import COMMAND, UNMEASURED_ENVIRONMENT

pytestmark = pytest.mark.slow

COMMANDS = {
    "run": ("run", "--preset", "tiny", "--quiet"),
    "doctor": ("doctor",),
    "verify": ("verify", "--preset", "tiny", "--quiet"),
    "teardown": ("teardown", "--preset", "tiny", "--yes"),
}
VERSION = b'{"version":"v3.8.0"}'
Reply = Callable[[str], bytes]


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers))
    return lines.encode() + b"\r\n" + body


@contextmanager
def serving(reply: Reply, certificate: str = "") -> Iterator[str]:
    """Run a server that answers each path with what a function returns; yield its address."""
    tls = server_tls(certificate) if certificate else None

    class Handler(socketserver.StreamRequestHandler):
        def setup(self) -> None:
            if tls is not None:
                self.request = tls.wrap_socket(self.request, server_side=True)
            super().setup()

        def handle(self) -> None:
            while line := self.rfile.readline():
                length = 0
                while (header := self.rfile.readline()).strip():
                    if header.lower().startswith(b"content-length:"):
                        length = int(header.partition(b":")[2])
                self.rfile.read(length)
                self.wfile.write(reply(line.split()[1].decode()))

    class Threads(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that goes away is what these tests are about."""

    with Threads(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def said(result: CliResult) -> str:
    """Everything that a command printed, on one line."""
    return " ".join((result.stdout + result.stderr).split())


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with blocking_sandbox_process() as url:
        yield url


def call(command: str, url: str, *arguments: str, cwd: Path) -> CliResult:
    return run_cli(*COMMANDS[command], "-u", url, *arguments, cwd=cwd)


@pytest.mark.parametrize(("command", "transport"), combinations([*COMMANDS], ["wire", "session"], step=2))
def test_an_endless_answer_is_not_a_midaz(command: str, transport: str, tmp_path: Path) -> None:
    """H5"""
    with serving(lambda path: b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 20_000_000) as address:
        result = call(command, f"http://{address}", "--transport", transport, cwd=tmp_path)
    assert result.returncode == 3
    assert "not a Midaz: the answer is larger than 8 MiB" in said(result)
    assert "check the address and the port" in said(result)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
@pytest.mark.parametrize("transport", ["wire", "session"])
def test_a_gigabyte_is_refused_within_half_a_gigabyte_of_memory(transport: str, tmp_path: Path) -> None:
    """H5"""
    block = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 50_000_000

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (500 << 20, 500 << 20))

    with serving(lambda path: block) as address:
        ran = subprocess.run(
            [*COMMAND, *COMMANDS["doctor"], "-u", f"http://{address}", "--transport", transport],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=UNMEASURED_ENVIRONMENT,
            preexec_fn=limit,
            timeout=60,
            check=False,
        )
    assert ran.returncode == 3, ran.stderr
    assert "larger than 8 MiB" in ran.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_redirect_is_named_with_the_place_it_leads_to(command: str, tmp_path: Path) -> None:
    """H6: with the URL to use."""
    with serving(lambda path: answer("308 Moved", b"", f"Location: https://midaz.example.com{path}")) as address:
        result = call(command, f"http://{address}", cwd=tmp_path)
    assert result.returncode == 3
    assert "a redirect (308) to 'https://midaz.example.com/version', which is not followed" in said(result)
    assert "--base-url 'https://midaz.example.com'" in said(result)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("/login?access_token=S3CR3T&x=1", "'/login?access_token=***&x=1'"),
        ("https://user:S3CR3T@sso.example.com/", "'https://***@sso.example.com/'"),
        ("//other.example.com/\u00e9", "'//other.example.com/"),
    ],
)
def test_a_redirect_shows_no_secret_and_no_control_characters(location: str, shown: str, tmp_path: Path) -> None:
    """H6"""
    with serving(lambda path: answer("302 Found", b"", f"Location: {location}")) as address:
        result = call("run", f"http://{address}", cwd=tmp_path)
    assert shown in said(result)
    assert "S3CR3T" not in said(result)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Moved"])
def test_a_redirect_in_the_middle_of_a_run_is_named_as_well(status: str, tmp_path: Path) -> None:
    """H6: as by a login that expires."""

    def reply(path: str) -> bytes:
        if path == "/version":
            return answer("200 OK", VERSION)
        if path.endswith("?limit=1"):
            return answer("200 OK", b'{"items":[]}')
        return answer(status, b"", "Location: /login")

    with serving(reply) as address:
        result = call("run", f"http://{address}", cwd=tmp_path)
    assert result.returncode in (1, 3)
    assert f"a redirect ({status[:3]}) to '/login', which is not followed" in said(result)


def test_a_304_is_not_called_a_redirect(tmp_path: Path) -> None:
    """H6"""
    with serving(lambda path: b"HTTP/1.1 304 Not Modified\r\n\r\n") as address:
        result = call("doctor", f"http://{address}", cwd=tmp_path)
    assert result.returncode == 3
    assert "304 without a place to go to, which is no answer of a Midaz" in said(result)


NGINX = answer("400 Bad Request", b"<title>400 The plain HTTP request was sent to HTTPS port</title>")
GO = answer("400 Bad Request", b"Client sent an HTTP request to an HTTPS server.\n", "Connection: close")


@pytest.mark.parametrize("text", [NGINX, GO], ids=["nginx", "Go"])
@pytest.mark.parametrize("command", ["run", "doctor"])
def test_a_server_that_says_that_it_expects_https_is_understood(command: str, text: bytes, tmp_path: Path) -> None:
    """H7"""
    with serving(lambda path: text if path else b"") as address:
        result = call(command, f"http://{address}", cwd=tmp_path)
    assert result.returncode == 3
    assert "expects https" in said(result)
    assert "write https:// instead of http://" in said(result)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_refused_certificate_names_the_flag(command: str, tmp_path: Path) -> None:
    """H7"""
    with serving(lambda path: answer("200 OK", VERSION), "self-signed.pem") as address:
        result = call(command, f"https://{address}", cwd=tmp_path)
    assert result.returncode == 3
    assert "its certificate is self-signed" in said(result).replace("self- signed", "self-signed")
    assert "--ca-file FILE" in said(result)


def test_insecure_warns_at_the_start_and_stands_in_the_report(server: str, tmp_path: Path) -> None:
    """H7"""
    result = call("run", server, "--insecure", cwd=tmp_path)
    assert result.returncode == 0
    assert result.stderr.startswith("WARNING: target.insecure is on: certificates are not checked")
    assert "INSECURE: certificates were not checked" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_url_with_v1_is_refused_with_the_right_one(command: str, tmp_path: Path) -> None:
    """H8"""
    result = call(command, "http://127.0.0.1:1/v1/", cwd=tmp_path)
    assert result.returncode == 2
    assert "the path /v1/ at the end" in said(result)
    assert "write http://127.0.0.1:1" in said(result)


ARGUMENTS = [
    ("--proxy", "user:S3CR3T@host"),
    ("--proxy", "http://u:S3CR3T@h:99999"),
    ("--onboarding-url", "user:S3CR3T@host:3002"),
    ("--transaction-url", "http://u%3AS3CR3T%40host"),
    ("--set", "target.proxy=user:S3CR3T@host"),
    ("--set", "target.proxy:user:S3CR3T@host"),
    ("--set", "target.prox=http://user:S3CR3T@host"),
    ("--seed", "http://user:S3CR3T@host"),
    ("--config", "http://user:S3CR3T@host"),
    ("http://user:S3CR3T@host", "--quiet"),
    ("--proxi=http://user:S3CR3T@host", "--quiet"),
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
def test_a_password_before_an_at_sign_is_never_printed(arguments: tuple[str, str], tmp_path: Path) -> None:
    """H10"""
    result = call("run", "http://127.0.0.1:1", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert "S3CR3T" not in said(result)


@pytest.mark.parametrize("url", ["user:S3CR3T@host:3002", "http://user:S3CR3T@host", "https://S3CR3T%40host"])
@pytest.mark.parametrize("command", [*COMMANDS.values(), ("config", "show")], ids=lambda parts: parts[0])
def test_a_target_with_a_password_is_refused_by_every_command(
    command: tuple[str, ...], url: str, tmp_path: Path
) -> None:
    """H10"""
    result = run_cli(*command, "-u", url, cwd=tmp_path)
    assert result.returncode == 2
    assert "S3CR3T" not in said(result)
    assert "--auth-token-file" in said(result)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_is_named(scheme: str, tmp_path: Path) -> None:
    """H10: for a request that it passes on, and for a tunnel."""
    with serving(lambda path: answer("407 Proxy Authentication Required")) as address:
        proxy = ("--proxy", f"http://me:S3CR3T@{address}")
        result = call("run", f"{scheme}://127.0.0.1:9", *proxy, cwd=tmp_path)
    assert result.returncode == 3
    assert "407" in said(result)
    assert "http://USER:PASSWORD@HOST:PORT" in said(result)
    assert "S3CR3T" not in said(result)


def test_a_proxy_that_is_away_is_named_by_its_own_address(tmp_path: Path) -> None:
    """H10"""
    result = call("run", "http://127.0.0.1:9", "--proxy", "http://me:S3CR3T@127.0.0.1:1", cwd=tmp_path)
    assert result.returncode == 3
    assert "no connection to 127.0.0.1:1: connection refused" in said(result)
    assert "S3CR3T" not in said(result)


def test_a_name_without_a_server_behind_its_first_address_is_reached(server: str, tmp_path: Path) -> None:
    """H1: through the flag, with a run to its end."""
    port = server.rpartition(":")[2]
    resolve = ("--resolve", f"midaz.test:{port}:127.0.0.3,127.0.0.1", "--allow-host", "midaz.test")
    allowed = ("--allow-host", "127.0.0.3", "--seed", "2")
    result = call("run", f"http://midaz.test:{port}", *resolve, *allowed, cwd=tmp_path)
    assert result.returncode == 0, said(result)


@pytest.mark.parametrize(
    ("limit", "concurrency"), [pytest.param(40, "16", marks=pytest.mark.thorough), (40, "auto"), (64, "40")]
)
def test_too_few_file_descriptors_are_named_before_the_start(limit: int, concurrency: str, tmp_path: Path) -> None:
    """L2"""
    ran = _limited(limit, "run", "--target", "sandbox", "--preset", "tiny", "-c", concurrency, cwd=tmp_path)
    assert ran.returncode == 2
    assert "file descriptors are needed" in ran.stderr
    assert f"this process may have {limit}" in ran.stderr
    assert "ulimit -n" in ran.stderr
    assert not (tmp_path / "runs").exists()


def test_a_soft_limit_of_file_descriptors_is_raised(tmp_path: Path) -> None:
    """L2"""
    ran = _limited(30, "run", "--target", "sandbox", "--preset", "tiny", "-c", "64", cwd=tmp_path, hard=4096)
    assert ran.returncode == 0, ran.stderr


def test_a_limit_at_which_nothing_can_start_is_an_error_in_words(tmp_path: Path) -> None:
    """L2"""
    ran = _limited(12, "doctor", "--target", "sandbox", cwd=tmp_path)
    assert ran.returncode == 2
    assert "this process may have 12 file descriptors, which is too few to start" in ran.stderr


def _limited(soft: int, *arguments: str, cwd: Path, hard: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run a command with a limit of file descriptors."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard or soft))

    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=UNMEASURED_ENVIRONMENT,
        preexec_fn=limit,
        timeout=60,
        check=False,
    )
