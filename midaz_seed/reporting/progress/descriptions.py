"""Events of a run as lines for people."""

from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import (
    BatchSizeChosen,
    BatchSizeMeasured,
    ConcurrencyChanged,
    Event,
    PhaseFinished,
    RateLimited,
    RunStarted,
    Settled,
    TimeUp,
)
from midaz_seed.wording import counted, printable


def describe(event: Event) -> str:
    """Describe an event in one line that can be printed; "" for events that are only logged."""
    return printable(_described(event))


def _described(event: Event) -> str:
    match event:
        case RunStarted():
            ledgers = counted(event.ledgers, "ledger")
            return f"run {event.run_id}: {ledgers} on {event.target} (Midaz {event.server_version})"
        case PhaseFinished(ledger=ledger, phase=phase) if ledger and phase is not Phase.SETTLEMENT:
            if phase is Phase.VERIFY:
                done = "verified in" if event.created else "not verified, stopped after"
                return f"{ledger} {done} {event.elapsed_s:.1f} s"
            failed = f", {event.failed:,} failed" if event.failed else ""
            existing = f", {event.existing:,} existing" if event.existing else ""
            made = f"{event.refused:,} refused" if phase is Phase.REFUSALS else f"{event.created:,} created"
            return f"{ledger} {event.phase}: {made}{existing}{failed} in {event.elapsed_s:.1f} s"
        case BatchSizeMeasured():
            return (
                f"batch size {event.size}: {event.movements_per_s:,.0f} movements/s, p99 {event.latency_ms_p99:.1f} ms"
            )
        case BatchSizeChosen():
            return f"batch size chosen: {event.size} ({event.reason})"
        case RateLimited():
            return f"the server rejects requests because of their number: slowing down to {event.rate_per_s:,.0f}/s"
        case ConcurrencyChanged():
            return f"concurrency {event.in_flight} ({event.reason})"
        case TimeUp():
            return f"time limit reached after {event.at_s:.1f} s: settling and verifying what was started"
        case Settled():
            looks = counted(event.looks, "time")
            return f"{event.ledger} settled after {event.waited_s:.2f} s, balances read {looks}"
    return ""
