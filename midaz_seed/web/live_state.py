"""The state of a live page, and updates of it: plain JSON values. `docs/web.md` describes the document."""

from typing import Any, TypeAlias

SCHEMA_VERSION = 1
EVENTS_MAX = 200
"""Lines of the event log that are kept."""
Json: TypeAlias = dict[str, Any]


def empty_state() -> Json:
    """Return the state of a page before the first update."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "starting",
        "run": {},
        "figures": {},
        "phases": [],
        "ledgers": {},
        "errors": {},
        "events": [],
        "charts": {"charts": [], "bands": []},
        "result": None,
    }


def apply_update(state: Json, update: Json) -> None:
    """Apply an update to a state, except for `charts`. `static/live.js` does the same.

    An update has only what has changed: `ledgers` and `errors` have the rows that changed, each with its new values;
    `events` has the new lines; everything else is replaced.
    """
    for name in ("status", "run", "figures", "phases", "result"):
        if name in update:
            state[name] = update[name]
    for name in ("ledgers", "errors"):
        for key, row in update.get(name, {}).items():
            state[name][key] = {**state[name].get(key, {}), **row}
    state["events"] = (state["events"] + update.get("events", []))[-EVENTS_MAX:]
