"""The phases that shade the time axis of a chart. Ledgers are in different phases at the same time, but bands do not
overlap: each is the kind of phase with most requests."""

from collections.abc import Iterable, Mapping, Sequence

from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.time_series import TimeSeriesReport

MONEY_PHASES = (
    Phase.DEPOSITS,
    Phase.SETTLEMENT,
    Phase.TRANSFERS,
    Phase.READS,
    Phase.FOLLOW_UPS,
    Phase.REFUSALS,
    Phase.VERIFY,
)
"""The phases with bands of their own; the others create entities."""
TONES = {
    "deposits": 1,
    "settlement": 2,
    "transfers": 3,
    "refusals": 3,
    "verification": 4,
}
"""The label of a band -> its tone; entities have tone 0."""
_IN_BAND = {Phase.READS: "transfers", Phase.FOLLOW_UPS: "transfers", Phase.VERIFY: "verification"}
"""A history alternates between transfers and their follow-ups, which would be a band for each day."""
BANDS_MAX = 60
"""The most bands of a chart; more would be a flicker."""


def phase_bands(series: TimeSeriesReport, end_s: float) -> list[JsonObject]:
    """Return the parts of the run in which most requests belonged to the same kind of phase, without gaps.

    Ledgers that take turns would change the kind with each window: then longer parts of the run are compared.
    """
    requests: list[dict[str, int]] = [{} for _ in range(series.windows)]
    for phase in series.phases:
        label = _IN_BAND.get(Phase(phase.phase), phase.phase) if phase.phase in MONEY_PHASES else "entities"
        for window, count in zip(requests[phase.first :], phase.requests, strict=False):
            window[label] = window.get(label, 0) + count
    length_s = series.interval_s
    bands = _merged(requests, length_s, end_s)
    while len(bands) > BANDS_MAX:
        requests = [_sum(requests[index : index + 2]) for index in range(0, len(requests), 2)]
        length_s *= 2
        bands = _merged(requests, length_s, end_s)
    return bands


def _merged(requests: Sequence[Mapping[str, int]], length_s: float, end_s: float) -> list[JsonObject]:
    """Return the bands of windows of this length, each with its requests by label."""
    bands: list[JsonObject] = []
    for index, counts in enumerate(requests):
        label = max(counts, key=counts.__getitem__) if any(counts.values()) else ""
        to_s = min((index + 1) * length_s, end_s)
        if bands and label in ("", bands[-1]["label"]):  # without requests a window is part of what is waiting
            bands[-1]["to_s"] = to_s
        elif label:
            bands.append({"label": label, "tone": TONES.get(label, 0), "from_s": index * length_s, "to_s": to_s})
    return bands


def _sum(windows: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for window in windows:
        for label, count in window.items():
            total[label] = total.get(label, 0) + count
    return total
