"""The balance endpoints, and the default balance of every account."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from midaz_seed.sandbox.core import decimals, ids
from midaz_seed.sandbox.core.decimals import text_of
from midaz_seed.sandbox.core.error_codes import RefusedError
from midaz_seed.sandbox.core.ledger import Balance
from midaz_seed.sandbox.core.messages import Call, Reply, empty_reply, json_reply
from midaz_seed.sandbox.entities.body_reader import read_body
from midaz_seed.sandbox.entities.kinds import BALANCE_NEW, BALANCE_PATCH
from midaz_seed.sandbox.entities.list_queries import by_cursor, read_listing
from midaz_seed.sandbox.storage.state import EntityDoc, LedgerState, SandboxState

OVERDRAFT_KEY = "overdraft"
USED_WITHIN_S = 3600.0
"""An account used within this time cannot be deleted, even when it is empty: the real server still caches its
balance."""
_NO_LIMIT = Decimal("Infinity")
_INTERNAL: dict[str, Any] = {"balanceScope": "internal", "allowOverdraft": False, "overdraftLimitEnabled": False}


@dataclass(frozen=True, slots=True)
class NewBalance:
    """The choices of a client for an additional balance."""

    allow_sending: bool = True
    allow_receiving: bool = True
    direction: str = ""
    settings: dict[str, Any] | None = None


_DEFAULT = NewBalance()


def add_balance(
    state: SandboxState, account: EntityDoc, key: str, chosen: NewBalance = _DEFAULT, *, delayed: bool = False
) -> Balance:
    """Add a balance to an account; a `delayed` one appears after the delay of the dialect or of a fault."""
    epoch_s, stamp = state.now()
    balance_id = state.new_id(epoch_s)
    external = account["type"] == "external"
    delay_s = state.default_balance_delay_ms / 1000 if delayed else 0.0
    balance = Balance(
        number=ids.number_of(balance_id),
        id=balance_id,
        account_id=account["id"],
        alias=account["alias"],
        key=key,
        asset=account["assetCode"],
        account_type=account["type"],
        direction=chosen.direction or (state.dialect.external_direction if external else "credit"),
        created_at=stamp,
        updated_at=stamp,
        allow_sending=chosen.allow_sending,
        allow_receiving=chosen.allow_receiving,
        settings=chosen.settings,
        overdraft_limit=overdraft_limit(chosen.settings),
        visible_from_s=epoch_s + delay_s if delay_s else 0.0,
    )
    prepare(balance, account["organizationId"], account["ledgerId"])
    state.save_balance(state.ledger_state(account["organizationId"], account["ledgerId"]), balance)
    return balance


def prepare(balance: Balance, org_id: str, ledger_id: str) -> None:
    """Render the part of the balance's operations that never changes."""
    balance.json = orjson.dumps(
        {
            "accountId": balance.account_id,
            "accountAlias": balance.alias,
            "balanceKey": balance.key,
            "balanceId": balance.id,
            "organizationId": org_id,
            "ledgerId": ledger_id,
        }
    )[1:-1].decode()


def overdraft_limit(settings: dict[str, Any] | None) -> Decimal | None:
    """Return the overdraft limit of a balance with these settings; None when it may not be overdrawn."""
    if not settings or not settings["allowOverdraft"]:
        return None
    return decimals.parse(settings["overdraftLimit"]) if settings["overdraftLimitEnabled"] else _NO_LIMIT


def companion_of(ledger: LedgerState, balance: Balance) -> Balance | None:
    """Return the balance that holds the overdraft of another."""
    return ledger.balance_by_key.get(f"{balance.alias}#{OVERDRAFT_KEY}")


def is_visible(state: SandboxState, balance: Balance) -> bool:
    """Return whether a balance has appeared yet."""
    if state.lag is not None and not state.lag.has_seen(balance):
        return False
    return not balance.visible_from_s or balance.visible_from_s <= state.clock.time()


def may_move(state: SandboxState, balance: Balance, *, sends: bool) -> bool:
    """Return whether a leg may debit (`sends`) or credit a balance. A balance in use keeps its former permissions for
    a while."""
    former = balance.former_permissions
    if former is not None and state.clock.time() < former[2]:
        return former[0] if sends else former[1]
    return balance.allow_sending if sends else balance.allow_receiving


