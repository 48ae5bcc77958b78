"""A run in several processes is followed as one."""

from collections import Counter

from midaz_seed.engine.context import RunContext
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import ErrorSeen, Event, PhaseFinished, PhaseStarted, RunFinished, RunStarted, Settled
from midaz_seed.reporting.outputs.metric_families import Figures
from midaz_seed.runner import seed_async
from midaz_seed.telemetry.figures import LiveFigures
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for


async def test_events_and_figures_of_a_run_with_shards_are_those_of_all_its_processes() -> None:
    live, events, shown = LiveFigures(), [], []

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, RunFinished):
            live.end(event.exit_code)
        shown.append(live.current())

    async def watch(context: RunContext) -> None:
        live.begin(context)

    faults = {"rules": [{"every": 20, "on": "transactions", "status": {"code": 503, "when": "before"}}]}
    async with sandbox(faults) as server:
        settings = settings_for(server.url, limits={"shards": 2}, volume={"ledgersPerOrganization": 4})
        report = await seed_async(settings, emit=emit, watch=watch)
    assert report.exit_code == 0, report.verdict
    kinds = Counter(type(event) for event in events)
    assert kinds[RunStarted] == kinds[RunFinished] == 1
    finished = Counter(event.phase for event in events if isinstance(event, PhaseFinished))
    assert finished[Phase.DEPOSITS] == finished[Phase.TRANSFERS] == finished[Phase.VERIFY] == 4
    assert Counter(event.phase for event in events if isinstance(event, PhaseStarted))[Phase.TRANSFERS] == 4
    assert kinds[Settled] == 4
    assert kinds[ErrorSeen] >= 1
    figures = shown[-1]
    assert figures is not None
    assert sum(phase.requests for phase in figures.phases.values()) == report.requests
    assert sum(phase.movements for phase in figures.phases.values()) == report.movements
    assert figures.errors["server"] == sum(group.count for group in report.errors) > 0
    answers = {phase.phase: sum(phase.counts[1::2]) for phase in report.latency_histograms}
    assert {name: buckets.count for name, buckets in figures.latency.items() if buckets.count} == answers
    assert _never_falls([each for each in shown if each is not None])


def _never_falls(shown: list[Figures]) -> bool:
    """Whether every counter was as high as before at each time."""
    counts = [
        (
            sum(phase.requests for phase in each.phases.values()),
            sum(each.errors.values()),
            sum(buckets.count for buckets in each.latency.values()),
        )
        for each in shown
    ]
    return all(sorted(column) == list(column) for column in zip(*counts, strict=True))
