"""Resolve the settings of the target to URLs, and refuse hosts that are not allowed."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from midaz_seed.errors import TargetNotAllowedError, UsageError
from midaz_seed.settings.model import Target

SANDBOX = "sandbox"
LEDGER_PORT = 3002
"""Port of Midaz's unified ledger service (v3.8), which serves onboarding and transactions."""

SPLIT_PORTS = (3000, 3001)
"""Ports of the onboarding and the transaction service of Midaz up to v3.4."""


@dataclass(frozen=True)
class ResolvedTarget:
    """The base URLs, without a trailing slash. Both are empty for the sandbox, whose port is not known yet."""

    onboarding_url: str
    transaction_url: str
    is_sandbox: bool
    split: "ResolvedTarget | None" = field(default=None, compare=False)
    """The URLs of an older Midaz with two services, to try as well when no port is given."""


def resolve_target(target: Target) -> ResolvedTarget:
    """Resolve the settings to the URLs of the two services.

    A service's own URL has precedence. Otherwise its port is its own setting, else the port in the base URL, else 3002
    for http (or 3000 and 3001 of an older Midaz) and 443 for https. Host names are not resolved: only `localhost`,
    127.0.0.0/8 and ::1 are loopback.

    Raises:
        UsageError: for an invalid URL.
        TargetNotAllowedError: for a host that is neither loopback nor in `allow_hosts`.
    """
    if target.base_url == SANDBOX:
        if target.onboarding_port or target.transaction_port or target.onboarding_url or target.transaction_url:
            raise UsageError(
                "the target sandbox has no ports or URLs of its own", hint="remove the ports and URLs of the services"
            )
        return ResolvedTarget("", "", is_sandbox=True)
    onboarding = target.onboarding_url or target.base_url or target.transaction_url
    transaction = target.transaction_url or target.base_url or target.onboarding_url
    if not onboarding:
        raise UsageError(
            "no target is given",
            hint="use --target sandbox (the embedded server) or --base-url URL, such as http://127.0.0.1:3002",
        )
    urls = _split(onboarding), _split(transaction)
    for url in urls:
        _check_allowed(url.hostname or "", target.allow_hosts)
    if target.auth_url:
        _check_allowed(_split(target.auth_url).hostname or "", target.allow_hosts)
    ports = target.onboarding_port, target.transaction_port
    has_own_url = target.onboarding_url or target.transaction_url
    guessed = not has_own_url and ports == (None, None) and urls[0].port is None and urls[0].scheme == "http"
    split = None
    if guessed:
        split = ResolvedTarget(_address(urls[0], SPLIT_PORTS[0]), _address(urls[1], SPLIT_PORTS[1]), is_sandbox=False)
    return ResolvedTarget(_address(urls[0], ports[0]), _address(urls[1], ports[1]), is_sandbox=False, split=split)


def _split(base_url: str) -> SplitResult:
    hint = "write the target as http://HOST:PORT or https://HOST, or the word sandbox"
    if "@" in base_url.partition("://")[2].partition("/")[0]:
        raise UsageError(
            "the target's URL must not contain a user or password", hint="give a token with --auth-token-file instead"
        )
    if not base_url.isascii() or not base_url.isprintable() or " " in base_url or "\\" in base_url:
        raise UsageError(f"the target {base_url!r} is not a URL", hint=hint)
    try:
        url = urlsplit(base_url)
        valid = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(f"the target {base_url} is not an http or https URL", hint=hint)
    if url.query or url.fragment:
        raise UsageError(f"the target {base_url} must not have a query or fragment", hint=hint)
    return url


def _check_allowed(host: str, allowed: tuple[str, ...]) -> None:
    if _is_loopback(host) or host in {name.lower().strip("[]") for name in allowed}:
        return
    raise TargetNotAllowedError(
        f"{host} is neither loopback nor in the list of allowed hosts",
        hint=f"to allow it, add --allow-host {host}",
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _address(url: SplitResult, port: int | None) -> str:
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    port = port or url.port or (LEDGER_PORT if url.scheme == "http" else None)
    return f"{url.scheme}://{host}{f':{port}' if port else ''}{url.path.rstrip('/')}"
