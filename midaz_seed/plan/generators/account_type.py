"""Account types, registered only if the plan has any."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.items import Entity, EntityItem, Phase


class AccountTypeGenerator(EntityGenerator[LedgerDimensions]):
    """The server stores `keyValue` in lower case."""

    phase = Phase.ACCOUNT_TYPES
    entity = Entity.ACCOUNT_TYPE
    payload = payloads.AccountType
    key_pattern = r"at\d+"
    others_differ = False
    match_field = "keyValue"
    case_sensitive = False
    filter = "key_value"

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the account types of a ledger."""
        for index, word in enumerate(scope.shape.account_types):
            key = f"{scope.key}.at{index + 1}"
            yield self.item(
                key,
                {
                    "name": word,
                    "description": f"Contas do tipo {word}",
                    "keyValue": word,
                    "metadata": scope.identity.tags(key),
                },
            )
