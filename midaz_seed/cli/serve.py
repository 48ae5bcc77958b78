"""`midaz-seed runs serve`: pages with the history of a runs directory."""

from pathlib import Path

import click

from midaz_seed.cli.runs_folder import runs_directory
from midaz_seed.cli.web import open_address, token_file_option

DEFAULT_PORT = 8401


@click.command("serve", epilog="Exit codes: 0 stopped by Ctrl-C or SIGTERM; 2 usage.")
@click.argument("address", metavar="[HOST:PORT]", default="", required=False)
@click.option("--runs-dir", metavar="DIR", help="Directory of the runs  [default: runs]")
@token_file_option
def serve(address: str, runs_dir: str | None, web_token_file: Path | None) -> None:
    """Serve pages with the runs of a directory. They list and filter runs, open their reports, compare two.

    \b
    midaz-seed runs serve                  # http://127.0.0.1:8401/
    midaz-seed runs serve 0.0.0.0:8080     # for other machines, which need the token that is printed

    Prints one line, `runs listening on URL`, and serves until Ctrl-C or SIGTERM. The pages change nothing.
    """
    from midaz_seed.event_loop import run_in_loop
    from midaz_seed.runs.directory import list_runs
    from midaz_seed.web.access import Access
    from midaz_seed.web.history_app import history_app
    from midaz_seed.web.serving import serve_until_signal

    root = runs_directory(runs_dir)
    list_runs(root)  # raises when it cannot be read
    listening, token = open_address(address, web_token_file, "runs serve", default_port=DEFAULT_PORT)
    app = history_app(root, Access(token, listening.is_loopback))

    async def run() -> None:
        await serve_until_signal(app, listening, lambda: click.echo(f"runs listening on {listening.url}"))

    run_in_loop(run)
