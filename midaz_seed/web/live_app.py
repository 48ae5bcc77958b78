"""The application of a live page: its routes. It runs in the page's own thread."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from importlib.metadata import version

import orjson
from aiohttp import web

from midaz_seed.pages.rendering import render_page
from midaz_seed.web.access import ACTION_HEADER, FORM_BYTES_MAX, HEADERS, REPORT_POLICY, Access, guard
from midaz_seed.web.broadcast import Broadcast, TooManyWatchersError

RETRY_AFTER_S = 5
STOP = "stop"
"""Value of ACTION_HEADER with which the page stops the run."""


def live_app(
    broadcast: Broadcast, access: Access, *, stop: Callable[[], bool], report: Callable[[], Awaitable[str | None]]
) -> web.Application:
    """Return the application.

    Args:
        broadcast: the state of the run.
        access: who may see it.
        stop: requests the graceful end of the run; returns whether it was running.
        report: returns the HTML report; None before the run has ended.
    """
    app = web.Application(middlewares=[guard(access)], client_max_size=FORM_BYTES_MAX)
    page = render_page("live.html.j2", scripts=("live.js",), connects=True, version=version("midaz-seed"))

    async def index(_: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html")

    async def events(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        try:
            with broadcast.watching(request.headers.get("Last-Event-ID", "")) as watcher:
                await answer.prepare(request)
                async for data in watcher.messages(broadcast.snapshot):
                    await answer.write(data)
        except TooManyWatchersError:
            text = "There are too many watchers of this run.\n"
            return web.Response(status=503, text=text, headers={"Retry-After": str(RETRY_AFTER_S)})
        return answer

    async def state(_: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(broadcast.whole_state()), content_type="application/json")

    async def show_report(_: web.Request) -> web.Response:
        text = await report()
        if text is None:
            return web.Response(status=404, text="The report is made at the end of the run.\n")
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})

    async def request_stop(request: web.Request) -> web.Response:
        if request.headers.get(ACTION_HEADER) != STOP:
            return web.Response(status=403, text=f"The header {ACTION_HEADER}: {STOP} is missing.\n")
        if not stop():
            return web.json_response({"status": broadcast.state["status"]}, status=HTTPStatus.CONFLICT)
        return web.json_response({"status": "stopping"}, status=HTTPStatus.ACCEPTED)

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    app.router.add_get("/", index)
    app.router.add_get("/events", events, allow_head=False)
    app.router.add_get("/state.json", state)
    app.router.add_get("/report", show_report)
    app.router.add_get("/healthz", health)
    app.router.add_post("/stop", request_stop)
    app.router.add_post("/login", access.log_in)
    return app
