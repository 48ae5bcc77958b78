"""What steers and watches the load of a run while it goes on, in each process that fills ledgers."""

from midaz_seed.engine.control.concurrency import find_the_knee, ramp_up
from midaz_seed.engine.control.steady_window import watch_the_load
from midaz_seed.engine.control.stop_rules import enforce
from midaz_seed.engine.control.time_limit import keep_time

LOAD_WATCHERS = (enforce, find_the_knee, ramp_up, keep_time, watch_the_load)
"""Each is a task beside the run, cancelled at its end; one whose setting is off ends at once."""
