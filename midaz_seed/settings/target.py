"""Resolve the settings of the target to URLs, and refuse hosts that are not allowed."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from midaz_seed.errors import TargetNotAllowedError, UsageError
from midaz_seed.settings.masking import mask_user_info
from midaz_seed.settings.model import Target

SANDBOX = "sandbox"
LEDGER_PORT = 3002
"""Port of Midaz's unified ledger service (v3.8), which serves onboarding and transactions."""

DEFAULT_URL = "http://127.0.0.1"
"""The target of a command that names none: this machine, where a Midaz for development runs."""

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
    ports = target.onboarding_port, target.transaction_port
    has_own_url = target.onboarding_url or target.transaction_url
    guessed = not has_own_url and ports == (None, None) and urls[0].port is None and urls[0].scheme == "http"
    split = None
    if guessed:
        split = ResolvedTarget(_address(urls[0], SPLIT_PORTS[0]), _address(urls[1], SPLIT_PORTS[1]), is_sandbox=False)
    found = ResolvedTarget(_address(urls[0], ports[0]), _address(urls[1], ports[1]), is_sandbox=False, split=split)
    _check_hosts(target, found)
    return found


def addresses_of(target: Target) -> dict[tuple[str, int], tuple[str, ...]]:
    """Return the IP addresses that `resolve` gives: (host, port) -> addresses; a name may have several entries."""
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    for entry in target.resolve:
        name, port, addresses = entry.split(":", 2)
        key = name.lower(), int(port)
        found[key] = found.get(key, ()) + tuple(address.strip("[]") for address in addresses.split(","))
    return found


def _split(base_url: str) -> SplitResult:
    hint = "write the target as http://HOST:PORT or https://HOST, or the word sandbox"
    shown = repr(mask_user_info(base_url))
    if not base_url.isascii() or not base_url.isprintable() or " " in base_url or "\\" in base_url:
        raise UsageError(f"the target {shown} is not a URL", hint=hint)
    try:
        url = urlsplit(base_url)
        valid = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        valid = False
    if not valid:
        if re.fullmatch(r"(localhost|\[.+\]|[^/:]+\.[^/:]+)(:\d+)?(/.*)?|[^/:]+:\d+(/.*)?", base_url):
            hint = f"did you mean http://{base_url}? {hint}"
        raise UsageError(f"the target {shown} is not an http or https URL", hint=hint)
    if url.query or url.fragment:
        raise UsageError(f"the target {shown} must not have a query or fragment", hint=hint)
    if extra := _ENDPOINT.search(url.path):
        base = f"{url.scheme}://{url.netloc}{url.path[: extra.start()]}"
        raise UsageError(
            f"the path {extra[0]} at the end of the target {shown} is too much: midaz-seed adds the paths of the API",
            hint=f"write {base}",
        )
    return url


_ENDPOINT = re.compile(
    r"/(?:v1(?:/(?:organizations|login|metadata-indexes)(?:/.*)?)?|version|health|readyz|swagger(?:/.*)?)/*$"
)
"""The beginning of an endpoint at the end of a base URL."""


def _check_hosts(target: Target, found: ResolvedTarget) -> None:
    """Refuse hosts that are not allowed, and addresses in `resolve` that would not be used."""
    auth = [_address(_split(target.auth_url), None, default=80)] if target.auth_url else []
    layouts = (found, *([found.split] if found.split else []))
    urls = [url for each in layouts for url in (each.onboarding_url, each.transaction_url)] + auth
    addresses = addresses_of(target)
    used = {_host_and_port(url) for url in ([target.proxy] if target.proxy else urls)}
    for host, port in {_host_and_port(url): None for url in urls}:
        _check_allowed(host, addresses.get((host, port), ()), target.allow_hosts)
    for host, port in addresses.keys() - used:
        names = ", ".join(sorted(f"{name}:{number}" for name, number in used))
        raise UsageError(
            f"--resolve gives an address for {host}:{port}, which is not connected to",
            hint=f"this run connects to {names}" + (" (the proxy resolves the others)" if target.proxy else ""),
        )


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _check_allowed(host: str, addresses: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    """Check a host and the addresses that it is resolved to, if they are given."""
    names = {name.lower().strip("[]") for name in allowed}
    if host in names:
        return
    for each in (host, *addresses):
        if not _is_loopback(each) and each not in names:
            raise TargetNotAllowedError(
                f"{each} is neither loopback nor in the list of allowed hosts",
                hint=f"to allow it, add --allow-host {each}",
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _address(url: SplitResult, port: int | None, *, default: int = LEDGER_PORT) -> str:
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    port = port or url.port or (default if url.scheme == "http" else None)
    return f"{url.scheme}://{host}{f':{port}' if port else ''}{url.path.rstrip('/')}"
