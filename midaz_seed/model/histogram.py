"""A latency histogram of fixed size with three significant digits, from 1 microsecond to over an hour (HDR layout)."""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate

_SUB_BITS = 10
_LINEAR = 2 << _SUB_BITS
"""Below this number of microseconds each value has its own bucket; above, each doubling has 1,024 buckets."""
_DOUBLINGS = 22
LIMIT_US = (_LINEAR << _DOUBLINGS) - 1
_SLOTS = _LINEAR + _DOUBLINGS * (1 << _SUB_BITS)
_COARSE_SUB_BITS = 4
"""A coarse histogram has 16 buckets for each doubling, so a bucket is at most 6.25 % wide."""
_CHUNK = 1 << (_SUB_BITS - _COARSE_SUB_BITS)
"""Buckets that `recorded_since` compares at once: those of one coarse bucket, from _LINEAR / 2 on."""


class Histogram:
    """Counts of latencies in microseconds. docs/adr/0001-latency-histogram.md gives the reasons for this class."""

    __slots__ = ("_counts", "count", "max_us", "total_us")

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * _SLOTS))
        self.count = 0
        self.total_us = 0
        self.max_us = 0

    def record(self, value_us: int) -> None:
        """Count one value; negative values count as 0, values over the limit as the limit."""
        if not 0 <= value_us <= LIMIT_US:
            value_us = 0 if value_us < 0 else LIMIT_US
        # as in `_index`; a call for each request would cost more
        if value_us < _LINEAR:
            self._counts[value_us] += 1
        else:
            shift = value_us.bit_length() - _SUB_BITS - 1
            self._counts[(shift << _SUB_BITS) + (value_us >> shift)] += 1
        self.count += 1
        self.total_us += value_us
        if value_us > self.max_us:
            self.max_us = value_us

    def merge(self, other: "Histogram") -> None:
        """Add another histogram's counts."""
        for index, count in enumerate(other._counts[: other._end()]):
            if count:
                self._counts[index] += count
        self.count += other.count
        self.total_us += other.total_us
        self.max_us = max(self.max_us, other.max_us)

    def copy(self) -> "Histogram":
        """Return a copy."""
        same = Histogram()
        same._counts = self._counts[:]
        same.count, same.total_us, same.max_us = self.count, self.total_us, self.max_us
        return same

    def since(self, earlier: "Histogram") -> "Histogram":
        """Return what was recorded since an earlier copy of this histogram; `max_us` is that of the whole."""
        window = Histogram()
        window._counts = array("Q", map(int.__sub__, self._counts, earlier._counts))
        window.count = self.count - earlier.count
        window.total_us = self.total_us - earlier.total_us
        window.max_us = self.max_us
        return window

    def cumulative(self, limits_us: Sequence[int]) -> list[int]:
        """Return, for each limit, how many values do not exceed it: to 0.1 %, because a bucket is not divided.

        Args:
            limits_us: ascending limits in microseconds.
        """
        found: list[int] = []
        start = total = 0
        end = self._end()
        for limit_us in limits_us:
            stop = min(_index(limit_us) + 1, end)
            total += sum(self._counts[start:stop])  # a slice of an array is copied and summed without a loop in Python
            found.append(total)
            start = max(start, stop)
        return found

    def snapshot(self) -> bytes:
        """Return the counts, for a later `recorded_since`."""
        return self._counts.tobytes()

    def recorded_since(self, snapshot: bytes) -> dict[int, int]:
        """Return what was recorded since a snapshot of this histogram, in coarse buckets: bucket -> count.

        `snapshot` may be empty: then everything. Most counts are compared in large blocks, so that a call is cheap
        enough for each second of a run.
        """
        found: dict[int, int] = {}
        now, size = self.snapshot(), 8 * _CHUNK
        snapshot = snapshot or bytes(len(now))
        for start in range(0, len(now), size):
            if now[start : start + size] == snapshot[start : start + size]:
                continue
            first, earlier = start // 8, array("Q", snapshot[start : start + size])
            counts = self._counts[first : first + _CHUNK]
            if first >= _LINEAR // 2:  # the chunk is one coarse bucket
                found[coarse_bucket(bucket_max_us(first))] = sum(counts) - sum(earlier)
                continue
            for index, (count, before) in enumerate(zip(counts, earlier, strict=True), start=first):
                if count != before:
                    bucket = coarse_bucket(index)
                    found[bucket] = found.get(bucket, 0) + count - before
        return found

    def sparse_counts(self) -> tuple[int, ...]:
        """Return the buckets that are not empty: index, count, index, count, in ascending order of the index."""
        return tuple(
            each for index, count in enumerate(self._counts[: self._end()]) if count for each in (index, count)
        )

    @classmethod
    def from_sparse_counts(cls, counts: Sequence[int], *, total_us: int, max_us: int) -> "Histogram":
        """Return the histogram with these counts, which are those of `sparse_counts`.

        Raises:
            ValueError: they are not.
        """
        same = cls()
        if len(counts) % 2:
            raise ValueError("the counts of a histogram are pairs of an index and a count")
        for index, count in zip(counts[::2], counts[1::2], strict=True):
            if not 0 <= index < _SLOTS or count < 0:
                raise ValueError(f"a histogram has no bucket {index} with {count} values")
            same._counts[index] += count
            same.count += count
        same.total_us, same.max_us = total_us, max_us
        return same

    @property
    def mean_us(self) -> float:
        """The mean of all values; 0 without values."""
        return self.total_us / self.count if self.count else 0.0

    def percentile(self, percent: float) -> int:
        """Return the value that `percent` of the values do not exceed, in microseconds; 0 without values.

        It is the highest value of its bucket.
        """
        wanted = max(round(self.count * percent / 100 + 0.5 - 1e-9), 1)
        totals = list(accumulate(self._counts[: self._end()]))
        index = bisect_left(totals, wanted)
        return min(bucket_max_us(index), self.max_us) if index < len(totals) else self.max_us

    def _end(self) -> int:
        """Return the number of buckets up to that of the highest value."""
        return _index(min(self.max_us, LIMIT_US)) + 1


