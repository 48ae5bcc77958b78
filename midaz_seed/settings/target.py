"""Where requests go: the target's settings made into addresses, and the guard against writing to the wrong server."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from midaz_seed.errors import TargetNotAllowedError, UsageError
from midaz_seed.settings.model import Target

SANDBOX = "sandbox"
LEDGER_PORT = 3002
"""The port of Midaz's unified ledger service (v3.8); it serves onboarding and transactions."""


@dataclass(frozen=True)
class ResolvedTarget:
    """The base URLs without a trailing slash; both are empty for the sandbox, which gets its port when it starts."""

    onboarding_url: str
    transaction_url: str
    is_sandbox: bool


def resolve_target(target: Target) -> ResolvedTarget:
    """The addresses that these settings mean.

    A service's port is its own setting, else the port in the URL, else 3002 for http and the usual 443 for https.
    Raises UsageError for what is no usable address, TargetNotAllowedError for a host that is neither this machine nor
    in `allow_hosts`. Names are not resolved: only `localhost`, 127.0.0.0/8 and ::1 count as this machine.
    """
    if not target.base_url:
        raise UsageError(
            "no target is given",
            hint="name one with --target sandbox (the embedded server) or --base-url URL, such as http://127.0.0.1:3002",
        )
    if target.base_url == SANDBOX:
        if target.onboarding_port or target.transaction_port:
            raise UsageError(
                "the sandbox has one port, which it chooses", hint="leave out the onboarding and transaction ports"
            )
        return ResolvedTarget("", "", is_sandbox=True)
    url = _split(target.base_url)
    _check_allowed(url.hostname or "", target.allow_hosts)
    return ResolvedTarget(
        _address(url, target.onboarding_port), _address(url, target.transaction_port), is_sandbox=False
    )


def _split(base_url: str) -> SplitResult:
    hint = "write the target as http://HOST:PORT or https://HOST, or the word sandbox"
    if "@" in base_url.partition("://")[2].partition("/")[0]:
        raise UsageError(
            "the target's URL must not hold a user or password", hint="give a token with --auth-token-file instead"
        )
    if not base_url.isascii() or not base_url.isprintable() or " " in base_url or "\\" in base_url:
        raise UsageError(f"the target {base_url!r} is not a URL", hint=hint)
    try:
        url = urlsplit(base_url)
        valid = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(f"the target {base_url} is not a URL with http or https", hint=hint)
    if url.query or url.fragment:
        raise UsageError(f"the target {base_url} must end before the ? or #", hint=hint)
    return url


def _check_allowed(host: str, allowed: tuple[str, ...]) -> None:
    if _is_loopback(host) or host in {name.lower().strip("[]") for name in allowed}:
        return
    raise TargetNotAllowedError(
        f"{host} is not this machine, and it is not in the list of hosts that may be written to",
        hint=f"if it is meant, add --allow-host {host}",
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
