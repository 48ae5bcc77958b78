"""Types of the values of settings: counts, times, hosts, tokens, headers."""

import re
import string
from dataclasses import dataclass
from datetime import date, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from midaz_seed.model.ledger_shard import read_slice
from midaz_seed.model.rate_curve import FORM as RATE_CURVE_FORM
from midaz_seed.model.rate_curve import parse_rate_curve
from midaz_seed.model.read_mix import FORM as READ_MIX_FORM
from midaz_seed.model.read_mix import parse_read_mix
from midaz_seed.model.thresholds import FORM, parse_threshold
from midaz_seed.scenarios.model import Scenario, read_canonical
from midaz_seed.settings.masking import EXAMPLE

EXPLAINED = "explained"
"""The type of an error whose message says what is wrong with a value."""


@dataclass(frozen=True)
class Expectation:
    """A description of the valid values, for messages and the reference, where the type does not give one."""

    text: str


def _split(value: object) -> object:
    """Accept a list as one text with commas, the only form for an environment variable."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list) else value


_UNITS = {"s": 1, "m": 60, "h": 3600}


def _duration(value: object) -> object:
    """Accept a time with its unit: 90s, 10m, 2h."""
    if isinstance(value, str) and value[-1:] in _UNITS:
        try:
            return float(value[:-1]) * _UNITS[value[-1]]
        except ValueError:
            return value
    return value


def explained(reason: str) -> PydanticCustomError:
    """Return the error to raise for an invalid value whose message is `reason`, without the value."""
    return PydanticCustomError(EXPLAINED, "{reason}", {"reason": reason})


def _stripped(secret: object) -> object:
    """Remove what editors, shells and CI systems add to a secret: spaces, line ends, a byte-order mark."""
    if isinstance(secret, SecretStr):
        secret = secret.get_secret_value()
    return secret.strip(string.whitespace + "\ufeff") if isinstance(secret, str) else secret


def _bare_token(token: object) -> object:
    """Accept a token as it stands in a header: `Bearer abc`, `Authorization: Bearer abc`."""
    return re.sub(r"(?i)^(authorization:\s*)?bearer(\s+|$)", "", token) if isinstance(token, str) else token


def _header_safe(token: SecretStr) -> SecretStr:
    """Refuse a token that is no valid header value: a line break in it would start another header."""
    value = token.get_secret_value()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("not a token")
    return token


def _listed(value: object) -> object:
    """Accept a single header without a list."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


_TRANSPORT = "it is set by the HTTP client for each request: leave it out"
_KEYS = "it is set for each transaction, to make it exactly once: leave it out"
_OWNED = {
    "content-length": _TRANSPORT,
    "transfer-encoding": _TRANSPORT,
    "connection": _TRANSPORT,
    "keep-alive": _TRANSPORT,
    "proxy-connection": _TRANSPORT,
    "te": _TRANSPORT,
    "trailer": _TRANSPORT,
    "upgrade": _TRANSPORT,
    "expect": "requests are sent without waiting for an interim answer: leave it out",
    "accept-encoding": "answers are read uncompressed: leave it out",
    "x-idempotency": _KEYS,
    "x-ttl": f"{_KEYS}; idempotency.ttlS sets the lifetime",
}
"""Headers that cannot be given -> why."""


def _header_line(line: SecretStr) -> SecretStr:
    """Refuse text that is not exactly one header, because it becomes part of every request."""
    text = line.get_secret_value()
    name = text.partition(":")[0]
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or ":" not in text:
        raise ValueError("not a header")
    if not re.fullmatch(r"[\x20-\x7e\t]*", text.partition(":")[2]):
        raise explained(f"the value of the header {name} has characters other than printable ASCII")
    if reason := _OWNED.get(name.lower()):
        raise explained(f"the header {name} cannot be given: {reason}")
    return line