def _index(value_us: int) -> int:
    """Return the index of the bucket that counts a value within the limit."""
    if value_us < _LINEAR:
        return value_us
    shift = value_us.bit_length() - _SUB_BITS - 1
    return (shift << _SUB_BITS) + (value_us >> shift)


def coarse_bucket(value_us: int) -> int:
    """Return the coarse bucket of a value in microseconds: the value itself below 32, then 16 for each doubling."""
    shift = max(value_us.bit_length() - _COARSE_SUB_BITS - 1, 0)
    return (shift << _COARSE_SUB_BITS) + (value_us >> shift)


def coarse_bucket_max_us(bucket: int) -> int:
    """Return the highest value of a coarse bucket, in microseconds."""
    if bucket < 2 << _COARSE_SUB_BITS:
        return bucket
    shift = (bucket >> _COARSE_SUB_BITS) - 1
    return (((bucket & ((1 << _COARSE_SUB_BITS) - 1)) + (1 << _COARSE_SUB_BITS) + 1) << shift) - 1


def coarse_percentile_us(counts: Mapping[int, int], percent: float) -> int:
    """Return the highest value of the coarse bucket with this percentile, in microseconds; 0 without values."""
    wanted = max(round(sum(counts.values()) * percent / 100 + 0.5 - 1e-9), 1)
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted:
            return coarse_bucket_max_us(bucket)
    return 0


def bucket_max_us(index: int) -> int:
    """Return the highest value of a bucket of a `Histogram`, in microseconds."""
    if index < _LINEAR:
        return index
    shift = (index >> _SUB_BITS) - 1
    return (((index & ((1 << _SUB_BITS) - 1)) + (1 << _SUB_BITS) + 1) << shift) - 1
