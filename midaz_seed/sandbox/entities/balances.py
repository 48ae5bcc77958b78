"""Balances over HTTP, and the default balance that every account gets."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from midaz_seed.sandbox.core import decimals, ids
from midaz_seed.sandbox.core.decimals import text_of
from midaz_seed.sandbox.core.error_codes import RefusedError
from midaz_seed.sandbox.core.ledger import Balance
from midaz_seed.sandbox.core.messages import Call, Reply, empty_reply, json_reply
from midaz_seed.sandbox.entities.body_schema import read_body
from midaz_seed.sandbox.entities.kinds import BALANCE_NEW, BALANCE_PATCH
from midaz_seed.sandbox.entities.list_queries import by_cursor, read_listing
from midaz_seed.sandbox.storage.state import Book, Doc, World

OVERDRAFT_KEY = "overdraft"
USED_WITHIN_S = 3600.0
"""An account used this recently cannot be deleted, even when it is empty: the real server still has its balance
cached."""
_NO_LIMIT = Decimal("Infinity")
_INTERNAL: dict[str, Any] = {"balanceScope": "internal", "allowOverdraft": False, "overdraftLimitEnabled": False}


@dataclass(frozen=True, slots=True)
class NewBalance:
    """What a client may choose of an additional balance."""

    allow_sending: bool = True
    allow_receiving: bool = True
    direction: str = ""
    settings: dict[str, Any] | None = None


_DEFAULT = NewBalance()


def add_balance(
    world: World, account: Doc, key: str, chosen: NewBalance = _DEFAULT, *, delayed: bool = False
) -> Balance:
    """Give an account a balance under `key`; a delayed one appears after the dialect's or a fault's delay."""
    epoch_s, stamp = world.now()
    balance_id = world.new_id(epoch_s)
    external = account["type"] == "external"
    delay_s = world.default_balance_delay_ms / 1000 if delayed else 0.0
    balance = Balance(
        number=ids.number_of(balance_id),
        id=balance_id,
        account_id=account["id"],
        alias=account["alias"],
        key=key,
        asset=account["assetCode"],
        account_type=account["type"],
        direction=chosen.direction or (world.dialect.external_direction if external else "credit"),
        created_at=stamp,
        updated_at=stamp,
        allow_sending=chosen.allow_sending,
        allow_receiving=chosen.allow_receiving,
        settings=chosen.settings,
        overdraft_limit=overdraft_limit(chosen.settings),
        visible_from_s=epoch_s + delay_s if delay_s else 0.0,
    )
    prepare(balance, account["organizationId"], account["ledgerId"])
    world.save_balance(world.book(account["organizationId"], account["ledgerId"]), balance)
    return balance


def prepare(balance: Balance, org_id: str, ledger_id: str) -> None:
    """Render the part of this balance's operations that never changes."""
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
    """None when the balance may not be overdrawn."""
    if not settings or not settings["allowOverdraft"]:
        return None
    return decimals.parse(settings["overdraftLimit"]) if settings["overdraftLimitEnabled"] else _NO_LIMIT


def companion_of(book: Book, balance: Balance) -> Balance | None:
    """The balance that holds what this one is overdrawn by."""
    return book.balance_by_key.get(f"{balance.alias}#{OVERDRAFT_KEY}")


def is_visible(world: World, balance: Balance) -> bool:
    """Whether a new balance has appeared yet."""
    if world.lag is not None and not world.lag.has_seen(balance):
        return False
    return not balance.visible_from_s or balance.visible_from_s <= world.clock.time()


def may_move(world: World, balance: Balance, *, sends: bool) -> bool:
    """Whether a leg may take from (`sends`) or give to a balance. One in use keeps its former permissions for a
    while."""
    former = balance.former_permissions
    if former is not None and world.clock.time() < former[2]:
        return former[0] if sends else former[1]
    return balance.allow_sending if sends else balance.allow_receiving


def show(world: World, book: Book, balance: Balance, settings: dict[str, Any] | None = None) -> Doc:
    """A balance as an answer shows it."""
    limit = balance.overdraft_limit
    state, held, used = balance.state, balance.available, balance.overdraft_used
    if world.lag is not None:
        state = world.lag.state_of(balance)
        held, used = Decimal(state[0]), Decimal(state[3])
    left = "0" if limit is None or limit == _NO_LIMIT else text_of(decimals.subtract(limit, used))
    shown: Doc = {
        "id": balance.id,
        "organizationId": book.org_id,
        "ledgerId": book.ledger_id,
        "accountId": balance.account_id,
        "alias": balance.alias,
        "key": balance.key,
        "assetCode": balance.asset,
        "available": state[0],
        "onHold": state[1],
        "version": state[2],
        "accountType": balance.account_type,
        "allowSending": balance.allow_sending,
        "allowReceiving": balance.allow_receiving,
    }
    stamps = {"createdAt": balance.created_at, "updatedAt": balance.updated_at, "deletedAt": None}
    if not world.dialect.has("balance-settings"):
        return shown | stamps
    shown |= {"direction": balance.direction, "overdraftUsed": state[3]}
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


def list_all(world: World, call: Call) -> Reply:
    book = world.book(call.org_id, call.ledger_id)
    return _page(world, call, book, list(book.balances.values()))


def list_of_account(world: World, call: Call) -> Reply:
    book = world.book(call.org_id, call.ledger_id)
    return _page(world, call, book, book.balances_by_account.get(call.params[2], []))


