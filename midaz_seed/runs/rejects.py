"""What the server refused for good, one JSON object a line: for `midaz-seed retry`, and for who looks for the cause.

Each line has the item's key, the request, the last answer, and a `curl` command that repeats it; credentials are left
out of it.

A refused item stays until it is known to be made, or its new refusal takes the old one's place. So a session, with all
its processes, appends to a file beside (`NEW`); the latest line of an item counts. At its end, or at the start of the
next session when it was killed, the two files become one.
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
from midaz_seed.files import write_atomically
from midaz_seed.model.outcomes import Failure
from midaz_seed.plan.items import Phase
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.transport.base import Request, Service

NEW = ".new"
"""Ending of the file that the present session appends to."""
MADE = "made"
"""Name in a line that takes an item out."""
TOKEN_VARIABLE = "TOKEN"  # noqa: S105 - the name of the shell variable that a reader puts the token into


def refused(path: Path) -> dict[str, dict[str, Any]]:
    """Every item that is refused, by its key, as the files of a run say; lines that were cut short are left out."""
    items: dict[str, dict[str, Any]] = {}
    for file in (path, _added(path)):
        for line in _lines(file):
            key = line.get("key")
            if isinstance(key, str):
                items.pop(key, None)
                if MADE not in line:
                    items[key] = line
    return items


def merge(path: Path) -> None:
    """Make one file of both. Only for who owns the run, while nobody appends; doing it twice changes nothing.

    Where there is no room for it both stay, and say the same.
    """
    added = _added(path)
    if not added.exists():
        return
    lines = [orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in refused(path).values()]
    with suppress(OSError):
        write_atomically(path, b"".join(lines), durable=True)
        added.unlink()


def clear(path: Path) -> None:
    """Nothing is refused any more: everything was made, or taken away again."""
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
        with suppress(orjson.JSONDecodeError):
            parsed = orjson.loads(line)
            if isinstance(parsed, dict):
                found.append(parsed)
    return found


class Rejects:
    """Takes every item that failed for good. Without a file it only counts them."""

    def __init__(self, clock: Clock, target: ResolvedTarget, path: Path | None = None, *, with_token: bool) -> None:
        """`with_token`: requests carry a bearer token, which the `curl` lines take from $TOKEN."""
        self._clock = clock
        self._target = target
        self.path = path
        self._with_token = with_token
        self.count = 0
        self.standing = set(refused(path)) if path is not None else set[str]()

    def add(self, failure: Failure, request: Request, *, phase: Phase, entity: str, key: str) -> None:
        """Put one down. Raises OutputError."""
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
                f"a refused item cannot be written down: {error.strerror or error}",
                where=str(self.path),
                hint="make room on the disk, then go on with `midaz-seed run --resume`",
            ) from error
        self.standing.add(key)

    def made(self, key: str) -> None:
        """Take an item out that is known to be made; nothing happens when it was not refused.

        Where that cannot be written the old line stays, and costs the next session one look.
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
    """Append a line by one call of the system, as other processes do at the same moment. It begins a line of its own,
    for what is before it may have been cut short."""
    data = b"\n" + orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        written = os.write(fd, data)
        while written < len(data):  # a full disk takes a part first, and the next call says why it takes no more
            written += os.write(fd, data[written:])
    finally:
        os.close(fd)
