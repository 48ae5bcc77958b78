"""Create, list, read, change, delete and count entities: the same for every kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from midaz_seed.sandbox.core.dates import parse_instant
from midaz_seed.sandbox.core.error_codes import RefusedError
from midaz_seed.sandbox.core.messages import Call, Reply, empty_reply, json_reply
from midaz_seed.sandbox.entities.body_reader import read_body
from midaz_seed.sandbox.entities.body_schema import Body
from midaz_seed.sandbox.entities.holder_kinds import HOLDER_HOOKS, HOLDER_KINDS
from midaz_seed.sandbox.entities.kind_rules import HOOKS, Hooks
from midaz_seed.sandbox.entities.kinds import KINDS, Filter, Kind
from midaz_seed.sandbox.entities.list_queries import Listing, by_cursor, by_page, like, metadata_matches, read_listing
from midaz_seed.sandbox.storage.state import HOLDER_KIND_NAMES, Collection, EntityDoc, SandboxState

Handler = Callable[[SandboxState, Call], Reply]


@dataclass(frozen=True, slots=True)
class Entity:
    """The handlers of one kind of entity."""

    kind: Kind
    hooks: Hooks

    def _collection(self, state: SandboxState, call: Call) -> Collection:
        return state.collection_of(self.kind.name, *self._parents(call))

    def _parents(self, call: Call) -> tuple[str, str]:
        """Return the ids of organization and ledger in the path; "" where the kind has no such parent."""
        name = self.kind.name
        if name == "organizations":
            return "", ""
        return call.params[0], "" if name == "ledgers" or name in HOLDER_KIND_NAMES else call.params[1]

    def _found(self, state: SandboxState, call: Call) -> EntityDoc:
        doc = self._collection(state, call).live.get(call.params[-1])
        if doc is None or not state.shows(doc["id"]):
            raise RefusedError(self.kind.not_found)
        return doc

    def create(self, state: SandboxState, call: Call) -> Reply:
        """Create an entity."""
        body = read_body(self.kind.create, call.body, state.dialect)
        doc = self.add(state, *self._parents(call), body)
        shown = self.render(state, doc)
        for name in state.dialect.echoed.get(self.kind.name, ()):
            shown[name] = body[name]
        return json_reply(201, shown)

    def add(
        self, state: SandboxState, org_id: str, ledger_id: str, body: Body, more: Mapping[str, Any] | None = None
    ) -> EntityDoc:
        """Create an entity from a body; `more` is stored with it.

        Raises:
            RefusedError: a rule of the kind, a name that is taken, an unknown parent.
        """
        own = self.hooks.prepare(state, org_id, ledger_id, body)
        self._check_unique(state.collection_of(self.kind.name, org_id, ledger_id), own)
        self._check_parent(state, org_id, ledger_id)
        return self.store(state, org_id, ledger_id, own, body["metadata"], more)

    def store(
        self,
        state: SandboxState,
        org_id: str,
        ledger_id: str,
        own: Mapping[str, Any],
        metadata: Mapping[str, Any] | None,
        more: Mapping[str, Any] | None = None,
    ) -> EntityDoc:
        """Store a new entity, and let its kind create what belongs to it."""
        epoch_s, stamp = state.now()
        doc: EntityDoc = {"id": state.new_id(epoch_s), **(more or {}), **own}
        if org_id:
            doc["organizationId"] = org_id
        if ledger_id:
            doc["ledgerId"] = ledger_id
        doc |= {"createdAt": stamp, "updatedAt": stamp, "deletedAt": None, "metadata": metadata or {}}
        self.hooks.fill(doc)
        state.save(self.kind.name, org_id, ledger_id, doc)
        self.hooks.created(state, org_id, ledger_id, doc)
        return doc

    def _check_unique(self, collection: Collection, own: Mapping[str, Any]) -> None:
        kind = self.kind
        if not kind.unique_field:
            return
        matches = like(own[kind.unique_field], ignore_case=kind.unique_ignores_case)
        if any(matches(doc[kind.unique_field]) for doc in collection):
            raise RefusedError(kind.unique_code)

    def _check_parent(self, state: SandboxState, org_id: str, ledger_id: str) -> None:
        """Check the foreign key; a deleted parent satisfies it."""
        if not self.kind.unknown_parent or not org_id:
            return
        known = (
            state.ledgers_of(org_id).exists_or_deleted(ledger_id)
            if ledger_id
            else state.organizations.exists_or_deleted(org_id)
        )
        if not known:
            raise RefusedError(self.kind.unknown_parent)

    def render(self, state: SandboxState, doc: EntityDoc) -> EntityDoc:
        """Return an entity as an answer shows it."""
        shown = doc.copy()
        for name in self.kind.omit_empty:
            if not doc.get(name):
                shown.pop(name, None)
        for name, feature in self.kind.fields_by_feature.items():
            if not state.dialect.has(feature):
                shown.pop(name, None)
        for name in self.kind.hidden:
            shown.pop(name, None)
        if not doc["metadata"]:
            shown.pop("metadata")
        return self.hooks.show(state, shown)

    def render_listed(self, state: SandboxState, doc: EntityDoc) -> EntityDoc:
        """Return an entity as a list shows it."""
        shown = self.render(state, doc)
        if state.dialect.bare_route_lists:
            shown.pop("operationRoutes", None)
        return shown

    def list(self, state: SandboxState, call: Call) -> Reply:
        """List entities, by page number or by cursor."""
        kind, dialect = self.kind, state.dialect
        listing = read_listing(call.query(), dialect)
        collection = self._collection(state, call)
        kept = self._kept(state, listing)
        numbered = kind.paging == "page" or kind.name in dialect.cursor_lists_with_page
        if kind.paging == "page":
            turned = listing.metadata is not None and dialect.metadata_pages_descend
            items = by_page(
                (doc for doc in collection if kept(doc)), replace(listing, descending=False) if turned else listing
            )
            if turned:
                items.reverse()
            empty = dialect.offset_list_empty
            cursors: dict[str, str] = {}
        else:
            items, cursors = by_cursor(list(collection), lambda doc: str(doc["id"]), listing, dialect, kept, kind.name)
            empty = dialect.cursor_list_empty[kind.name]
        if not items and listing.metadata is not None and kind.no_match and dialect.metadata_match_required:
            raise RefusedError(kind.no_match)
        if listing.metadata is not None and kind.offset_applied_twice and listing.page > 1:
            items = []
        shown: Any = [self.render_listed(state, doc) for doc in items] or (None if empty == "null" else [])
        page = {"page": listing.page} if numbered and listing.page else {}
        return json_reply(200, {"items": shown, "limit": listing.limit, **page, **cursors})

    def _kept(self, state: SandboxState, listing: Listing) -> Callable[[EntityDoc], bool]:
        """Return the test for entities of a list.

        Raises:
            RefusedError: 0082 for a value that a filter does not allow.
        """
        tests: list[Callable[[EntityDoc], bool]] = []
        for name, found in self.kind.filters.items():
            text = listing.others.get(name)
            if not text or not state.dialect.has(found.feature):
                continue
            if not found.allowed(text) or (listing.metadata and self.kind.names_exclude_metadata and name != "status"):
                raise RefusedError("0082", entity="" if found.is_id else None)
            tests.append(partial(_passes, found, text))
        wanted = listing.metadata
        if wanted is not None:
            tests.append(lambda doc: metadata_matches(doc["metadata"], wanted))
        if state.shown_until_s is not None:
            tests.append(lambda doc: state.shows(doc["id"]))
        if listing.start_s is not None:
            tests.append(lambda doc: listing.between(_epoch_s(doc["createdAt"])))
        return lambda doc: all(test(doc) for test in tests)

    def get(self, state: SandboxState, call: Call) -> Reply:
        """Show one entity."""
        return json_reply(200, self.render(state, self._found(state, call)))

    def patch(self, state: SandboxState, call: Call) -> Reply:
        """Change an entity."""
        body = read_body(self.kind.patch, call.body, state.dialect)
        doc = self._found(state, call)
        org_id, ledger_id = self._parents(call)
        changes = self._changes(body, doc)
        self.hooks.check_patch(state, org_id, ledger_id, doc, changes)
        changed = {**doc, **changes, "metadata": merged_metadata(doc["metadata"], body), "updatedAt": state.now()[1]}
        state.save(self.kind.name, org_id, ledger_id, changed)
        return json_reply(200, self.render(state, changed))

    def _changes(self, body: Body, doc: EntityDoc) -> EntityDoc:
        """Return the fields that a PATCH sets. An empty value changes nothing, but a null empties a clearable field."""
        changes: EntityDoc = {}
        for field in self.kind.patch.fields:
            name, value = field.name, body.get(field.name)
            if name == "metadata":
                continue
            if name == "status":
                if value["code"] or value["description"]:
                    changes[name] = {"code": value["code"] or doc[name]["code"], "description": value["description"]}
            elif name == "address":
                if any(value.values()):
                    changes[name] = {key: text for key, text in value.items() if key != "description"}
            elif value or value is False:
                changes[name] = value
            elif name in self.kind.clearable and body.has_null(name):
                changes[name] = None
        return changes

    def delete(self, state: SandboxState, call: Call) -> Reply:
        """Delete an entity."""
        doc = self._found(state, call)
        org_id, ledger_id = self._parents(call)
        self.hooks.check_delete(state, org_id, ledger_id, doc)
        state.save(self.kind.name, org_id, ledger_id, {**doc, "deletedAt": state.now()[1]})
        return empty_reply(204)

    def count(self, state: SandboxState, call: Call) -> Reply:
        """Count entities."""
        return count_reply(len(self._collection(state, call).live))


def _passes(found: Filter, text: str, doc: EntityDoc) -> bool:
    return found.test(doc, text)


def count_reply(count: int) -> Reply:
    """Return the answer of a HEAD request for a count."""
    return empty_reply(204, [(b"x-total-count", str(count).encode()), (b"content-length", b"0")])


def merged_metadata(present: Mapping[str, Any], body: Body) -> EntityDoc:
    """Return metadata after a JSON merge: null removes a key, null for the whole removes all."""
    if body.has_null("metadata"):
        return {}
    merged = {**present, **(body["metadata"] or {})}
    return {key: value for key, value in merged.items() if value is not None}


def _epoch_s(text: str) -> float:
    instant = parse_instant(text)
    assert instant is not None, text
    return instant.timestamp()


ENTITIES = {
    name: Entity(kind, (HOOKS | HOLDER_HOOKS).get(name, Hooks())) for name, kind in (KINDS | HOLDER_KINDS).items()
}
