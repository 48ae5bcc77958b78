"""Render a page from its template: one document with its styles and scripts inside, which needs no network.

Every text is escaped, because most of them contain what a server sent. Besides, the page's own policy lets the browser
run only the scripts that are in this package.
"""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from midaz_seed.model.json_types import JsonObject
from midaz_seed.wording import counted, printable

STYLES = ("uplot/uPlot.min.css", "page.css")
SERVED_STYLES = ("web.css",)
"""Besides, for the pages of a server."""
SCRIPTS = ("uplot/uPlot.iife.min.js", "charts.js", "page.js")
_SAFE_IN_SCRIPT = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


class PageParts:
    """What `base.html.j2` puts into a page, as `page`: styles, scripts and the policy.

    Args:
        scripts: files of `static/` that the page runs after SCRIPTS.
        connects: the page may send requests and forms to the server that it came from.
    """

    def __init__(self, scripts: Sequence[str] = (), *, connects: bool = False) -> None:
        styles = (*STYLES, *SERVED_STYLES) if connects else STYLES
        self.styles = Markup("\n".join(static_text(name) for name in styles))  # noqa: S704 - our own files
        self.scripts = [Markup(static_text(name)) for name in (*SCRIPTS, *scripts)]  # noqa: S704
        hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in self.scripts)
        own = "'self'" if connects else "'none'"
        self.policy = (
            f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
            f"connect-src {own}; base-uri 'none'; form-action {own}"
        )

    def data(self, value: Any) -> Markup:
        """Return JSON that can be in a script element: nothing in it can end the element."""
        return Markup(orjson.dumps(value).decode().translate(_SAFE_IN_SCRIPT))  # noqa: S704 - no markup is left


def render_page(
    template: str,
    *,
    charts: JsonObject | None = None,
    scripts: Sequence[str] = (),
    connects: bool = False,
    **values: Any,
) -> str:
    """Render a template of `templates/`, which extends `base.html.j2` with its blocks title, head, verdict and main.

    Args:
        template: its file name.
        charts: the model of the charts (`chart_data`), which `page.js` draws into the element `charts`.
        scripts: files of `static/` that the page runs after the common ones.
        connects: the page may send requests and forms to the server that it came from; otherwise it can send none.
        **values: what the template uses.
    """
    if charts is not None:
        values["charts"] = charts
    parts = PageParts(scripts, connects=connects)
    return _environment().get_template(template).render(page=parts, version=values.pop("version", ""), **values)


@cache
def static_text(name: str) -> str:
    """Return a file of `static/`."""
    return files("midaz_seed.pages").joinpath("static", name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("midaz_seed.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["decimal"] = lambda value, digits=1: f"{value:,.{digits}f}"
    environment.filters["counted"] = counted
    environment.filters["with_code"] = _with_code
    return environment


def _with_code(text: str) -> Markup:
    """Return a text whose parts in backticks are code, as a page shows them."""
    parts = (escape(printable(part)) for part in text.split("`"))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts)
    )


def _printable(value: Any) -> Any:
    """Escape what does not print, such as characters that change the direction of the text after them."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
