"""Instruments: the banking details of each customer's first account, if the scenario wants parties."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.account import account_key
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.generators.holder import holder_key
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.plan.marks import KEY_MARK

BRANCH = "0001"


class InstrumentGenerator(EntityGenerator[LedgerDimensions]):
    """An account has at most one; the same body again gets the first answer (midaz-behaviour: parties)."""

    phase = Phase.INSTRUMENTS
    entity = Entity.INSTRUMENT
    payload = payloads.Instrument
    key_pattern = r"i\d+"
    others_differ = False
    match_field = filter = f"metadata.{KEY_MARK}"

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the instruments of a ledger."""
        if not scope.shape.scenario.parties:
            return
        for customer in range(scope.shape.customers):
            accounts = scope.population.accounts_of(customer)
            if not accounts:
                continue
            key, account = f"{scope.key}.i{customer + 1}", accounts[0]
            details: JsonObject = {
                "branch": BRANCH,
                "account": f"{account + 1:08}",
                "type": "CACC",
                "countryCode": "BR",
            }
            yield self.item(
                key,
                {"bankingDetails": details, "metadata": scope.identity.tags(key)},
                {
                    "ledgerId": scope.key,
                    "accountId": account_key(scope, account),
                    "holderId": holder_key(scope, customer),
                },
            )
