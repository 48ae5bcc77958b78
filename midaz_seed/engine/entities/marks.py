"""List what carries the run's marks on the server, by item key.

Everything that a run creates carries its run id and its own key, so a listing shows what exists twice or was not
planned.
"""

from collections.abc import Mapping

from midaz_seed.engine.context import RunContext
from midaz_seed.engine.rereads import Rereads
from midaz_seed.engine.state_tree import OrganizationState
from midaz_seed.errors import NotMidazError
from midaz_seed.midaz.routes import Place
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Entity, Phase
from midaz_seed.plan.marks import KEY_MARK, mark_in
from midaz_seed.reporting.report_findings import Difference

IdsByKey = dict[str, list[str]]
"""Item key -> server ids of what carries its mark."""


def key_of(row: JsonObject, run_id: str) -> str:
    """Return the key of the item whose mark an object carries; "" when it carries no mark of this run."""
    return key_in(mark_in(row, KEY_MARK), run_id)


def key_in(mark: str, run_id: str) -> str:
    """Return the key of the item in a mark; "" when it is not a mark of this run."""
    prefix = f"{run_id}/"
    return mark[len(prefix) :] if mark.startswith(prefix) else ""


def id_of(row: JsonObject) -> str:
    """Return the server's id of an object.

    Raises:
        NotMidazError: it has none.
    """
    found = row.get("id")
    if not isinstance(found, str) or not found:
        raise NotMidazError(
            f"the server lists something without an id: {str(row)[:60]}",
            hint="check that no proxy or gateway changes the server's answers",
        )
    return found


def add(ids: IdsByKey, key: str, found: str) -> None:
    """Add an id under a key, once: a page may repeat it."""
    known = ids.setdefault(key, [])
    if found not in known:
        known.append(found)


def surplus(kind: str, ids: IdsByKey, planned: Mapping[str, str]) -> list[Difference]:
    """Return what exists more than once or was not planned.

    Args:
        kind: name of the entity in the differences.
        ids: what was found.
        planned: key -> name.
    """
    return [
        Difference(key, kind, planned.get(key, ""), "1" if key in planned else "0", _carriers(kind, key, found))
        for key, found in ids.items()
        if len(found) > (key in planned)
    ]


def _carriers(kind: str, key: str, ids: list[str]) -> str:
    count = f"1 {kind} carries" if len(ids) == 1 else f"{len(ids)} {kind}s carry"
    return f"{count} the mark of {key}: {', '.join(ids)}"


async def locate(context: RunContext) -> list[Difference]:
    """Find the plan's organizations and ledgers, for a verification without a run.

    Of several with one key the oldest is used.

    Returns:
        What is absent, or exists more than once.

    Raises:
        RequestFailedError: a list cannot be read.
        NotMidazError: a list has an object without an id.
    """
    organizations = context.state.organizations
    names = {organization.plan.key: organization.plan.name for organization in organizations}
    wanted = {organization.plan.key: "" for organization in context.state.organizations_to_fill}
    ids, wrong = await _listed(context, Entity.ORGANIZATION, Place(), names, wanted)
    for organization in context.state.organizations_to_fill:
        if organization.plan.key not in ids:
            continue
        organization.id = ids[organization.plan.key][0]
        place, own = Place(organization.id), {ledger.plan.key: "" for ledger in organization.ledgers}
        in_it, differences = await _listed(context, Entity.LEDGER, place, _ledger_names(organization), own)
        wrong += differences
        for ledger in organization.ledgers:
            ledger.organization_id = organization.id
            ledger.id = in_it.get(ledger.plan.key, [""])[0]
    return wrong


async def verify_marks(context: RunContext) -> list[Difference]:
    """Return the organizations and ledgers with marks of this run that it did not fill, and those it filled that are
    absent.

    Raises as `locate`.
    """
    organizations = context.state.organizations
    names = {organization.plan.key: organization.plan.name for organization in organizations}
    known = {organization.plan.key: organization.id for organization in organizations if organization.id}
    _, wrong = await _listed(context, Entity.ORGANIZATION, Place(), names, known)
    for organization in organizations:
        if organization.id:
            known = {ledger.plan.key: ledger.id for ledger in organization.ledgers if ledger.id}
            names = _ledger_names(organization)
            wrong += (await _listed(context, Entity.LEDGER, Place(organization.id), names, known))[1]
    return wrong


def _ledger_names(organization: OrganizationState) -> dict[str, str]:
    """Return key -> name of an organization's planned ledgers, those of other processes included."""
    return {ledger.key: ledger.name for ledger in organization.plan.ledgers}


async def _listed(
    context: RunContext, entity: Entity, place: Place, names: Mapping[str, str], wanted: Mapping[str, str]
) -> tuple[IdsByKey, list[Difference]]:
    """Return what carries the run's marks under a path, reread until it shows what is wanted, and the differences.

    Args:
        names: planned key -> name.
        wanted: keys that must exist, each with its id where that is known.
    """
    api, rereads, run_id = context.api(Phase.VERIFY), Rereads(context), context.plan.run_id
    while True:
        ids: IdsByKey = {}
        async for row in api.entities(entity, place, {}):
            key = key_of(row, run_id)
            if key:
                add(ids, key, id_of(row))
        absent = [
            Difference(key, entity, names[key], found or "present", "absent")
            for key, found in wanted.items()
            if (found not in ids.get(key, ()) if found else key not in ids)
        ]
        more = surplus(entity, ids, names)
        if not absent and not more:
            return ids, []
        if not await rereads.again([absent, more], frozenset(more)):
            return ids, [*absent, *more]
