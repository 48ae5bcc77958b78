"""The settings of the runs of a benchmark: of a case, with another number of movements, with a batch size. Pure."""

from midaz_seed.errors import UsageError
from midaz_seed.plan.memory import customers_of
from midaz_seed.reporting.report import Report
from midaz_seed.runs.record import stored_settings
from midaz_seed.scenarios.model import Scenario
from midaz_seed.settings.model import Settings


def with_scenario(settings: Settings, scenario: Scenario) -> Settings:
    """Return the settings with a case instead of the scenario that it belongs to.

    Organizations and ledgers become those of the case, unless other numbers were given.
    """
    own, base, volume = settings.volume, settings.scenario.volume, scenario.volume
    update: dict[str, int] = {}
    if own.organizations == base.organizations:
        update["organizations"] = volume.organizations
    if own.ledgers_per_organization == base.ledgers:
        update["ledgers_per_organization"] = volume.ledgers
    if scenario is settings.scenario or scenario.volume.from_settings:
        update = {}
    return settings.model_copy(update={"scenario": scenario, "volume": own.model_copy(update=update)})


def with_movements(settings: Settings, movements: int) -> Settings:
    """Return the settings with another number of movements by chance. Raises UsageError where there are none."""
    scenario = settings.scenario
    if scenario.volume.from_settings or not any(entry.weight for entry in scenario.mix.values()):
        raise UsageError(
            f"--duration cannot set the size of the scenario {scenario.scenario}, which has no movements by chance",
            hint="leave out --duration, or use a scenario with volume.movements, such as contention",
        )
    return settings.model_copy(update={"volume": settings.volume.model_copy(update={"movements": movements})})


def with_fewer(settings: Settings, movements: int) -> Settings:
    """Return the settings for a first warm-up run: fewer movements, or of the scenario `classic` fewer accounts."""
    volume, scenario = settings.volume, settings.scenario
    if not scenario.volume.from_settings:
        return with_movements(settings, movements) if any(each.weight for each in scenario.mix.values()) else settings
    fewer = max(2 * volume.assets_per_ledger, volume.accounts_per_ledger // 20)
    accounts = min(fewer, volume.accounts_per_ledger)
    return settings.model_copy(update={"volume": volume.model_copy(update={"accounts_per_ledger": accounts})})


def with_batch_size(settings: Settings, report: Report) -> Settings:
    """Return the settings with the batch size that an earlier run measured, where it is `auto`: all runs of a case with
    a variant have the same plan."""
    batches = settings.generation.batches
    if batches.transactions_per_batch != "auto" or report.packing is None:
        return settings
    chosen = batches.model_copy(update={"transactions_per_batch": report.packing.size})
    return settings.model_copy(update={"generation": settings.generation.model_copy(update={"batches": chosen})})


def check_fits(settings: Settings, case: str) -> None:
    """Check that runs are verified, and that there are accounts for every leg of a case. Raises UsageError."""
    if not settings.verification.enabled:
        raise UsageError(
            "verification.enabled is false, and only runs that are verified count in a benchmark",
            hint="leave it out: the verification is not in the figures of transfers",
        )
    if settings.scenario.volume.from_settings:
        return
    legs = max((max(entry.legs, entry.sources) for entry in settings.scenario.mix.values()), default=1)
    if legs > 1 and customers_of(settings) <= legs:
        raise UsageError(
            f"the case {case} has transactions with {legs} legs, and there are {customers_of(settings):,} customers",
            hint=f"use at least --customers {legs + 1}, or other cases (--case NAME)",
        )


def changed_settings(settings: Settings, base: Settings) -> dict[str, str]:
    """Return the settings that differ from others, by path, without secrets."""
    before = stored_settings(base)
    return {path: str(value) for path, value in stored_settings(settings).items() if value != before.get(path)}
