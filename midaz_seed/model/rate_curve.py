"""How the rate of an open model changes with time: steps, or the curve of a day. Pure."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

FORM = "constant, steps as TIME:PERCENT of the rate (30s:25%,60s:100%), or the day of the scenario in a time (day:10m)"
CONSTANT = "constant"
_STEP = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(s|m|h):(\d{1,3}(?:\.\d{1,3})?)\s?%")
_DAY = re.compile(r"day:(\d{1,6}(?:\.\d{1,3})?)(s|m|h)")
_UNITS_S = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class DayCurve:
    """The curve of the hours of a day, compressed to a time; its highest hour has the whole rate."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Steps:
    """Times in seconds, each with its share of the rate (0 to 1); after the last one its share is kept."""

    steps: tuple[tuple[float, float], ...]


def parse_rate_curve(text: str) -> Steps | DayCurve | None:
    """Read a curve; None for a constant rate.

    Raises:
        ValueError: it has another form, or no requests would start.
    """
    if text.strip() == CONSTANT:
        return None
    day = _DAY.fullmatch(text.strip())
    if day is not None:
        if not (seconds := float(day[1]) * _UNITS_S[day[2]]):
            raise ValueError("the time of a day must be above 0")
        return DayCurve(seconds)
    found = []
    for part in text.split(","):
        match = _STEP.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"{part.strip()[:40]!r} must be {FORM}")
        found.append((float(match[1]) * _UNITS_S[match[2]], float(match[3]) / 100))
    if any(not seconds for seconds, _ in found) or any(share > 1 for _, share in found):
        raise ValueError("each step needs a time above 0 and a share of at most 100 %")
    if not found[-1][1]:
        raise ValueError("the last step must be above 0 %: its rate is kept until the end")
    return Steps(tuple(found))


class RateCurve:
    """A rate that is constant within segments of time.

    Positions count the slots of the schedule: the integral of the rate.
    """

    def __init__(self, segments: Sequence[tuple[float, float]], *, repeats: bool = False) -> None:
        """Prepare.

        Args:
            segments: seconds, and slots per second in them; the rate of the last one is above 0, or `repeats`.
            repeats: begin again after the last segment; otherwise its rate is kept.
        """
        self._rates = [rate for _, rate in segments]
        self._starts_s = list(accumulate((seconds for seconds, _ in segments), initial=0.0))
        self._positions = list(accumulate((seconds * rate for seconds, rate in segments), initial=0.0))
        self._repeats = repeats

    def slots_within(self, elapsed_s: float) -> float:
        """Return the number of slots in the first `elapsed_s` seconds."""
        if elapsed_s <= 0:
            return 0.0
        before = 0.0
        if self._repeats:
            rounds, elapsed_s = divmod(elapsed_s, self._starts_s[-1])
            before = rounds * self._positions[-1]
        at = min(bisect_right(self._starts_s, elapsed_s), len(self._rates)) - 1
        return before + self._positions[at] + (elapsed_s - self._starts_s[at]) * self._rates[at]

    def time_of(self, position: float) -> float:
        """Return the time of a position, in seconds from the start: the inverse of `slots_within`."""
        before_s = 0.0
        if self._repeats:
            rounds, position = divmod(position, self._positions[-1])
            before_s = rounds * self._starts_s[-1]
        at = min(bisect_right(self._positions, position), len(self._rates)) - 1
        return before_s + self._starts_s[at] + (position - self._positions[at]) / self._rates[at]


class Ramp:
    """A rate that grows linearly from zero in a time, and is then kept."""

    def __init__(self, rate_per_s: float, ramp_s: float) -> None:
        self._rate_per_s, self._ramp_s = rate_per_s, ramp_s

    def slots_within(self, elapsed_s: float) -> float:
        """As `RateCurve.slots_within`."""
        if elapsed_s <= 0:
            return 0.0
        if elapsed_s < self._ramp_s:
            return self._rate_per_s * elapsed_s**2 / (2 * self._ramp_s)
        return self._rate_per_s * (elapsed_s - self._ramp_s / 2)

    def time_of(self, position: float) -> float:
        """As `RateCurve.time_of`."""
        in_ramp = self._rate_per_s * self._ramp_s / 2
        if position < in_ramp:
            return float((2 * self._ramp_s * position / self._rate_per_s) ** 0.5)
        return self._ramp_s + (position - in_ramp) / self._rate_per_s


def steps_curve(steps: Steps, rate_per_s: float) -> RateCurve:
    """Return the curve of steps whose whole rate is given."""
    return RateCurve([(seconds, share * rate_per_s) for seconds, share in steps.steps])


def day_curve(weights: Sequence[int], day: DayCurve, rate_per_s: float) -> RateCurve:
    """Return the curve of a day that is repeated.

    Args:
        weights: of equal parts of the day, from midnight on.
        day: its length.
        rate_per_s: in the part with the highest weight.
    """
    seconds, highest = day.seconds / len(weights), max(weights)
    return RateCurve([(seconds, rate_per_s * weight / highest) for weight in weights], repeats=True)
