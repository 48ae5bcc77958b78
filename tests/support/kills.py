"""Runs that end as a SIGKILL would end them, in this process."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.runner import seed_async
from midaz_seed.runs.directory import run_directory
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import resolve_target
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.lifecycle import seed_plan
from tests.support.transports import http_transport


@dataclass
class HaltingTransport:
    """A transport that stops answering at the n-th POST request, as if the process had been killed there.

    Attributes:
        posts: The number of that request, from 1.
        reaches: Whether it reaches the server.
        save: Called at that moment, to save the journal as the kill would leave it.
        halted: Set when the server has carried out the requests before it.
    """

    inner: Transport
    posts: int
    reaches: bool
    save: Callable[[], None]
    halted: anyio.Event = field(default_factory=anyio.Event)
    seen: int = 0
    in_flight: int = 0

    async def send(self, request: Request) -> Response:
        if request.method != "POST":
            return await self.inner.send(request)
        self.seen += 1
        if self.seen < self.posts:
            return await self._post(request)
        if self.seen == self.posts:
            self.save()
            if self.reaches:
                await self._post(request)
            self._note_halt()
        return await anyio.sleep_forever()

    async def _post(self, request: Request) -> Response:
        self.in_flight += 1
        try:
            return await self.inner.send(request)
        finally:
            self.in_flight -= 1
            self._note_halt()

    def _note_halt(self) -> None:
        if self.seen >= self.posts and not self.in_flight:
            self.halted.set()

    async def aclose(self) -> None:
        await self.inner.aclose()


async def run_until_killed(settings: Settings, posts: int, *, reaches: bool, plan: Plan | None = None) -> None:
    """Run until the n-th POST request, and leave what a SIGKILL there leaves.

    Args:
        settings: Those of the run.
        posts: The number of that request, from 1.
        reaches: Whether it reaches the server.
        plan: The run's plan, where it was made by hand.
    """
    run = run_directory(settings, build_plan(settings).run_id, resolve_target(settings.target)).path
    saved = run.with_name("as at the kill")
    wire = http_transport(settings.target.base_url)
    transport = HaltingTransport(wire, posts, reaches, lambda: shutil.copytree(run, saved) and None)
    async with anyio.create_task_group() as group:

        async def seed() -> None:
            if plan is not None:
                await seed_plan(settings, plan, overrides={Transport: transport})
            else:
                await seed_async(settings, overrides={Transport: transport})
            raise AssertionError(f"the run ended after {transport.seen} POST requests")

        group.start_soon(seed)
        await transport.halted.wait()
        group.cancel_scope.cancel()
    await wire.aclose()
    shutil.rmtree(run)
    saved.rename(run)
