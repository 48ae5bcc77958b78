"""What `run` is about to do, and where: said on a terminal before anything is sent."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from midaz_seed.errors import UnreachableError
from midaz_seed.scenarios.model import DEFAULT_SCENARIO
from midaz_seed.settings.model import Settings
from midaz_seed.settings.sources import LoadedSettings
from midaz_seed.settings.target import resolve_target
from midaz_seed.wording import counted, printable

SANDBOX_HINT = "to try without a server: --target sandbox"


def announcement(loaded: LoadedSettings, resumed: str = "") -> str:
    """Return one line: the server, whether it is this machine, and how much data.

    Args:
        loaded: the settings, with the source of each.
        resumed: the id of the run that is resumed; "" for none.

    Raises:
        UsageError: the target is not a URL, or not allowed.
    """
    settings = loaded.settings
    start = f"Resuming run {resumed} on" if resumed else "Seeding"
    text = f"{start} {_where(loaded)}: {_what(settings)}"
    return printable(text if loaded.sources["target.baseUrl"] != "default" else f"{text}; {SANDBOX_HINT}")


def _where(loaded: LoadedSettings) -> str:
    settings = loaded.settings
    target = resolve_target(settings.target)
    if target.is_sandbox:
        data = settings.sandbox.data
        return f"the embedded server ({f'data in {data}' if data else 'its data ends with this command'})"
    place = "this machine" if is_loopback(target.onboarding_url) else "NOT this machine, allowed by target.allowHosts"
    if loaded.sources["target.baseUrl"] == "default" and settings.target.base_url:
        place += ", because no target is given"
    older = f" or :{urlsplit(target.split.onboarding_url).port}" if target.split else ""
    return f"the Midaz at {target.onboarding_url}{older} ({place})"


def _what(settings: Settings) -> str:
    """Return the size of the plan, as far as it is known before the plan is made."""
    name = settings.scenario.scenario
    if name != DEFAULT_SCENARIO:
        return f"scenario {name}, {counted(_ledgers(settings), 'ledger')}"
    volume = settings.volume
    movements = _ledgers(settings) * volume.accounts_per_ledger * volume.transactions_per_account
    return f"preset {settings.preset}, {counted(_ledgers(settings), 'ledger')}, {counted(movements, 'movement')}"


def _ledgers(settings: Settings) -> int:
    return settings.volume.organizations * settings.volume.ledgers_per_organization


def is_loopback(url: str) -> bool:
    """Return whether a URL names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def with_sandbox_hint(error: UnreachableError, settings: Settings) -> UnreachableError:
    """Return the error of a server on this machine that does not answer, with how to try without one."""
    if settings.target.base_url == "sandbox" or not is_loopback(settings.target.base_url):
        return error
    return UnreachableError(error.message, where=error.where, hint=f"{error.hint}; {SANDBOX_HINT}")