def _page(world: World, call: Call, book: Book, balances: list[Balance]) -> Reply:
    listing = read_listing(call.query(), world.dialect)
    items, cursors = by_cursor(
        balances,
        lambda balance: balance.id,
        listing,
        world.dialect,
        lambda balance: is_visible(world, balance),
    )
    return json_reply(
        200, {"items": [show(world, book, balance) for balance in items], "limit": listing.limit, **cursors}
    )


def list_by_alias(world: World, call: Call) -> Reply:
    return _by_alias(world, call, call.params[2])


def list_by_external_code(world: World, call: Call) -> Reply:
    return _by_alias(world, call, f"@external/{call.params[2]}")


def _by_alias(world: World, call: Call, alias: str) -> Reply:
    """The newest first: the order in which the real server gives them."""
    book = world.book(call.org_id, call.ledger_id)
    first = book.balance_by_key.get(f"{alias}#default")
    own = book.balances_by_account.get(first.account_id, []) if first is not None else []
    items = [show(world, book, balance) for balance in reversed(own) if is_visible(world, balance)]
    return json_reply(200, {"items": items, "limit": world.dialect.page_limit_default})


def _found(world: World, call: Call) -> tuple[Book, Balance]:
    book = world.book(call.org_id, call.ledger_id)
    balance = book.balances.get(call.params[2])
    if balance is None or not is_visible(world, balance):
        raise RefusedError("0007")
    return book, balance


def get(world: World, call: Call) -> Reply:
    return json_reply(200, show(world, *_found(world, call)))


def create(world: World, call: Call) -> Reply:
    """An additional balance of an account.

    Raises RefusedError: 0170 (reserved key), 0171 (direction), 0007 (unknown account), 0124 (external account), 0172
    (settings), 0123 (the key is taken), 0126 (no default balance yet).
    """
    body = read_body(BALANCE_NEW, call.body, world.dialect)
    book = world.book(call.org_id, call.ledger_id)
    account = book.collection("accounts").live.get(call.params[2])
    key = body["key"].lower()
    if key == OVERDRAFT_KEY and world.dialect.has("balance-settings"):
        raise RefusedError("0170")
    direction = body.get("direction")
    if direction is not None and direction not in ("credit", "debit"):
        raise RefusedError("0171")
    if account is None:
        raise RefusedError("0007")
    if account["type"] == "external":
        raise RefusedError("0124")
    _check_settings(body.get("settings"))
    own = [balance for balance in book.balances_by_account.get(account["id"], []) if is_visible(world, balance)]
    if any(balance.key == key for balance in own):
        raise RefusedError("0123")
    if not any(balance.key == "default" for balance in own):
        raise RefusedError("0126")
    settings = _as_sent(body.get("settings"))
    balance = add_balance(
        world,
        account,
        key,
        NewBalance(body["allowSending"] is not False, body["allowReceiving"] is not False, direction or "", settings),
    )
    _ensure_companion(world, book, account, balance)
    return json_reply(201, show(world, book, balance, settings))


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


def _ensure_companion(world: World, book: Book, account: Doc, balance: Balance) -> None:
    if balance.overdraft_limit is not None and companion_of(book, balance) is None:
        add_balance(world, account, OVERDRAFT_KEY, NewBalance(direction="debit", settings=dict(_INTERNAL)))


def patch(world: World, call: Call) -> Reply:
    """Change a balance's permissions and settings; one in use keeps its former permissions for a while. Raises
    RefusedError: 0172 (settings), 0007 (unknown balance)."""
    body = read_body(BALANCE_PATCH, call.body, world.dialect)
    _check_settings(body.get("settings"))
    book, balance = _found(world, call)
    now_s = world.clock.time()
    former = balance.former_permissions
    if (former is None or former[2] <= now_s) and _used_lately(world, book, balance.account_id):
        until_s = now_s + world.dialect.permissions_stale_s
        balance.former_permissions = (balance.allow_sending, balance.allow_receiving, until_s)
    if body["allowSending"] is not None:
        balance.allow_sending = body["allowSending"]
    if body["allowReceiving"] is not None:
        balance.allow_receiving = body["allowReceiving"]
    settings = _as_sent(body.get("settings"))
    if settings is not None:
        balance.settings = settings
        balance.overdraft_limit = overdraft_limit(settings)
        _ensure_companion(world, book, book.collection("accounts").live[balance.account_id], balance)
    balance.updated_at = world.now()[1]
    world.save_balance(book, balance)
    return json_reply(200, show(world, book, balance, settings))


def delete(world: World, call: Call) -> Reply:
    book, balance = _found(world, call)
    if balance.settings is not None and balance.settings.get("balanceScope") == "internal":
        raise RefusedError("0169")
    if balance.available or balance.on_hold:
        raise RefusedError("0093")
    _remove(world, book, balance)
    return empty_reply(204)


def _remove(world: World, book: Book, balance: Balance) -> None:
    balance.deleted = True
    world.save_balance(book, balance)


def delete_account_balances(world: World, book: Book, account_id: str) -> None:
    """Delete an account's balances. Raises RefusedError (0012) when one has money or was used within the hour."""
    own = list(book.balances_by_account.get(account_id, []))
    if any(balance.available or balance.on_hold for balance in own) or _used_lately(world, book, account_id):
        raise RefusedError("0012")
    for balance in own:
        _remove(world, book, balance)


def _used_lately(world: World, book: Book, account_id: str) -> bool:
    entries = book.touched.get(account_id)
    record = world.store.record(entries[-1]) if entries else None
    if record is None:
        return False
    made_ms: int = orjson.loads(record)[1]
    return world.clock.time() - made_ms / 1000 < USED_WITHIN_S
