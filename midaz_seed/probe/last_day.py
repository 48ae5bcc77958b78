"""`last_day: yesterday`: the day that a run began with, or yesterday for a run that begins now."""

from datetime import UTC, date, datetime, timedelta

from midaz_seed.clock import Clock
from midaz_seed.errors import UnreachableError
from midaz_seed.midaz.api import MidazApi, mark_of
from midaz_seed.midaz.routes import Place
from midaz_seed.plan.items import Entity, Phase
from midaz_seed.plan.last_day import run_id_of_any_day, with_last_day
from midaz_seed.plan.marks import LAST_DAY_MARK, RUN_MARK
from midaz_seed.probe.requests import reads_with_retries
from midaz_seed.scenarios.zones import OFFSETS_S
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import Transport, TransportError


async def resolve_last_day(
    settings: Settings, transport: Transport, clock: Clock, *, recorded: date | None = None
) -> Settings:
    """Return the settings with the last day of the history.

    Args:
        settings: those of the run, whose last day is `yesterday`.
        transport: connected to the server.
        clock: gives the date.
        recorded: the day in the run's directory.

    Raises:
        UnreachableError: the server does not answer.
        UnauthorizedError: it refuses the credentials.
        NotMidazError: it is not a Midaz server.
    """
    run_id = settings.run_id or run_id_of_any_day(settings)
    api = MidazApi(reads_with_retries(transport, clock), Phase.ORGANIZATIONS)
    try:
        await api.version()
        async for row in api.entities(Entity.ORGANIZATION, Place(), {f"metadata.{RUN_MARK}": run_id}):
            if mark_of(row, RUN_MARK) == run_id and (day := _parsed(mark_of(row, LAST_DAY_MARK))) is not None:
                return with_last_day(settings, day)
    except TransportError as error:
        raise UnreachableError(str(error), hint="check the address, and that the server is up") from error
    return with_last_day(settings, recorded or yesterday(settings, clock))


def yesterday(settings: Settings, clock: Clock) -> date:
    """Return the day before today, in the time zone of the scenario."""
    time = settings.scenario.time
    assert time is not None, "only a scenario with dates has a last day"
    now = datetime.fromtimestamp(clock.time() + OFFSETS_S[time.zone], UTC)
    return now.date() - timedelta(days=1)


def _parsed(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
