"""The commands of the documentation, page by page, in order, against a server: with smaller data, and other ports.

A comment `exit code N` in a command is its expected exit code. What cannot run here has a place where it is tried.
"""

import json
import re
import shlex
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest

from midaz_seed.cli import cli
from tests.support.cli import run_cli
from tests.support.sandbox import blocking_sandbox_process

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.parent.name != "scenarios"),  # make scenarios
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```|^    (midaz-seed [^\n]*)$", re.MULTILINE | re.DOTALL)
GENERATED = re.compile(r"<!-- begin generated.*?<!-- end generated[^\n]*", re.DOTALL)
ELSEWHERE = {
    r"^(pip|uv|uvx|pipx) ": "tools/dist.py",
    r"^(podman|docker) ": "tools/container.py",
    r"^make |^\.venv/": "Makefile",
    r"^kubectl |^\$EDITOR ": "tests/integration/deploy/test_kubernetes.py",
    r"^dask |--engine dask": "tests/engines/test_dask.py",
    r"--slice|runs merge": "tests/integration/engine/test_shards.py",
    r"runs serve": "tests/integration/web/test_history.py",
    r"--web": "tests/integration/web/test_live_run.py",
    r"--metrics|OTEL_": "tests/integration/telemetry/test_observed_run.py",
    r"^midaz-seed compare ": "tests/integration/cli/test_compare_command.py",
    r"--open": "tests/integration/cli/test_outputs.py",
    r"run --resume +#": "tests/integration/engine/test_resume.py",
    r"^midaz-seed sandbox --(faults|dialect|async|data l)": "tests/integration/sandbox/test_process.py",
}
"""What is tried elsewhere -> where."""
SMALLER = {
    r"(-v|--preset|--volume) (small|medium|large)": r"\1 tiny",
    r"preset: small": "preset: tiny",
    r"(run .*)--scenario demo": r"\1--scenario corner-cases",
    r"(run --scenario \w+\.yaml)": r"\1 --customers 25 --movements 40",
    r"(--scenario 'contention#[\w-]+')": r"\1 --customers 25 --movements 40",
    r"bench --thresholds plan": "bench --thresholds plan -v tiny -n 1 --warm-up 0",
    r"bench --scenario contention --duration 60s": (
        "bench --scenario contention --case zipf --customers 25 --duration 0.1s --warm-up 0.1s -n 1"
    ),
    r"bench (.*) --customers 600 --movements 500 -n 2 --warm-up 1s": (
        r"bench \1 --case legs-10 --customers 25 --movements 40 -n 1 --warm-up 0"
    ),
    r"--case (uniform|zipf) --(variant|reads-per)": r"--case \1 --customers 25 --movements 40 -n 1 --warm-up 0 --\2",
    r"--case zipf --customers 600": "--case zipf --customers 25 --movements 40 -n 1 --warm-up 0",
    r"--preset tiny --rate 200 --duration 5s": (
        "--preset tiny --accounts 30 --transactions 20 --rate 60 --duration 4s"
    ),
}
LEDGER = "0190b3e2-7d4c-7c1e-9b0e-3f6a2c5d8e41"
"""The ledger of the examples."""

EXECUTED: set[tuple[str, ...]] = set()


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a page, and its other blocks: (language, text)."""
    for block in BLOCK.finditer(GENERATED.sub("", text)):
        language, body = (block[1], block[2]) if block[1] else ("sh", block[3])
        if language not in ("sh", "console"):
            yield language, body
            continue
        prompt = "$ " if language == "console" else ""
        for line in body.replace("\\\n", " ").splitlines():
            if line.strip() and line.startswith(prompt):
                yield "sh", line.removeprefix(prompt).strip()


SCRIPTS = {str(page.relative_to(ROOT)): list(commands(page.read_text(encoding="utf-8"))) for page in PAGES}
WITH_COMMANDS = [page for page, blocks in SCRIPTS.items() if any(language == "sh" for language, _ in blocks)]


class Proxy(BaseHTTPRequestHandler):
    """An HTTP proxy."""

    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = urllib.request.Request(self.path, body or None, dict(self.headers), method=self.command)
        try:
            answer = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)
        except urllib.error.HTTPError as error:
            answer = error
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = do_HEAD = handle_any  # noqa: N815 - the names of the base class

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with blocking_sandbox_process() as url:
        yield url


@pytest.fixture(scope="module")
def proxy() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass
class Terminal:
    """Where the commands of a page are typed."""

    folder: Path
    url: str
    proxy: str
    servers: ExitStack
    shared: bool
    """The embedded server is the one of this test, which saves the start of one for each command."""
    environment: dict[str, str] = field(default_factory=dict)

    def rewrite(self, text: str) -> str:
        """Return a text of the page with smaller data, and the addresses of this test."""
        for pattern, smaller in SMALLER.items():
            text = re.sub(pattern, smaller, text)
        if self.shared:
            text = re.sub("--target sandbox(?! --sandbox-data)", f"--target {self.url}", text)
        if LEDGER in text:
            text = text.replace(LEDGER, self.any_ledger())
        if re.search(r"\bRUN\b", text):
            latest = max((self.folder / "runs").iterdir(), key=lambda path: path.stat().st_mtime_ns)
            text = re.sub(r"\bRUN\b", latest.name, text)
        return text.replace("127.0.0.1:8080", self.proxy).replace(":3002", f":{self.url.rpartition(':')[2]}")

    def any_ledger(self) -> str:
        organization = self.get("/v1/organizations")["items"][0]["id"]
        return str(self.get(f"/v1/organizations/{organization}/ledgers")["items"][0]["id"])

    def get(self, path: str) -> dict[str, list[dict[str, str]]]:
        with urllib.request.urlopen(self.url + path) as answer:
            return dict(json.load(answer))

    def type(self, line: str) -> None:
        """Execute a command."""
        if found := re.fullmatch(r"export (\w+)=(\S+)|unset (\w+)", line):
            self.environment |= {found[1]: self.rewrite(found[2])} if found[1] else {}
            self.environment.pop(found[3] or "", None)
            return
        if not line.startswith("midaz-seed "):
            done = subprocess.run(["bash", "-c", self.rewrite(line)], cwd=self.folder, capture_output=True, timeout=60)
            assert done.returncode == 0, (line, done.stderr)
            return
        expected = {
            int(code) for code in re.findall(r"# exit code (\d+)|\$\? -eq (\d+)", line) for code in code if code
        }
        expected |= {0} if not expected or "||" in line else set()
        expected |= {5} if "--fail-if" in line or "--thresholds" in line else set()
        expected |= {1} if "--duration 5s" in line or "--duration 30s" in line else set()  # on a busy machine
        arguments = shlex.split(self.rewrite(line.partition(" ||")[0]), comments=True)[1:]
        output = arguments[-1] if arguments[-2:-1] == [">"] else ""
        arguments = arguments[:-2] if output else arguments
        if arguments[0] == "sandbox":
            self.start_server(arguments[1:])
            return
        if arguments[0] in ("plan", "doctor"):  # they change nothing: once is enough
            if tuple(arguments) in EXECUTED:
                return
            EXECUTED.add(tuple(arguments))
        result = run_cli(*arguments, cwd=self.folder, environment=self.environment)
        assert result.returncode in expected, (line, result.returncode, result.stdout[-2000:], result.stderr)
        if output:
            (self.folder / output).write_text(result.stdout, encoding="utf-8")

    def start_server(self, arguments: list[str]) -> None:
        if "--port" in arguments:
            del arguments[arguments.index("--port") : arguments.index("--port") + 2]
        arguments = [str(self.folder / each) if each.endswith(".sqlite") else each for each in arguments]
        self.url = self.servers.enter_context(blocking_sandbox_process(*arguments))

    def write(self, language: str, text: str) -> None:
        """Write a file of the page: a scenario, or the settings of what follows; run a program."""
        if named := re.match(r"scenario: ([\w-]+)", text):
            for name in (f"{named[1]}.yaml", "mine.yaml"):
                if not (self.folder / name).exists():
                    (self.folder / name).write_text(text, encoding="utf-8")
        elif language == "yaml" and "baseUrl:" in text:
            local = "baseUrl: http://127.0.0.1:" in text
            file = self.folder / ("midaz-seed.yaml" if local else "example.yaml")
            for secret in re.findall(r"(?<=/)(?:run/secrets|etc/ssl)/[\w.-]+", text):
                (self.folder / secret).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / secret).write_text("content\n", encoding="utf-8")
            text = re.sub(r"(?<= )/(run/secrets|etc/ssl)/", rf"{self.folder}/\1/", text)
            file.write_text(self.rewrite(text), encoding="utf-8")
            self.type(f"midaz-seed config show --config {file.name}")


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_the_commands_of_a_page_do_what_it_says(page: str, server: str, proxy: str, tmp_path: Path) -> None:
    with ExitStack() as servers:
        terminal = Terminal(tmp_path, server, proxy, servers, shared=page != "docs/index.md")
        if any("verify" in line for _, line in SCRIPTS[page]):
            terminal.type("midaz-seed run --preset tiny -u http://127.0.0.1:3002 --quiet")
        # files of a page may be shown after the commands that use them
        for language, text in sorted(SCRIPTS[page], key=lambda block: not block[1].startswith("scenario:")):
            if language == "python" and "urllib" in text:
                exec(terminal.rewrite(text).replace('"accounts.json"', repr(str(tmp_path / "accounts.json"))), {})
            elif language != "sh":
                terminal.write(language, text)
            elif where := next((where for what, where in ELSEWHERE.items() if re.search(what, text)), None):
                assert (ROOT / where).exists()
                check_without_executing(text)
            else:
                terminal.type(text)


def check_without_executing(line: str) -> None:
    """Check that the flags of a command exist, or that a target of make does."""
    if line.startswith("make "):
        target = line.split()[1]
        assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    if line.startswith("midaz-seed "):
        arguments = shlex.split(line.partition("||")[0], comments=True)[1:]
        command: click.Command = cli
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), arguments.pop(0))
            assert found is not None, line
            command = found
        flags = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
        assert {each.partition("=")[0] for each in arguments if each.startswith("-")} <= flags, line
