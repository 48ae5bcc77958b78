"""What the server refused for good, one JSON object a line: for `midaz-seed retry`, and for who looks for the cause.

Each line has the item's key, the request, the last answer, and a `curl` command that repeats it; credentials are left
out of it.
"""

import shlex
from datetime import UTC, datetime
from pathlib import Path

import orjson

from midaz_seed.clock import Clock
from midaz_seed.errors import OutputError
from midaz_seed.model.outcomes import Failure
from midaz_seed.plan.items import Phase
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.transport.base import Request, Service

TOKEN_VARIABLE = "TOKEN"  # noqa: S105 - the name of the shell variable that a reader puts the token into


class Rejects:
    """Takes every item that failed for good. Without a file it only counts them."""

    def __init__(
        self, clock: Clock, target: ResolvedTarget, path: Path | None = None, *, with_token: bool, begin: bool = True
    ) -> None:
        """`with_token`: requests carry a bearer token, which the `curl` lines take from $TOKEN. `begin`: what earlier
        sessions put down is sent again by this one, so the file begins anew."""
        self._clock = clock
        self._target = target
        self.path = path
        self._with_token = with_token
        self.count = 0
        if path is not None and begin:
            self._write(b"", "wb")

    def add(self, failure: Failure, request: Request, *, phase: Phase, entity: str, key: str) -> None:
        """Put one down. Raises OutputError."""
        self.count += 1
        if self.path is None:
            return
        line = {
            "key": key,
            "phase": phase,
            "entity": entity,
            "at": datetime.fromtimestamp(self._clock.time(), UTC).isoformat(timespec="milliseconds"),
            "error": failure.error,
            "status": failure.status or None,
            "code": failure.code,
            "message": failure.message,
            "answer": failure.answer,
            "attempts": failure.attempts,
            "request": {"method": request.method, "path": request.path, "body": (request.body or b"").decode()},
            "curl": self._curl(request),
        }
        self._write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE), "ab")

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

    def _write(self, data: bytes, mode: str) -> None:
        assert self.path is not None
        try:
            with self.path.open(mode) as stream:
                stream.write(data)
        except OSError as error:
            raise OutputError(
                f"a refused item cannot be written down: {error.strerror or error}",
                where=str(self.path),
                hint="make room on the disk, then go on with `midaz-seed run --resume`",
            ) from error
