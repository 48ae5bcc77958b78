"""The application of `runs serve`: the history of a runs directory. It changes nothing."""

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from midaz_seed.pages.rendering import render_page
from midaz_seed.pages.report_page import render_report
from midaz_seed.runs.record import RunStatus
from midaz_seed.web.access import FORM_BYTES_MAX, REPORT_POLICY, Access, guard
from midaz_seed.web.comparing import Side, different_settings, figures, warnings_about
from midaz_seed.web.history import DAMAGED, Filter, History, Run, as_document
from midaz_seed.web.overlay import overlaid_charts
from midaz_seed.wording import duration_text

PAGE_ROWS = 100
STATUSES = (*(status.value for status in RunStatus), DAMAGED)
VERDICTS = ("passed", "failed")


def history_app(root: Path, access: Access) -> web.Application:
    """Return the application for the runs in a directory. What reads files runs in threads."""
    app = web.Application(middlewares=[guard(access)], client_max_size=FORM_BYTES_MAX)
    history = History(root)

    async def index(request: web.Request) -> web.Response:
        return _page(await asyncio.to_thread(_list, history, dict(request.query)))

    async def runs_json(request: web.Request) -> web.Response:
        chosen = Filter.of(dict(request.query))
        runs = await asyncio.to_thread(lambda: [run for run in history.runs() if chosen.accepts(run)])
        document = await asyncio.to_thread(as_document, runs)
        return web.Response(body=orjson.dumps(document), content_type="application/json")

    async def show(request: web.Request) -> web.Response:
        return await asyncio.to_thread(_show, history, request.match_info["name"], has_login=bool(access.token))

    async def compare(request: web.Request) -> web.Response:
        return await asyncio.to_thread(_compare, history, request.query.getall("run", []))

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    app.router.add_get("/", index)
    app.router.add_get("/runs.json", runs_json)
    app.router.add_get("/runs/{name}", show)
    app.router.add_get("/compare", compare)
    app.router.add_get("/healthz", health)
    app.router.add_post("/login", access.log_in)
    return app


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, content_type="text/html", status=status)


def _render(template: str, **values: Any) -> str:
    return render_page(template, connects=True, version=version("midaz-seed"), **values)


def _list(history: History, query: dict[str, str]) -> str:
    runs = history.runs()
    chosen = Filter.of(query)
    found = [run for run in runs if chosen.accepts(run)]
    pages = max(-(-len(found) // PAGE_ROWS), 1)
    number = query.get("page", "1")
    page = min(max(int(number), 1), pages) if number.isascii() and number.isdecimal() and len(number) < 9 else 1
    return _render(
        "history.html.j2",
        root=str(history.root),
        duration_text=duration_text,
        runs=found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS],
        total=len(runs),
        matching=len(found),
        filter=chosen,
        statuses=STATUSES,
        verdicts=VERDICTS,
        scenarios=sorted({run.record.scenario for run in runs if run.record is not None}),
        page_number=page,
        pages=pages,
    )


def _show(history: History, name: str, *, has_login: bool) -> web.Response:
    run = history.find(name)
    if run is None:
        return _page(_render("notice.html.j2", heading="Unknown run", text="There is no run of this name."), 404)
    report = run.read_report()
    if report is None or run.status in (RunStatus.RUNNING, RunStatus.CUT_OFF):  # that of an earlier session
        return _page(_render("run.html.j2", run=run))
    # the report has no origin of its own, so that a link from it would be without the cookie of the login
    answer = _page(render_report(report, history_link=not has_login))
    answer.headers["Content-Security-Policy"] = REPORT_POLICY
    return answer


def _compare(history: History, names: list[str]) -> web.Response:
    runs = [history.find(name) for name in names[:3]]
    found: list[Run] = [run for run in runs if run is not None]
    if len(found) != 2 or len(names) != 2:
        text = "Choose two runs of the list to compare them."
        return _page(_render("notice.html.j2", heading="Compare two runs", text=text), 400)
    first, second = (Side(label, run, run.read_report()) for label, run in zip("AB", found, strict=True))
    text = _render(
        "compare.html.j2",
        sides=(first, second),
        warnings=warnings_about(first, second),
        rows=figures(first.report, second.report),
        settings=different_settings(first.run.record, second.run.record),
        charts=overlaid_charts(first.report, second.report),
    )
    return _page(text)
