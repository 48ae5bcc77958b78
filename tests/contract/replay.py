"""Hold a server against exchanges that were recorded from real Midaz servers.

    python -m tests.contract.replay [v3.3 v3.8 v4]     starts the sandbox in each dialect and prints a table

A recording is a story of steps: a request, what to keep of its answer (`capture`) for later steps, and the answer
that the real
server gave. In an expected answer `<uuid>`, `<time>`, `<text>`, `<cursor>` and `<number>` stand for any value of that
kind; the lists
named in `unordered` may come in any order; `{run}` is a word of its own for each replay. A step may wait (`wait_s`),
and may be
repeated for a while (`retry_s`) until its answer, or just its status (`retry_until_status`), is the recorded one.
"""

import asyncio
import json
import re
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from midaz_seed.transport.base import Request, Response, Service
from midaz_seed.transport.httptools_transport import HttptoolsTransport

RECORDINGS = Path(__file__).parent / "recordings"
AT_ONCE = 8
PAUSE_S = 0.05
_ANY = {
    "<uuid>": lambda value: (
        isinstance(value, str) and bool(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value))
    ),
    "<time>": lambda value: (
        isinstance(value, str)
        and bool(re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value))
    ),
    "<text>": lambda value: isinstance(value, str) and value != "",
    "<cursor>": lambda value: isinstance(value, str) and value != "",
    "<number>": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
_MISSING = object()


@dataclass(frozen=True)
class Recording:
    """One story."""

    dialect: str
    name: str
    steps: list[dict[str, Any]]


def recordings(dialect: str) -> list[Recording]:
    """Every story that was recorded from this version."""
    return [
        Recording(dialect, path.stem, json.loads(path.read_text(encoding="utf-8"))["steps"])
        for path in sorted((RECORDINGS / dialect).glob("*.json"))
    ]


async def replay(recording: Recording, onboarding_url: str, transaction_url: str) -> str:
    """Play one story to a server; "" when every answer is the recorded one, else what differs first."""
    words = {"run": secrets.token_hex(4)}
    transport = HttptoolsTransport(
        onboarding_url, transaction_url, headers={}, request_timeout_s=30, connect_timeout_s=5
    )
    try:
        for number, step in enumerate(recording.steps, 1):
            differences = await _play(step, words, transport)
            if differences:
                return f"step {number} ({step['name']}): {'; '.join(differences[:4])}"
    finally:
        await transport.aclose()
    return ""


async def _play(step: dict[str, Any], words: dict[str, str], transport: HttptoolsTransport) -> list[str]:
    await asyncio.sleep(step.get("wait_s", 0))
    loop = asyncio.get_running_loop()
    until_s = loop.time() + step.get("retry_s", 0)
    while True:
        answer = await transport.send(_request(step["request"], words))
        body = _json(answer.body)
        differences = list(_captured(step.get("capture", {}), body, words))
        differences += _answer_differences(step["response"], answer, body, words)
        wanted = step.get("retry_until_status")
        if (answer.status == wanted if wanted else not differences) or loop.time() >= until_s:
            return differences
        await asyncio.sleep(PAUSE_S)


def _request(recorded: dict[str, Any], words: dict[str, str]) -> Request:
    escaped = {name: quote(word, safe="") for name, word in words.items()}
    body: bytes | None = None
    if "raw" in recorded:
        body = _filled(recorded["raw"], words).encode()
    elif "body" in recorded:
        body = json.dumps(_filled(recorded["body"], words)).encode()
    headers = {str(name): str(value) for name, value in _filled(recorded.get("headers", {}), words).items()}
    service = Service.ONBOARDING if recorded["service"] == "onboarding" else Service.TRANSACTION
    return Request(recorded["method"], _filled(recorded["path"], escaped), body, headers, service)


def _filled(value: Any, words: dict[str, str]) -> Any:
    """The value with `{name}` replaced by its word, everywhere in it."""
    if isinstance(value, str):
        return re.sub(r"\{([a-z][a-z0-9_]*)\}", lambda match: words.get(match[1], match[0]), value)
    if isinstance(value, list):
        return [_filled(one, words) for one in value]
    if isinstance(value, dict):
        return {_filled(name, words): _filled(one, words) for name, one in value.items()}
    return value


