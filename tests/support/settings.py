"""Settings for runs against a sandbox."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from midaz_seed.settings.model import Settings
from midaz_seed.settings.presets import PRESETS

SHORT_PAUSES = {
    "generation": {"retries": {"max": 12, "initialDelay": 1, "maxDelay": 20}},
    "breaker": {"openS": 0.05, "giveUpS": 20},
    "settlement": {"deadlineS": 10, "initialDelayS": 0.01, "maxDelayS": 0.1},
    "target": {"requestTimeoutS": 10},
}


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested mappings; later ones win."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            result[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return result


def settings_for(
    url: str,
    preset: str = "tiny",
    *,
    runs: Path | None = None,
    limits: Mapping[str, Any] | None = None,
    batches: Mapping[str, Any] | None = None,
    **sections: Any,
) -> Settings:
    """Return settings of a preset for a server, with short pauses.

    Args:
        url: The server's base URL.
        preset: Where the volume starts from.
        runs: The folder of the journals; without it, and without a section `journal`, there is no journal.
        limits: `generation.limits`.
        batches: `generation.batches`.
        **sections: Sections by their YAML names, merged over the preset's.
    """
    base = {"preset": preset, "volume": dict(PRESETS[preset]), "target": {"baseUrl": url}}
    journal: dict[str, Any] = {"enabled": runs is not None or "journal" in sections}
    if runs is not None:
        journal["directory"] = str(runs)
    generation = {"limits": dict(limits or {}), "batches": dict(batches or {})}
    layers = merge(base, SHORT_PAUSES, {"journal": journal, "generation": generation}, sections)
    return Settings.model_validate(layers)
