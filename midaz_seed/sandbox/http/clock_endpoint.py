"""`/sandbox/clock`: lets a test move the time of a sandbox in another process."""

import math

import orjson

from midaz_seed.clock import ShiftedClock
from midaz_seed.sandbox.core.error_codes import FailedError
from midaz_seed.sandbox.core.messages import Reply, json_reply
from midaz_seed.sandbox.core.records import CLOCK
from midaz_seed.sandbox.storage.state import SandboxState


def clock_reply(state: SandboxState, clock: ShiftedClock, method: str, body: bytes) -> Reply:
    """Return the time; a POST of `{"advanceS": seconds}` advances it first. A restarted sandbox continues from there.

    Raises:
        FailedError: 400 for a value that is not a number of seconds from zero, 405 for another method.
    """
    if method == "POST":
        clock.advance(_seconds(body))
        state.seq += 1
        state.store.append(state.seq, orjson.dumps([CLOCK, state.ms(clock.time()), clock.ahead_s]))
    elif method != "GET":
        raise FailedError(405, "Method Not Allowed")
    return json_reply(200, {"now": state.now()[1], "aheadS": clock.ahead_s})


def _seconds(body: bytes) -> float:
    try:
        wanted = orjson.loads(body)["advanceS"]
        seconds = float(wanted) if isinstance(wanted, int | float) and not isinstance(wanted, bool) else math.nan
    except (orjson.JSONDecodeError, KeyError, TypeError):
        seconds = math.nan
    if not 0 <= seconds < _ADVANCE_S_MAX:
        raise FailedError(400, 'give {"advanceS": seconds}, a number from 0')
    return seconds


_ADVANCE_S_MAX = 100 * 365 * 86_400
