"""Who may see a page: the token, the cookie of the login form, and the checks on every request.

On loopback there is no token unless one is given, so requests must name this machine in their `Host` header: a page of
another site whose name resolves to 127.0.0.1 (DNS rebinding) names that site. TLS is not served here.
"""

import hmac
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from midaz_seed.errors import ConfigurationError
from midaz_seed.listening import is_loopback_name
from midaz_seed.pages.rendering import render_page
from midaz_seed.reporting.logs import log
from midaz_seed.reporting.redaction import remember
from midaz_seed.settings.secret_files import read_secret

TOKEN_VARIABLE = "MIDAZ_SEED_WEB_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_CHARACTERS_MIN = 16
"""Fewer can be guessed."""
TOKEN_BYTES = 24
ACTION_HEADER = "X-Midaz-Seed-Action"
"""Must be on every request that changes something. Browsers let only pages of the same origin send it."""
FORM_BYTES_MAX = 4096

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "midaz-seed",
}
PAGE_POLICY = "frame-ancestors 'none'; object-src 'none'; base-uri 'none'"
"""For a page, which has the rest of its policy in itself (`pages.rendering`): the hashes of its scripts."""
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For a report, which is one file with its scripts inside: `sandbox` takes it the origin, so that it can reach neither
the cookie nor the other pages."""


@dataclass(frozen=True, slots=True)
class Access:
    """Decides which requests are answered."""

    token: str
    """"" when none is required."""
    is_loopback: bool
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(TOKEN_BYTES), repr=False)
    """The value that the cookie has after a login. It is not the token, so that the token is not stored."""

    def has_token(self, request: web.Request) -> bool:
        """Return whether a request has the token, or the cookie of a login, in constant time."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        by_header = scheme.lower() == "bearer" and same(given.strip(), self.token)
        return same(request.cookies.get(cookie_name(request), ""), self.cookie) or by_header

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        """Answer the login form: set the cookie and show the page, or show the form again."""
        given = (await request.post()).get("token", "")
        if not isinstance(given, str) or not same(given.strip(), self.token):
            return self._form("This is not the token.")
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(cookie_name(request), self.cookie, httponly=True, samesite="Strict", path="/")
        return answer

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        """Return the answer to a request that is refused; None for the others."""
        if self.is_loopback and not self.token and not is_loopback_name(request.host):
            text = "This page is served to this machine only: open it as localhost or 127.0.0.1.\n"
            return web.Response(status=421, text=text)
        if request.method not in ("GET", "HEAD") and not _is_own(request):
            return web.Response(status=403, text="This request comes from another site.\n")
        if not self.token or self.has_token(request) or is_open(request):
            return None
        if "text/html" in request.headers.get("Accept", ""):
            return self._form("")
        return web.Response(
            status=401, text="A token is required.\n", headers={"WWW-Authenticate": 'Bearer realm="midaz-seed"'}
        )

    @staticmethod
    def _form(message: str) -> web.Response:
        text = render_page("login.html.j2", connects=True, version=version("midaz-seed"), message=message)
        return web.Response(status=401, text=text, content_type="text/html")


def same(given: str, expected: str) -> bool:
    """Compare two secrets in a time that says nothing about where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def cookie_name(request: web.Request) -> str:
    """Return the name of the cookie. Cookies do not know ports, so that it has the port in its name."""
    port = request.host.rpartition(":")[2]
    return f"midaz_seed_{port}" if port.isdecimal() else "midaz_seed"


def is_open(request: web.Request) -> bool:
    """Return whether a request needs no token: the login, and the health check, which shows nothing."""
    return request.path in ("/login", "/healthz")


def _is_own(request: web.Request) -> bool:
    """Return whether a request that changes something comes from our own page, or from a program."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return False
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


def guard(access: Access) -> Middleware:
    """Return the middleware that refuses requests, adds the headers, and turns failures into short answers."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            answer = access.refusal(request) or await handler(request)
        except web.HTTPException as error:
            _secure(error)
            raise
        except ConnectionError:  # the browser has gone
            raise
        except Exception as error:  # noqa: BLE001 - a page must not end in a traceback, and its run must continue
            log(logging.ERROR, "page failed", path=request.path, error=f"{type(error).__name__}: {error}")
            answer = web.Response(status=500, text="The page could not be made. The log has the reason.\n")
        if not answer.prepared:
            _secure(answer)
        return answer

    return guarded


def _secure(answer: web.StreamResponse) -> None:
    """Add the headers that every answer has, except for those that it has already."""
    policy = {"Content-Security-Policy": PAGE_POLICY} if answer.content_type == "text/html" else {}
    answer.headers.update({name: value for name, value in (HEADERS | policy).items() if name not in answer.headers})


def find_token(environ: Mapping[str, str], file: Path | None, *, is_loopback: bool) -> tuple[str, bool]:
    """Return the token of the page, and whether it was generated now, so that it has to be shown.

    It is the one in the file, else that of the variable, else a new one where other machines can reach the page.

    Raises:
        ConfigurationError: the file cannot be read, or the token is too short.
    """
    where = str(file) if file is not None else f"environment {TOKEN_VARIABLE}"
    try:
        given = read_secret(file) if file is not None else environ.get(TOKEN_VARIABLE, "")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"the token of the page cannot be read: {reason}", where=where, hint="write the token alone into the file"
        ) from None
    token = given.strip()
    if not token and file is None:
        generated = "" if is_loopback else secrets.token_urlsafe(TOKEN_BYTES)
        remember([generated])
        return generated, bool(generated)
    if len(token) < TOKEN_CHARACTERS_MIN or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            f"the token of the page must have at least {TOKEN_CHARACTERS_MIN} ASCII characters, without spaces",
            where=where,
            hint="make one with `openssl rand -base64 24`; without any, one is generated where it is needed",
        )
    remember([token])
    return token, False
