"""Organizations: no unique name and no idempotency key, so that only looks decide whether one is there.

Clients (or one, run again) want one world of a mark: they look for its organization, create it, look again, and fill
it. Answers may be lost, creates may arrive late, the list lags, and an ingress answers reads with its own 404.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from midaz_seed.midaz.evidence import Effect, of_entity, says_missing
from midaz_seed.model.json_types import JsonObject
from tools.protocol_model.search import Explorer, Found, Step
from tools.protocol_model.server import put

NONE = -1
_PLANNED: JsonObject = {"legalName": "Padaria", "metadata": {"seedKey": "run/o1"}}
_CREATED = json.dumps({"id": "id", **_PLANNED}).encode()
_OF_MIDAZ = b'{"code":"0038","title":"Entity Not Found","message":"No organization"}'
_OF_INGRESS = b"<html>404 page not found</html>"
RUNS_WITH_FAULTS = 2
"""How many runs of a client meet faults; the ones after them are calm."""
CREATES_MAX = 2
"""How often one session creates, its answers being lost."""


@dataclass(frozen=True, slots=True)
class WorldRules:
    """How the client decides. The default is the policy; each switch puts one old rule back, or takes one away."""

    any_404_is_missing: bool = False
    """V2: a 404 means that something is not there, whoever wrote it."""
    one_look_decides: bool = False
    """V3: after a lost create one look, that may lag, decides whether it was made."""
    checks_after_create: bool = True
    """C3: after a create the list by mark must show exactly one, else the first stays."""
    waits_before_taking: bool = True
    """Also what a look has found is taken only as the list shows it when the lag is over."""
    looks_at_the_end: bool = False
    """Done needs the list by mark to show no other filled one."""


@dataclass(frozen=True, slots=True)
class WorldSetup:
    """What may happen in one exploration."""

    clients: int = 1
    loses: bool = False
    holds: bool = False
    """A create may arrive late, but before a look has waited for the lag to be over."""
    late: bool = False
    """On purpose beyond what is assumed: a create may arrive at any time."""
    ingress: bool = False
    kills: int = 0
    ids_in_order: bool = True
    """Ids tell the order of creation (midaz-behaviour: entity-ids)."""


class Org(NamedTuple):
    """An organization of the mark. The lowest `rank` is the lowest id."""

    rank: int
    visible: bool = False
    filled: bool = False
    gone: bool = False


class Runner(NamedTuple):
    """A client. `phase`: off, read, look, create, wait, check, fill, prove, done, ended."""

    phase: str = "off"
    chosen: int = NONE
    """The organization that it works in, by place."""
    own: int = NONE
    """The one that it has created and not filled yet."""
    recorded: int = NONE
    """What its record on disk says after a run."""
    creates: int = 0
    kills: int = 0
    runs: int = 0

    @property
    def is_calm(self) -> bool:
        """The faults have stopped."""
        return self.runs > RUNS_WITH_FAULTS


class Worlds(NamedTuple):
    """Everything that there is. `held`: creates on their way."""

    orgs: tuple[Org, ...]
    runners: tuple[Runner, ...]
    held: int = 0


@cache
def believes_missing(rules: WorldRules, ingress: bool) -> bool:
    """Whether a 404 to a read is taken for an absence."""
    return rules.any_404_is_missing or says_missing(404, _OF_INGRESS if ingress else _OF_MIDAZ)


@cache
def is_made(lost: bool) -> bool:
    """Whether the answer to a create proves that it was made."""
    return of_entity(502 if lost else 201, _OF_INGRESS if lost else _CREATED, _PLANNED, {}) is Effect.MADE


class Organizations:
    """The steps of one configuration under one set of rules."""

    def __init__(self, setup: WorldSetup, rules: WorldRules) -> None:
        self._setup = setup
        self._rules = rules

    def initial(self) -> Worlds:
        """Nothing is there, and nobody has begun."""
        return Worlds((), (Runner(),) * self._setup.clients)

    def steps(self, world: Worlds) -> Iterator[Step[Worlds]]:
        """Whatever may happen next."""
        for at, org in enumerate(world.orgs):
            if not org.visible:
                seen = world._replace(orgs=put(world.orgs, at, org._replace(visible=True)))
                yield Step(f"the list shows o{at}", seen)
        if world.held:
            yield from self._arrivals(world)
        for number, runner in enumerate(world.runners):
            name = "" if len(world.runners) == 1 else f"{'AB'[number]}: "
            for what, then, now, calm in self._runner_steps(world, runner):
                yield Step(name + what, then._replace(runners=put(then.runners, number, now)), calm)

    def broken(self, world: Worlds) -> str:
        """The invariant that does not hold in a state."""
        filled = sum(org.filled and not org.gone for org in world.orgs)
        for runner in world.runners:
            if runner.phase == "done" and (filled > 1 or world.orgs[runner.chosen].gone):
                return "one world: two of one mark are filled, or the filled one is removed, and a run said Done"
        return ""

    def finished(self, world: Worlds) -> bool:
        """Some run has said Done."""
        return any(runner.phase == "done" for runner in world.runners)

    def _arrivals(self, world: Worlds) -> Iterator[Step[Worlds]]:
        for made in self._created(world):
            yield Step("a held create arrives", made._replace(held=world.held - 1))
        yield Step("a held create is lost", world._replace(held=world.held - 1))

    def _created(self, world: Worlds) -> Iterator[Worlds]:
        """The world with one more organization, which the list may show at once or later."""
        ranks = [org.rank for org in world.orgs] or [0]
        for rank in (max(ranks) + 1,) if self._setup.ids_in_order else (max(ranks) + 1, min(ranks) - 1):
            yield world._replace(orgs=(*world.orgs, Org(rank)))

    def _runner_steps(self, world: Worlds, runner: Runner) -> Iterator[tuple[str, Worlds, Runner, bool]]:
        """What happens, the world after it without the runner's own change, the runner after it, calm or not."""
        phase = runner.phase
        if phase in ("off", "ended", "done"):
            yield from self._beginning(world, runner)
            return
        if phase == "read":
            yield from self._read(world, runner)
        elif phase == "look":
            yield from self._look(world, runner)
        elif phase == "create":
            yield from self._create(world, runner)
        elif phase == "wait":
            yield from self._wait(world, runner)
        elif phase == "check":
            yield from self._check(world, runner)
        elif phase == "fill":
            filled = world.orgs[runner.chosen]._replace(filled=True)
            then = world._replace(orgs=put(world.orgs, runner.chosen, filled))
            yield f"fills o{runner.chosen}", then, runner._replace(phase="prove", own=NONE), True
        else:
            yield from self._prove(world, runner)
        if runner.kills < self._setup.kills and not runner.is_calm:
            yield "is killed", world, Runner(recorded=runner.recorded, kills=runner.kills + 1, runs=runner.runs), False

    def _beginning(self, world: Worlds, runner: Runner) -> Iterator[tuple[str, Worlds, Runner, bool]]:
        if runner.phase == "done" and (runner.is_calm or not self._setup.ingress):  # a further run would change nothing
            return
        runs = min(runner.runs, RUNS_WITH_FAULTS) + 1
        begun = Runner(recorded=runner.recorded, kills=runner.kills, runs=runs)
        if runner.recorded != NONE:
            yield "begins again", world, begun._replace(phase="read", chosen=runner.recorded), True
        else:
            yield "begins", world, begun._replace(phase="look"), True

    def _read(self, world: Worlds, runner: Runner) -> Iterator[tuple[str, Worlds, Runner, bool]]:
        """The organization that the record on disk names."""
        org, missing = world.orgs[runner.chosen], runner._replace(phase="wait", chosen=NONE)
        if org.visible and not org.gone:
            yield f"reads o{runner.chosen}", world, runner._replace(phase="fill"), True
        elif believes_missing(self._rules, ingress=False):
            yield f"reads that o{runner.chosen} is not there", world, missing, True
        if self._has_ingress(runner):
            believed = believes_missing(self._rules, ingress=True)
            gone = runner._replace(phase="create", chosen=NONE) if believed else runner._replace(phase="ended")
            yield "reads, and the ingress answers 404", world, gone, False

    def _look(self, world: Worlds, runner: Runner) -> Iterator[tuple[str, Worlds, Runner, bool]]:
        """The list by mark, as it is shown now."""
        found = self._first(world, lag_is_over=False)
        if found == NONE:
            yield "looks and finds none", world, runner._replace(phase="create"), True
        else:
            phase = "check" if self._rules.waits_before_taking else "fill"
            yield f"looks and finds o{found}", world, runner._replace(phase=phase, chosen=found), True
        if self._has_ingress(runner):
            believed = believes_missing(self._rules, ingress=True)
            then = runner._replace(phase="create" if believed else "ended")
            yield "looks, and the ingress answers 404", world, then, False

    def _create(self, world: Worlds, runner: Runner) -> Iterator[tuple[str, Worlds, Runner, bool]]:
        if runner.creates >= CREATES_MAX:
            yield "gives up", world, runner._replace(phase="ended"), True
            return
        runner = runner._replace(creates=runner.creates + 1)
        after = "check" if self._rules.checks_after_create else "fill"
        unknown = runner._replace(phase="wait")
        for made in self._created(world):
            at = len(world.orgs)
            if is_made(lost=False):
                yield f"creates o{at}", made, runner._replace(phase=after, chosen=at, own=at), True
            if self._setup.loses and not runner.is_calm and not is_made(lost=True):
                yield f"creates o{at}, the answer is lost", made, unknown, False
        if self._setup.loses and not runner.is_calm:
            yield "creates, the request is lost", world, unknown, False
        if self._setup.holds and not runner.is_calm:
            yield "creates, the request is held", world._replace(held=world.held + 1), unknown, False

    def _wait(self, world: Worlds, runner: Runner) -> Iterator[tuple[str, Worlds, Runner, bool]]:
        """It is not known whether one is there: look until the lag is over."""
        seen = self._first(world, lag_is_over=self._rules.one_look_decides is False)
        if not self._rules.one_look_decides and not self._may_end_wait(world):
            return
        then = world if self._rules.one_look_decides else self._lag_over(world)
        if seen == NONE:
            yield "looks after it and finds none", then, runner._replace(phase="create"), True
        else:
            phase = "check" if self._rules.checks_after_create else "fill"
            yield f"looks after it and finds o{seen}", then, runner._replace(phase=phase, chosen=seen), True

    def _check(self, world: Worlds, runner: Runner) -> Iterator[tuple[str, Worlds, Runner, bool]]:
        """The list by mark when the lag is over: exactly one, else the first stays and ours is removed."""
        if self._has_ingress(runner):
            believed = believes_missing(self._rules, ingress=True) and runner.own != NONE
            yield (
                "checks, and the ingress answers 404",
                world,
                runner._replace(phase="fill" if believed else "ended"),
                False,
            )
        if not self._may_end_wait(world):
            return
        if self._rules.one_look_decides:
            seen = self._first(world, lag_is_over=False)
            first = seen if seen != NONE else runner.own
        else:
            world, first = self._lag_over(world), self._first(world, lag_is_over=True)
        if first == NONE:
            yield "checks and finds none", world, runner._replace(phase="ended"), True
            return
        told, own = f"checks: o{first} stays", runner.own
        if own not in (NONE, first) and not world.orgs[own].filled:
            world = world._replace(orgs=put(world.orgs, own, world.orgs[own]._replace(gone=True)))
            told += f", removes its empty o{own}"
        yield told, world, runner._replace(phase="fill", chosen=first, own=NONE), True

    def _prove(self, world: Worlds, runner: Runner) -> Iterator[tuple[str, Worlds, Runner, bool]]:
        recorded = runner.chosen
        done = Runner("done", recorded, recorded=recorded, kills=runner.kills, runs=runner.runs)
        if not self._rules.looks_at_the_end:
            yield "says Done", world, done, True
            return
        if not self._may_end_wait(world):
            return
        world = self._lag_over(world)
        there = [at for at, org in enumerate(world.orgs) if (org.filled and not org.gone) or at == recorded]
        right = there == [recorded] and not world.orgs[recorded].gone
        ended = Runner("ended", kills=runner.kills, runs=runner.runs)
        yield (
            ("looks at the end: Done" if right else "looks at the end: not one world"),
            world,
            done if right else ended,
            True,
        )

    def _has_ingress(self, runner: Runner) -> bool:
        return self._setup.ingress and not runner.is_calm

    def _may_end_wait(self, world: Worlds) -> bool:
        """A look that waits for the lag outlasts every held create, unless the assumption is broken."""
        return not world.held or self._setup.late

    def _lag_over(self, world: Worlds) -> Worlds:
        return world._replace(orgs=tuple(org._replace(visible=True) for org in world.orgs))

    def _first(self, world: Worlds, *, lag_is_over: bool) -> int:
        """The place of the organization with the lowest id, of those that the list shows."""
        there = [at for at, org in enumerate(world.orgs) if not org.gone and (org.visible or lag_is_over)]
        return min(there, key=lambda at: world.orgs[at].rank, default=NONE)


def explore(setup: WorldSetup, rules: WorldRules | None = None) -> Found:
    """Explore a configuration, under the policy unless other rules are given."""
    model = Organizations(setup, rules or WorldRules())
    return Explorer(model.steps, model.broken, model.finished).explore(model.initial())
