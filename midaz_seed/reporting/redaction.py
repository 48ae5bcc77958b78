"""Mask secrets in text: those that this process was given, in every form, and what looks like one.

The known secrets are kept for the whole process, although little else is: a message about a failure can be built
anywhere, by any call of the library, and a server can repeat a secret in a form that no pattern recognizes.
"""

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "***"
SECRET_MIN = 6
"""Characters of the shortest secret that is masked wherever it is: shorter ones are in ordinary words."""
HEADER_MIN = 8
"""The same for the value of a header, which need not be a secret."""
_READ_FACTOR = 16
_NAME = r"(?:token|secret|passw(?:or)?d|api[-_]?key|authorization)"
SECRET_NAME = re.compile(rf"(?i){_NAME}")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+")
_USERINFO = re.compile(r"(?i)(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*+://)(?!USER:PASSWORD@HOST:PORT)[^/\s\"]+@")
"""Except for the words with which messages show how to write a URL."""
_ASSIGNED = re.compile(
    rf"""(?isx) (?<![\w-]) ( (?= [\w-]*? {_NAME} ) [\w-]++ (?: \\?["'] )? \s*+ [:=] \s*+ )
    (?: (\\") (?: (?!\\") . )* (?: \\" | $ )           # in JSON inside of a string
      | (")   (?: [^"\\] | \\ (?: . | $ ) )* (?: " | $ ) # the closing quote may have been cut off
      | (')   (?: [^'\\] | \\ (?: . | $ ) )* (?: ' | $ )
      | \[   [^\]]* (?: \] | $ )
      | (?: (?: bearer | basic | token ) \s+ )? [^\s"',;&}}]+ )"""
)
"""Possessive quantifiers for names keep the time linear in the length of the text."""


class _Known:
    """The secrets of this process."""

    def __init__(self) -> None:
        self.forms: set[str] = set()
        self.pattern: re.Pattern[str] | None = None


_known = _Known()


def remember(secrets: Iterable[str], *, shortest: int = SECRET_MIN) -> None:
    """Mask these texts from now on wherever `redact` finds them; those shorter than `shortest` are left out."""
    forms = {form for secret in secrets if len(secret) >= shortest for form in _forms(secret)}
    if forms <= _known.forms:
        return
    _known.forms |= forms
    longest_first = sorted(_known.forms, key=len, reverse=True)
    _known.pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)


def remember_header(value: str) -> None:
    """Mask the value of a header, its credentials without their scheme, and a user and password in them."""
    remember([value], shortest=HEADER_MIN)
    scheme, _, credentials = value.strip().partition(" ")
    remember([credentials])
    if scheme.lower() == "basic":
        try:
            user_and_password = base64.b64decode(credentials).decode()
        except ValueError:
            return
        remember([user_and_password, user_and_password.partition(":")[2]])


def remember_url(url: str) -> None:
    """Mask the password of a URL."""
    password = urlsplit(url).password or ""
    remember([password, unquote(password)])


def _forms(secret: str) -> set[str]:
    """Return the secret as it is, in JSON, encoded for a URL, and in the middle of something in base64."""
    data = secret.encode("utf-8", "surrogatepass")
    forms = {secret, json.dumps(secret)[1:-1], quote(secret), quote(secret, safe=""), quote_plus(secret)}
    for shift in range(3):
        # the characters at both ends of the encoding depend on what is around the secret too
        start, end = (0, 2, 3)[shift], 8 * (shift + len(data)) // 6
        encoded = base64.b64encode(bytes(shift) + data).decode()[start:end]
        if len(encoded) >= SECRET_MIN:
            forms |= {encoded, quote(encoded, safe=""), encoded.translate(str.maketrans("+/", "-_"))}
    return forms


def redact(text: str) -> str:
    """Mask the known secrets, bearer tokens, credentials in URLs, and values whose name looks like that of a secret."""
    if _known.pattern is not None:
        text = _known.pattern.sub(MASK, text)
    text = _ASSIGNED.sub(_mask_value, text)
    text = _BEARER.sub(lambda match: f"{match[1]} {MASK}", text)
    return _USERINFO.sub(lambda match: f"{match[1]}{MASK}@", text)


def redacted_start(text: str | bytes, limit: int) -> str:
    """Return the beginning of a foreign text in one line of about `limit` characters, with secrets masked.

    They are masked before the text is cut: a part of a secret would not be recognized.
    """
    start = text[: _READ_FACTOR * limit]
    words = (start.decode("utf-8", "replace") if isinstance(start, bytes) else start).split()
    if len(start) < len(text) and len(words) > 1:
        words.pop()  # it may be cut
    shown = redact(" ".join(words))
    return shown if len(shown) <= limit and len(start) == len(text) else f"{shown[:limit]}..."


def _mask_value(match: re.Match[str]) -> str:
    quotes = match[2] or match[3] or match[4] or ""
    return f"{match[1]}{quotes}{MASK}{quotes}"
