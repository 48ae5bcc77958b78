"""`midaz-seed config`: the effective configuration, its JSON Schema, and a file to start from."""

import json

import click

from midaz_seed.cli.options import LoadedSettings, SectionedCommand, settings_options, target_options
from midaz_seed.cli.suggestions import SuggestingGroup

JSON_VERSION = 1
"""`schema_version` of the JSON that `config show --json` prints."""


@click.group(cls=SuggestingGroup)
def config() -> None:
    """Show the configuration, its JSON Schema, or a file to start from.

    Order of precedence: flags, environment variables (MIDAZ_SEED_SEED, MIDAZ_SEED_GENERATION__LIMITS__MAX_CONCURRENCY),
    the configuration file, the preset, the defaults.
    """


@config.command(cls=SectionedCommand)
@settings_options
@target_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
def show(loaded: LoadedSettings, as_json: bool) -> None:
    """Print every setting with its effective value and where it came from.

    Accepts the flags of `run`, to see the settings of a run before it starts. Secrets are shown as ***.
    """
    from midaz_seed.settings.render import yaml_value
    from midaz_seed.settings.schema import SETTINGS, as_plain

    values = {path: as_plain(setting.value_of(loaded.settings)) for path, setting in SETTINGS.items()}
    if as_json:
        rows = {path: {"value": value, "source": loaded.sources[path]} for path, value in values.items()}
        click.echo(json.dumps({"schema_version": JSON_VERSION, "settings": rows}, indent=2, ensure_ascii=False))
        return
    texts = {path: yaml_value(value) for path, value in values.items()}
    texts |= {path: "-" for path, value in values.items() if value is None}
    texts |= {path: "***" for path, value in values.items() if value and SETTINGS[path].is_secret}
    path_width, text_width = max(map(len, texts)), min(40, max(map(len, texts.values())))
    for path, text in texts.items():
        click.echo(f"{path:<{path_width}}  {text:<{text_width}}  {loaded.sources[path]}")


@config.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors and validators."""
    from midaz_seed.settings.render import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@config.command()
def init() -> None:
    """Print a configuration file that lists every setting with its meaning, range and default.

    \b
    midaz-seed config init > midaz-seed.yaml
    """
    from midaz_seed.settings.render import starter_yaml

    click.echo(starter_yaml(), nl=False)