def _once_each(lines: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    """Refuse a header that is given twice, because servers differ in which one they use."""
    names = [line.get_secret_value().partition(":")[0].lower() for line in lines]
    for name in names:
        if names.count(name) > 1:
            raise explained(f"the header {name} is given twice (names are compared without case)")
    return lines


def _threshold(text: str) -> str:
    """Return an expression with single spaces. Refuse what is none, or has an unknown measure."""
    try:
        return parse_threshold(text).expression
    except ValueError as error:
        raise explained(str(error)) from None


def _words(value: object) -> object:
    """Accept a list as one text with spaces."""
    return tuple(value.split()) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _resolve_entry(entry: str) -> str:
    """Refuse what is not NAME:PORT:ADDRESS."""
    match = re.fullmatch(r"([A-Za-z0-9._-]+):(\d{1,5}):(\S+)", entry)
    if not match or not 0 < int(match[2]) < 65536:
        raise ValueError("not an entry")
    for address in match[3].split(","):
        ip_address(address.strip("[]"))
    return entry


def _without_user_info(url: str) -> str:
    """Refuse a user or password in the URL of a server, which would reach logs and reports."""
    if "@" in url or "%40" in url:
        raise explained("the URL must not contain a user or a password; give a token with --auth-token-file instead")
    return url


def _proxy_url(url: str) -> str:
    """Refuse what is not the URL of a proxy. The reasons do not contain it, because it may hold a password."""
    if not url:
        return url
    form = f"write it as http://HOST:PORT or http://{EXAMPLE}"
    if "***@" in url:
        raise explained("the proxy's user and password are not stored with a run: give --proxy again")
    if not url.isascii() or not url.isprintable() or re.search(r"[\s\\]", url):
        raise explained(f"it is not a URL: {form}, with other characters percent-encoded")
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        valid = valid and "%" not in parts.netloc.rpartition("@")[2]
    except ValueError:
        valid = False
    if not valid or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise explained(f"it is not the http or https URL of a proxy: {form}")
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    try:
        (unquote(user, errors="strict") + unquote(password, errors="strict")).encode("latin-1")
    except UnicodeError:
        raise explained("its user or password has characters that a proxy cannot receive (Latin-1 only)") from None
    if "@" in user + password or ":" in unquote(user):
        raise explained(
            f"its user and password are not clear: {form}, with an @ in them percent-encoded, and no colon in the user"
        )
    return url


def read_scenario(value: object, now: datetime | None = None) -> Scenario:
    """Return the scenario of a name, a file, or the text that is stored with a run.

    Args:
        value: what was given.
        now: refuse a scenario file whose last day is not over; None: not checked.

    Raises:
        ValueError: it is none of these.
        ConfigurationError: the scenario is not valid, with every problem.
    """
    from midaz_seed.scenarios.loader import load_scenario

    if isinstance(value, Scenario):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("not a scenario")
    return read_canonical(value) if value.startswith("{") else load_scenario(value, now=now)


def _scenario(value: object) -> Scenario:  # pydantic would pass something of its own as a second parameter
    return read_scenario(value)


def _iso_date(value: object) -> object:
    """Read a date as in ISO 8601: 2026-11-25."""
    return date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-11-25") else value


def _manifest_file(path: Path) -> Path:
    if path.suffix not in (".json", ".csv"):
        raise ValueError("its name must end in .json or .csv")
    return path


Auto = Literal["auto"]
ManifestFile = Annotated[Path, AfterValidator(_manifest_file), Expectation("the path of a file: .json or .csv")]
ScenarioValue = Annotated[
    Scenario,
    BeforeValidator(_scenario),
    PlainSerializer(lambda scenario: scenario.scenario, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "default": "classic"}),
    Expectation("the name of a built-in scenario, or the path of a scenario file"),
]
"""Kept as the resolved scenario; written in reports as its name."""
Day = Annotated[date, BeforeValidator(_iso_date), Expectation("a date, such as 2026-11-25")]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Positive = Annotated[int, Field(ge=1, le=10_000_000)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Duration = Annotated[
    float,
    BeforeValidator(_duration),
    Field(ge=0, le=604_800),
    Expectation("a number of seconds up to 604,800, or a time such as 90s, 10m or 2h"),
]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:\[\]-]+$")]
Hosts = Annotated[
    tuple[Host, ...], BeforeValidator(_split), Expectation("a list of host names, without http:// and port")
]
Secret = Annotated[
    SecretStr,
    BeforeValidator(_stripped),
    AfterValidator(_header_safe),
    Expectation("one word of printable ASCII characters"),
]
Token = Annotated[
    SecretStr,
    BeforeValidator(lambda value: _bare_token(_stripped(value))),
    AfterValidator(_header_safe),
    Expectation("one word of printable ASCII characters"),
]
Header = Annotated[SecretStr, AfterValidator(_header_line)]
Headers = Annotated[
    tuple[Header, ...],
    BeforeValidator(_listed),
    AfterValidator(_once_each),
    Expectation("a list of headers, each as Name: value"),
]
FailIf = Annotated[
    tuple[Annotated[str, AfterValidator(_threshold)], ...],
    BeforeValidator(_split),
    Expectation(f"a list of expressions, each as {FORM}"),
]
Resolve = Annotated[
    tuple[Annotated[str, AfterValidator(_resolve_entry)], ...],
    BeforeValidator(_words),
    Expectation("a list of entries, each as NAME:PORT:ADDRESS with an IP address, or several with commas"),
]
Url = Annotated[str, AfterValidator(_without_user_info), Expectation("text")]
ProxyUrl = Annotated[str, AfterValidator(_proxy_url), Expectation("text")]


def _slice(text: str) -> str:
    return str(read_slice(text)) if text else text


def _rate_curve(text: str) -> str:
    """Refuse what is no curve of a rate."""
    try:
        parse_rate_curve(text)
    except ValueError as error:
        raise explained(str(error)) from None
    return text.strip()


def _read_mix(text: str) -> str:
    """Refuse what is no mix of reads."""
    try:
        parse_read_mix(text)
    except ValueError as error:
        raise explained(str(error)) from None
    return text


ReadMixText = Annotated[str, AfterValidator(_read_mix), Expectation(READ_MIX_FORM)]
RateCurveText = Annotated[str, AfterValidator(_rate_curve), Expectation(RATE_CURVE_FORM)]
SliceName = Annotated[str, AfterValidator(_slice), Expectation("i/n, such as 2/8: the second of eight")]
RunId = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$"),
    Expectation("1 to 40 characters of a-z, 0-9 and -, no leading -"),
]