def show(
    state: SandboxState, ledger: LedgerState, balance: Balance, settings: dict[str, Any] | None = None
) -> EntityDoc:
    """Return a balance as an answer shows it."""
    limit = balance.overdraft_limit
    amounts, held, used = balance.state, balance.available, balance.overdraft_used
    if state.lag is not None:
        amounts = state.lag.state_of(balance)
        held, used = Decimal(amounts[0]), Decimal(amounts[3])
    left = "0" if limit is None or limit == _NO_LIMIT else text_of(decimals.subtract(limit, used))
    shown: EntityDoc = {
        "id": balance.id,
        "organizationId": ledger.org_id,
        "ledgerId": ledger.ledger_id,
        "accountId": balance.account_id,
        "alias": balance.alias,
        "key": balance.key,
        "assetCode": balance.asset,
        "available": amounts[0],
        "onHold": amounts[1],
        "version": amounts[2],
        "accountType": balance.account_type,
        "allowSending": balance.allow_sending,
        "allowReceiving": balance.allow_receiving,
    }
    stamps = {"createdAt": balance.created_at, "updatedAt": balance.updated_at, "deletedAt": None}
    if not state.dialect.has("balance-settings"):
        return shown | stamps
    shown |= {"direction": balance.direction, "overdraftUsed": amounts[3]}
    if settings is not None:
        shown["settings"] = settings
    elif balance.settings is not None:
        shown["settings"] = {"balanceScope": "transactional", **balance.settings}
    own = text_of(decimals.subtract(held, used))
    shown |= {
        **stamps,
        "position": {"available": own, "onHold": shown["onHold"], "overdraftLimitAvailable": left},
    }
    return shown


# ---- handlers


def list_all(state: SandboxState, call: Call) -> Reply:
    """List the balances of a ledger."""
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    return _page(state, call, ledger, list(ledger.balances.values()))


def list_of_account(state: SandboxState, call: Call) -> Reply:
    """List the balances of an account."""
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    return _page(state, call, ledger, ledger.balances_by_account.get(call.params[2], []))


def _page(state: SandboxState, call: Call, ledger: LedgerState, balances: list[Balance]) -> Reply:
    listing = read_listing(call.query(), state.dialect)
    items, cursors = by_cursor(
        balances,
        lambda balance: balance.id,
        listing,
        state.dialect,
        lambda balance: is_visible(state, balance),
    )
    return json_reply(
        200, {"items": [show(state, ledger, balance) for balance in items], "limit": listing.limit, **cursors}
    )


def list_by_alias(state: SandboxState, call: Call) -> Reply:
    """List the balances of the account with an alias."""
    return _by_alias(state, call, call.params[2])


def list_by_external_code(state: SandboxState, call: Call) -> Reply:
    """List the balances of the external account of an asset."""
    return _by_alias(state, call, f"@external/{call.params[2]}")


def _by_alias(state: SandboxState, call: Call, alias: str) -> Reply:
    """List balances from the newest, as the real server does here."""
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    first = ledger.balance_by_key.get(f"{alias}#default")
    own = ledger.balances_by_account.get(first.account_id, []) if first is not None else []
    items = [show(state, ledger, balance) for balance in reversed(own) if is_visible(state, balance)]
    return json_reply(200, {"items": items, "limit": state.dialect.page_limit_default})


def _found(state: SandboxState, call: Call) -> tuple[LedgerState, Balance]:
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    balance = ledger.balances.get(call.params[2])
    if balance is None or not is_visible(state, balance):
        raise RefusedError("0007")
    return ledger, balance


def get(state: SandboxState, call: Call) -> Reply:
    """Show a balance (0007 when it is unknown)."""
    return json_reply(200, show(state, *_found(state, call)))


def create(state: SandboxState, call: Call) -> Reply:
    """Add a balance to an account.

    Raises:
        RefusedError: 0170 (reserved key), 0171 (direction), 0007 (unknown account), 0124 (external account), 0172
            (settings), 0123 (the key is taken), 0126 (no default balance yet).
    """
    body = read_body(BALANCE_NEW, call.body, state.dialect)
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    account = ledger.collection("accounts").live.get(call.params[2])
    key = body["key"].lower()
    if key == OVERDRAFT_KEY and state.dialect.has("balance-settings"):
        raise RefusedError("0170")
    direction = body.get("direction")
    if direction is not None and direction not in ("credit", "debit"):
        raise RefusedError("0171")
    if account is None:
        raise RefusedError("0007")
    if account["type"] == "external":
        raise RefusedError("0124")
    _check_settings(body.get("settings"))
    own = [balance for balance in ledger.balances_by_account.get(account["id"], []) if is_visible(state, balance)]
    if any(balance.key == key for balance in own):
        raise RefusedError("0123")
    if not any(balance.key == "default" for balance in own):
        raise RefusedError("0126")
    settings = _as_sent(body.get("settings"))
    balance = add_balance(
        state,
        account,
        key,
        NewBalance(body["allowSending"] is not False, body["allowReceiving"] is not False, direction or "", settings),
    )
    _ensure_companion(state, ledger, account, balance)
    return json_reply(201, show(state, ledger, balance, settings))