def _captured(wanted: dict[str, str], body: Any, words: dict[str, str]) -> Iterator[str]:
    for name, path in wanted.items():
        value = body
        for part in path.split("."):
            try:
                value = value[int(part)] if isinstance(value, list) else value[part]
            except (KeyError, IndexError, TypeError, ValueError):
                value = _MISSING
                break
        if isinstance(value, str):
            words[name] = value
        else:
            yield f"nothing to keep at {path}"


def _answer_differences(recorded: dict[str, Any], answer: Response, body: Any, words: dict[str, str]) -> Iterator[str]:
    if answer.status != recorded["status"]:
        yield f"status {answer.status} instead of {recorded['status']}: {answer.body[:200]!r}"
    for name, wanted in recorded.get("headers", {}).items():
        got = answer.headers.get(name)
        plain = got.split(";")[0].strip() if got and name.lower() == "content-type" else got
        if plain != wanted and not (wanted == "<number>" and plain is not None and plain.isdigit()):
            yield f"header {name} is {got!r} instead of {wanted!r}"
    if "body" in recorded:
        if body is _MISSING:
            yield f"not JSON: {answer.body[:100]!r}"
        else:
            yield from _differences(
                _filled(recorded["body"], words), body, frozenset(recorded.get("unordered", ())), "$"
            )
    elif "body_text" in recorded:
        text = answer.body.decode("utf-8", "replace")
        yield from _differences(_filled(recorded["body_text"], words), text, frozenset(), "text")
    elif answer.body and not recorded.get("body_any"):
        yield f"a body where there is none: {answer.body[:100]!r}"


def _differences(want: Any, got: Any, unordered: frozenset[str], at: str) -> Iterator[str]:
    """By JSON path, where an answer is not the recorded one."""
    if isinstance(want, str) and want in _ANY:
        if not _ANY[want](got):
            yield f"{at} is {got!r} instead of {want}"
    elif isinstance(want, dict) and isinstance(got, dict):
        for name in sorted(want.keys() | got.keys()):
            if name not in got:
                yield f"{at}.{name} is missing"
            elif name not in want:
                yield f"{at}.{name} is there: {got[name]!r}"
            else:
                yield from _differences(want[name], got[name], unordered, f"{at}.{name}")
    elif isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            yield f"{at} has {len(got)} entries instead of {len(want)}"
            return
        ordered = _arranged(want, got, unordered, at) if at in unordered else got
        for index, (one, other) in enumerate(zip(want, ordered, strict=True)):
            yield from _differences(one, other, unordered, f"{at}[{index}]")
    elif type(want) is not type(got) or want != got:
        yield f"{at} is {got!r} instead of {want!r}"


def _arranged(want: list[Any], got: list[Any], unordered: frozenset[str], at: str) -> list[Any]:
    """The entries of a list whose order is free, each beside the recorded one that it is most like."""
    rest = list(got)
    arranged = []
    for one in want:
        nearest = min(rest, key=lambda other: sum(1 for _ in _differences(one, other, unordered, at)))
        rest.remove(nearest)
        arranged.append(nearest)
    return arranged


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return _MISSING


async def replay_all(dialect: str) -> dict[str, str]:
    """Play every story of a version to a sandbox of that dialect: name -> "" or what differs."""
    from midaz_seed.sandbox import SandboxConfig, running

    at_once = asyncio.Semaphore(AT_ONCE)
    results: dict[str, str] = {}

    async with running(SandboxConfig(dialect=dialect)) as server:
        transaction_url = server.transaction_url

        async def play(recording: Recording) -> None:
            async with at_once:
                results[recording.name] = await replay(recording, server.url, transaction_url)

        await asyncio.gather(*[play(recording) for recording in recordings(dialect)])
    return results


async def main(dialects: list[str]) -> int:
    """Print how many stories each dialect passes, and what differs; 1 when something does."""
    failed = 0
    print(f"{'dialect':<9}{'recordings':>11}{'passed':>8}{'failed':>8}")
    for dialect in dialects:
        results = await replay_all(dialect)
        wrong = {name: problem for name, problem in results.items() if problem}
        failed += len(wrong)
        print(f"{dialect:<9}{len(results):>11}{len(results) - len(wrong):>8}{len(wrong):>8}")
        for name, problem in sorted(wrong.items()):
            print(f"  {name}: {problem}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:] or ["v3.3", "v3.8", "v4"])))
