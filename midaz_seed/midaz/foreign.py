"""The errors to raise when something other than a Midaz answers, or nothing does: what it is, and what to do."""

from urllib.parse import urljoin, urlsplit

from midaz_seed.errors import NotMidazError, RequestFailedError, TargetError
from midaz_seed.midaz.classify import read_error, redirect
from midaz_seed.midaz.evidence import midaz_code
from midaz_seed.reporting.redaction import redact
from midaz_seed.transport.base import (
    ConnectError,
    OutOfFileDescriptorsError,
    Request,
    Response,
    TransportError,
    UnreadableAnswerError,
)


def foreign_answer(request: Request, response: Response) -> TargetError | None:
    """Return the error for an answer that names a mistake in the settings of the target; None for others."""
    status, body = response.status, response.body
    asked = f"{request.method} {request.path}"
    if 300 <= status < 400:
        location = response.headers.get("Location", "")
        return NotMidazError(f"{asked}: {redact(redirect(status, location))}", hint=_redirect_hint(request, location))
    if midaz_code(body):
        return None
    if status == 400 and b"HTTPS" in body and b"HTTP request" in body:
        return NotMidazError(
            f"{asked}: the server expects https on this port: {_text(response)}",
            hint="write https:// instead of http:// in the target's URL",
        )
    if status == 407:
        return RequestFailedError(
            f"{asked}: the proxy requires a user and a password; it answered {_text(response)}",
            hint="give them in --proxy http://USER:PASSWORD@HOST:PORT",
        )
    return None


def unanswered(request: Request, error: TransportError) -> TargetError:
    """Return the error for a request that got no complete answer."""
    if isinstance(error, UnreadableAnswerError):
        return NotMidazError(f"{request.method} {request.path}: {error}", hint=error.hint)
    if isinstance(error, ConnectError | OutOfFileDescriptorsError):
        return RequestFailedError(str(error), hint=error.hint)
    hint = error.hint or "check the server's health, then run the same command again"
    return RequestFailedError(f"{request.method} {request.path}: {error}", hint=hint)


def _redirect_hint(request: Request, location: str) -> str:
    """Name the base URL to which a redirect leads, if it is one."""
    parts = urlsplit(urljoin("http://same-host.invalid/", location))
    path = request.path.partition("?")[0]
    if location and parts.path.endswith(path) and parts.hostname != "same-host.invalid" and "@" not in parts.netloc:
        base = redact(f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(path)}")
        return f"if the server is there, give its own URL: --base-url {base!r}"
    return "give the URL of the Midaz itself: a login page, a proxy or another program seems to answer"


def _text(response: Response) -> str:
    return redact(" ".join([str(response.status), *read_error(response.body)]).strip())