def _check_settings(settings: dict[str, Any] | None) -> None:
    if settings is None:
        return
    if settings["balanceScope"] not in ("", "transactional", "internal"):
        raise RefusedError("0172")
    limit = settings["overdraftLimit"]
    try:
        number = decimals.parse(limit) if limit is not None else None
    except ValueError:
        raise RefusedError("0172") from None
    enabled = settings["overdraftLimitEnabled"]
    if (limit is not None) if not enabled else (number is None or number <= 0):
        raise RefusedError("0172")


def _as_sent(settings: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if settings is None else {name: value for name, value in settings.items() if value not in (None, "")}


def _ensure_companion(state: SandboxState, ledger: LedgerState, account: EntityDoc, balance: Balance) -> None:
    if balance.overdraft_limit is not None and companion_of(ledger, balance) is None:
        add_balance(state, account, OVERDRAFT_KEY, NewBalance(direction="debit", settings=dict(_INTERNAL)))


def patch(state: SandboxState, call: Call) -> Reply:
    """Change the permissions and settings of a balance; one in use keeps its former permissions for a while.

    Raises:
        RefusedError: 0172 (settings), 0007 (unknown balance).
    """
    body = read_body(BALANCE_PATCH, call.body, state.dialect)
    _check_settings(body.get("settings"))
    ledger, balance = _found(state, call)
    now_s = state.clock.time()
    former = balance.former_permissions
    if (former is None or former[2] <= now_s) and _used_lately(state, ledger, balance.account_id):
        until_s = now_s + state.dialect.permissions_stale_s
        balance.former_permissions = (balance.allow_sending, balance.allow_receiving, until_s)
    if body["allowSending"] is not None:
        balance.allow_sending = body["allowSending"]
    if body["allowReceiving"] is not None:
        balance.allow_receiving = body["allowReceiving"]
    settings = _as_sent(body.get("settings"))
    if settings is not None:
        balance.settings = settings
        balance.overdraft_limit = overdraft_limit(settings)
        _ensure_companion(state, ledger, ledger.collection("accounts").live[balance.account_id], balance)
    balance.updated_at = state.now()[1]
    state.save_balance(ledger, balance)
    return json_reply(200, show(state, ledger, balance, settings))


def delete(state: SandboxState, call: Call) -> Reply:
    """Delete a balance.

    Raises:
        RefusedError: 0007 (unknown), 0169 (internal), 0093 (it holds money).
    """
    ledger, balance = _found(state, call)
    if balance.settings is not None and balance.settings.get("balanceScope") == "internal":
        raise RefusedError("0169")
    if balance.available or balance.on_hold:
        raise RefusedError("0093")
    _remove(state, ledger, balance)
    return empty_reply(204)


def _remove(state: SandboxState, ledger: LedgerState, balance: Balance) -> None:
    balance.deleted = True
    state.save_balance(ledger, balance)


def delete_account_balances(state: SandboxState, ledger: LedgerState, account_id: str) -> None:
    """Delete the balances of an account.

    Raises:
        RefusedError: 0012 when a balance holds money or was used within `USED_WITHIN_S`.
    """
    own = list(ledger.balances_by_account.get(account_id, []))
    if any(balance.available or balance.on_hold for balance in own) or _used_lately(state, ledger, account_id):
        raise RefusedError("0012")
    for balance in own:
        _remove(state, ledger, balance)


def _used_lately(state: SandboxState, ledger: LedgerState, account_id: str) -> bool:
    entries = ledger.touched.get(account_id)
    record = state.store.record(entries[-1]) if entries else None
    if record is None:
        return False
    made_ms: int = orjson.loads(record)[1]
    return state.clock.time() - made_ms / 1000 < USED_WITHIN_S
