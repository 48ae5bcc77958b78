"""`last_day: yesterday`: the last day of a history is resolved once, when a run begins, and kept with it. Pure."""

import hashlib
from datetime import date

import orjson

from midaz_seed.scenarios.model import canonical_text
from midaz_seed.settings.model import Settings

YESTERDAY = "yesterday"


def is_open(settings: Settings) -> bool:
    """Return whether the last day of the history is still to be resolved."""
    return settings.scenario.time is not None and settings.scenario.time.last_day == YESTERDAY


def recorded_last_day(settings: Settings) -> date | None:
    """Return the last day of the history, which organizations record; None without dates."""
    time = settings.scenario.time
    return time.last_day if time is not None and isinstance(time.last_day, date) else None


def run_id_of_any_day(settings: Settings) -> str:
    """Return the run id of a history whose last day is resolved when it begins: the same on every day, so that the
    same command finds its run.
    """
    parts = settings.volume.model_dump(mode="json"), settings.data.model_dump(mode="json")
    text = orjson.dumps([settings.seed, *parts, canonical_text(settings.scenario)], option=orjson.OPT_SORT_KEYS)
    return f"s{hashlib.sha256(b'day' + text).hexdigest()[:10]}"


def with_last_day(settings: Settings, day: date) -> Settings:
    """Return the settings with this last day, and the run id of any day."""
    assert settings.scenario.time is not None
    time = settings.scenario.time.model_copy(update={"last_day": day})
    scenario = settings.scenario.model_copy(update={"time": time})
    run_id = settings.run_id or run_id_of_any_day(settings)
    return settings.model_copy(update={"scenario": scenario, "run_id": run_id})
