"""Organizations: Brazilian companies with valid documents and addresses."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.dimensions import OrganizationDimensions
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.plan.marks import BATCH_SIZE_MARK, KEY_MARK, batch_size_of
from midaz_seed.plan.people.holders import institution
from midaz_seed.plan.streams import stream


class OrganizationGenerator(EntityGenerator[OrganizationDimensions]):
    """Organizations have no unique name on the server, so the mark in their metadata identifies them."""

    phase = Phase.ORGANIZATIONS
    entity = Entity.ORGANIZATION
    payload = payloads.Organization
    unique_on_server = False
    match_field = filter = f"metadata.{KEY_MARK}"
    compared = ("legalName", "legalDocument")

    def differences(self, item: EntityItem, found: JsonObject) -> list[str]:
        """An organization with another batch size belongs to another plan, whose transactions have other keys."""
        there, planned = batch_size_of(found), batch_size_of(item.payload)
        batch_size = [] if there == planned else [f"{BATCH_SIZE_MARK}: {there} on the server, {planned} in the plan"]
        return super().differences(item, found) + batch_size

    def items(self, scope: OrganizationDimensions) -> Iterator[EntityItem]:
        """Generate the item of an organization."""
        identity = scope.identity
        bits = stream(identity.seed, scope.key).getrandbits
        company = institution(bits, alphanumeric=identity.holders.alphanumeric_cnpj)
        yield self.item(
            scope.key,
            {
                "legalName": company.legal_name,
                "doingBusinessAs": company.trading_name,
                "legalDocument": company.document,
                "address": {
                    "line1": company.line1,
                    "line2": company.district,
                    "zipCode": company.zip_code,
                    "city": company.city,
                    "state": company.state,
                    "country": "BR",
                },
                "metadata": scope.tags,
            },
        )
