"""The templates and static files of the pages."""

import mimetypes
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

_FOLDER = Path(__file__).parent


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: Any) -> str:
    """Render a page. All values are escaped."""
    return _environment().get_template(template).render(values)


def login_page(message: str) -> str:
    """Render the login form."""
    return render("login.html.j2", title="Token required", message=message)


def add_static_files(app: web.Application) -> None:
    """Serve the scripts and styles of the pages below `/static/`, from memory."""
    files = {path.name: path.read_bytes() for path in sorted((_FOLDER / "static").iterdir())}

    async def static_file(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in files:
            raise web.HTTPNotFound
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return web.Response(body=files[name], content_type=kind, charset="utf-8")

    app.router.add_get("/static/{name}", static_file)
