"""`midaz-seed run`: fill the target, prove it, report."""

import click

from midaz_seed.cli.options import LoadedSettings, SectionedCommand, settings_options, target_options


@click.command(
    cls=SectionedCommand,
    epilog="Exit codes: 0 done and proved; 1 over the error budget or a balance differs; 2 usage; 3 target; "
    "4 settlement; 130/143 interrupted. Run the same command again to go on: what exists is found, not doubled.",
)
@settings_options
@target_options
@click.option("--report", "report_file", type=click.Path(dir_okay=False), help="Write the report as JSON to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of text.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def run(loaded: LoadedSettings, as_json: bool, quiet: bool) -> None:
    """Fill a Midaz with the planned data, and prove that every balance is the planned one.

    \b
    midaz-seed run --target sandbox                    # the embedded server: nothing else needed
    midaz-seed run -v medium -u http://127.0.0.1:3002  # a Midaz of your own
    """
    from midaz_seed.cli.session import execute
    from midaz_seed.runner import seed_async

    execute(seed_async, loaded.settings, as_json=as_json, quiet=quiet)
