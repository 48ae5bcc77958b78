"""The rejected items of a run, one JSON object a line: for `midaz-seed retry`, and to find the cause.

Each line has the item's key, the request, the last response, and a `curl` command that repeats it, without credentials.

A rejected item stays until it is known to be made, or is rejected again. All processes of a session append to a second
file (`NEW`), and the last line of an item counts. The files are merged at the end of the session, or at the start of
the next one when it was killed.
"""

import os
import shlex
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from midaz_seed.clock import Clock
from midaz_seed.errors import OutputError
from midaz_seed.files import PRIVATE_FILE, write_atomically
from midaz_seed.model.outcomes import Failure
from midaz_seed.plan.items import Phase
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.transport.base import Request, Service

NEW = ".new"
"""The suffix of the file that the current session appends to."""
MADE = "made"
"""The field of a line that removes an item."""
_SHOWN = ("key", "error", "code", "message")
"""Texts that every line of a rejected item has."""
TOKEN_VARIABLE = "TOKEN"  # noqa: S105 - the name of the shell variable that holds the token


def rejected_items(path: Path) -> dict[str, dict[str, Any]]:
    """Return the line of every rejected item by its key, from both files; incomplete lines are skipped."""
    items: dict[Any, dict[str, Any]] = {}
    for file in (path, _added(path)):
        for line in _lines(file):
            key = line.get("key")
            if isinstance(key, str) and MADE in line:
                items.pop(key, None)
            elif all(isinstance(line.get(name), str) for name in _SHOWN):
                items.pop(key, None)  # the last line of an item is also the last in the order
                items[key] = line
    return items


def merge(path: Path) -> None:
    """Merge both files into one. Only the owner of the run may do this, while no process appends.

    It is safe to repeat. When the disk is full both files stay, with the same meaning.
    """
    added = _added(path)
    if not added.exists():
        return
    lines = [orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in rejected_items(path).values()]
    with suppress(OSError):
        write_atomically(path, b"".join(lines), durable=True, private=True)
        added.unlink()


def clear(path: Path) -> None:
    """Delete both files: every item was made, or removed again."""
    for file in (_added(path), path):
        with suppress(OSError):
            file.unlink()


def _added(path: Path) -> Path:
    return path.with_name(path.name + NEW)


def _lines(file: Path) -> list[dict[str, Any]]:
    try:
        data = file.read_bytes()
    except OSError:
        return []
    found = []
    for line in data.split(b"\n"):
        with suppress(orjson.JSONDecodeError, orjson.JSONEncodeError):
            parsed = orjson.loads(line)
            if isinstance(parsed, dict) and orjson.dumps(parsed):  # what is nested too deeply cannot be written again
                found.append(parsed)
    return found


class Rejects:
    """Records every rejected item. Without a file it only counts them."""

    def __init__(self, clock: Clock, target: ResolvedTarget, path: Path | None = None, *, with_token: bool) -> None:
        """Start a session.

        Args:
            clock: gives the time of each line.
            target: gives the URLs of the `curl` commands.
            path: `rejects.ndjson` of the run.
            with_token: requests carry a bearer token, which the `curl` commands take from $TOKEN.
        """
        self._clock = clock
        self._target = target
        self.path = path
        self._with_token = with_token
        self.count = 0
        self.standing = set(rejected_items(path)) if path is not None else set[str]()

    def add(self, failure: Failure, request: Request, *, phase: Phase, entity: str, key: str) -> None:
        """Record a rejected item. Raises OutputError."""
        self.count += 1
        if self.path is None:
            return
        line = {
            "key": key,
            "phase": phase,
            "entity": entity,
            "at": self._now(),
            "error": failure.error,
            "status": failure.status or None,
            "code": failure.code,
            "message": failure.message,
            "answer": failure.answer,
            "attempts": failure.attempts,
            "request": {"method": request.method, "path": request.path, "body": (request.body or b"").decode()},
            "curl": self._curl(request),
        }
        try:
            _append(_added(self.path), line)
        except OSError as error:
            raise OutputError(
                f"a rejected item cannot be recorded: {error.strerror or error}",
                where=str(self.path),
                hint="free disk space, then run the same command again",
            ) from error
        self.standing.add(key)

    def made(self, key: str) -> None:
        """Remove an item that is known to be made, if it was rejected.

        When that cannot be written the old line stays, and the next session looks the item up once more.
        """
        if key not in self.standing or self.path is None:
            return
        self.standing.discard(key)
        with suppress(OSError):
            _append(_added(self.path), {"key": key, MADE: self._now()})

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock.time(), UTC).isoformat(timespec="milliseconds")

    def _curl(self, request: Request) -> str:
        of_transactions = request.service is Service.TRANSACTION
        base = self._target.transaction_url if of_transactions else self._target.onboarding_url
        parts = ["curl", "-sS", "-X", request.method, shlex.quote(base.rstrip("/") + request.path)]
        parts += ["-H", "'Content-Type: application/json'"]
        for name, value in (request.headers or {}).items():
            parts += ["-H", shlex.quote(f"{name}: {value}")]
        if self._with_token:
            parts += ["-H", f'"Authorization: Bearer ${TOKEN_VARIABLE}"']
        if request.body:
            parts += ["--data-raw", shlex.quote(request.body.decode())]
        return " ".join(parts)


def _append(file: Path, line: dict[str, Any]) -> None:
    """Append a line by one system call, because other processes append too.

    It starts with a newline, because the line before it may be incomplete.
    """
    data = b"\n" + orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE_FILE)
    try:
        written = os.write(fd, data)
        while written < len(data):  # a full disk accepts a part first, and the next call raises
            written += os.write(fd, data[written:])
    finally:
        os.close(fd)
