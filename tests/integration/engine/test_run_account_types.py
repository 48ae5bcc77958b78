"""Account types that the plan registers, on a server that stores every type in lower case."""

from midaz_seed.runner import seed_async
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for


async def test_running_again_finds_accounts_whose_type_the_server_wrote_in_lower_case() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, volume={"accountTypesPerLedger": 5, "accountsPerLedger": 40})
        assert (await seed_async(settings)).exit_code == 0
        report = await seed_async(settings)
    phases = {phase.name: (phase.created, phase.existing, phase.failed) for phase in report.phases}
    assert report.exit_code == 0, report.verdict
    assert phases["account_types"] == (0, 5, 0)
    assert phases["accounts"] == (0, 40, 0)
