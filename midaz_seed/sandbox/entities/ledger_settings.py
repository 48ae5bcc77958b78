"""The settings of a ledger, which switch its optional checks."""

from collections.abc import Mapping
from typing import Any

import orjson

from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.error_codes import RefusedError
from midaz_seed.sandbox.core.messages import Call, Reply, json_reply
from midaz_seed.sandbox.storage.state import EntityDoc, SandboxState

_SETTINGS_BYTES_MAX = 64 * 1024


def get(state: SandboxState, call: Call) -> Reply:
    """Show the settings of a ledger (0007 when it is unknown)."""
    return json_reply(200, _settings_of(state, _ledger(state, call)))


def _ledger(state: SandboxState, call: Call) -> EntityDoc:
    ledger = state.ledger_doc(call.org_id, call.ledger_id)
    if ledger is None or not state.shows(ledger["id"]):
        raise RefusedError("0007")
    return ledger


def _settings_of(state: SandboxState, ledger: EntityDoc) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = ledger["settings"] or state.dialect.ledger_settings
    return found


def patch(state: SandboxState, call: Call) -> Reply:
    """Change settings; null restores a default.

    Raises:
        RefusedError: 0143 (too large), 0094 (no JSON), 0147 to 0149 and 0176 (settings), 0007 (unknown ledger).
    """
    if len(call.body) > _SETTINGS_BYTES_MAX:
        raise RefusedError("0143")
    try:
        sent = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        raise RefusedError("0094") from None
    if not isinstance(sent, dict):
        raise RefusedError("0094")
    defaults = state.dialect.ledger_settings
    _check_settings(sent, state.dialect)
    ledger = _ledger(state, call)
    changed = {group: dict(values) for group, values in _settings_of(state, ledger).items()}
    for group, values in sent.items():
        if values is None:
            changed[group] = dict(defaults[group])
            continue
        for name, value in values.items():
            changed[group][name] = defaults[group][name] if value is None else value
    kept = None if changed == defaults else changed
    state.save("ledgers", call.org_id, "", {**ledger, "settings": kept, "updatedAt": state.now()[1]})
    return json_reply(200, changed)


def _check_settings(sent: Mapping[str, Any], dialect: Dialect) -> None:
    """Accept only known groups of known settings (0147, 0149) with values of the right type (0148) and word (0176)."""
    defaults = dialect.ledger_settings
    switches = {name for group in defaults.values() for name in group}
    for group, values in sent.items():
        if group in switches:
            raise RefusedError("0149")
        if group not in defaults:
            raise RefusedError("0147")
        if values is None:
            continue
        if not isinstance(values, dict):
            raise RefusedError("0148")
        for name, value in values.items():
            if name not in defaults[group]:
                raise RefusedError("0147")
            if value is not None and not _is_like(value, defaults[group][name]):
                raise RefusedError("0148")
            if value is not None and value not in dialect.settings_words.get(name, (value,)):
                raise RefusedError("0176")


def _is_like(value: Any, default: Any) -> bool:
    """Return whether a value has the type of its default."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    return isinstance(value, int | float if isinstance(default, int) else str)
