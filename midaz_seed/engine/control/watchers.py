"""What steers and watches the load of a run while it goes on, in each process that fills ledgers."""

from midaz_seed.engine.control.concurrency import ramp_up, search_concurrency
from midaz_seed.engine.control.steady_window import record_steady_state
from midaz_seed.engine.control.stop_rules import enforce
from midaz_seed.engine.control.time_limit import enforce_time_limit

LOAD_WATCHERS = (enforce, search_concurrency, ramp_up, enforce_time_limit, record_steady_state)
"""Each is a task beside the run, cancelled at its end; one whose setting is off ends at once."""
