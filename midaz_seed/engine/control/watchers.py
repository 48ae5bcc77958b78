"""The background tasks of a run, in each process that fills ledgers."""

from midaz_seed.engine.control.concurrency import ramp_up, search_concurrency
from midaz_seed.engine.control.reads import read_beside_writes
from midaz_seed.engine.control.steady_window import record_steady_state
from midaz_seed.engine.control.stop_rules import enforce
from midaz_seed.engine.control.time_limit import enforce_time_limit

LOAD_WATCHERS = (enforce, search_concurrency, ramp_up, enforce_time_limit, record_steady_state, read_beside_writes)
"""Each is cancelled at the end of the run; one whose setting is off returns immediately."""
