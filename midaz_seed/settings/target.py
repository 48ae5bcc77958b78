"""Where requests go: the target's settings made into addresses, and the guard against writing to the wrong server."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from midaz_seed.errors import TargetNotAllowedError, UsageError
from midaz_seed.settings.model import Target

SANDBOX = "sandbox"
LEDGER_PORT = 3002
"""The port of Midaz's unified ledger service (v3.8); it serves onboarding and transactions."""


SPLIT_PORTS = (3000, 3001)
"""The ports of the onboarding and transaction services of Midaz up to v3.4."""


@dataclass(frozen=True)
class ResolvedTarget:
    """The base URLs without a trailing slash; both are empty for the sandbox, which gets its port when it starts."""

    onboarding_url: str
    transaction_url: str
    is_sandbox: bool
    split: "ResolvedTarget | None" = field(default=None, compare=False)
    """Where the two services of an older Midaz would be, when no port was given at all."""


def resolve_target(target: Target) -> ResolvedTarget:
    """The addresses that these settings mean.

    A service's own URL wins. Else its port is its own setting, else the port in the base URL, else 3002 for http (or
    3000 and 3001, where an older Midaz answers) and the usual 443 for https. Names are not resolved: only `localhost`,
    127.0.0.0/8 and ::1 count as this machine.

    Raises UsageError for what is no usable address, TargetNotAllowedError for a host that is neither this machine nor
    in `allow_hosts`.
    """
    if target.base_url == SANDBOX:
        if target.onboarding_port or target.transaction_port or target.onboarding_url or target.transaction_url:
            raise UsageError(
                "the sandbox has one port, which it chooses", hint="leave out the services' own ports and URLs"
            )
        return ResolvedTarget("", "", is_sandbox=True)
    onboarding = target.onboarding_url or target.base_url or target.transaction_url
    transaction = target.transaction_url or target.base_url or target.onboarding_url
    if not onboarding:
        raise UsageError(
            "no target is given",
            hint="name one with --target sandbox (the embedded server) or --base-url URL, such as http://127.0.0.1:3002",
        )
    urls = _split(onboarding), _split(transaction)
    for url in urls:
        _check_allowed(url.hostname or "", target.allow_hosts)
    if target.auth_url:
        _check_allowed(_split(target.auth_url).hostname or "", target.allow_hosts)
    ports = target.onboarding_port, target.transaction_port
    own = target.onboarding_url or target.transaction_url
    guessed = not own and ports == (None, None) and urls[0].port is None and urls[0].scheme == "http"
    split = None
    if guessed:
        split = ResolvedTarget(_address(urls[0], SPLIT_PORTS[0]), _address(urls[1], SPLIT_PORTS[1]), is_sandbox=False)
    return ResolvedTarget(_address(urls[0], ports[0]), _address(urls[1], ports[1]), is_sandbox=False, split=split)


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
