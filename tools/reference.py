"""Write the generated parts of the documents in docs/, and the JSON Schemas.

With --check, report stale ones.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import api_reference  # noqa: E402 - it and the package are imported from this folder, installed or not
import click  # noqa: E402
import scenario_reference  # noqa: E402
import telemetry_reference  # noqa: E402
import threshold_reference  # noqa: E402
from generated import filled  # noqa: E402

from midaz_seed.bench.report import json_schema as bench_schema  # noqa: E402
from midaz_seed.cli import cli  # noqa: E402
from midaz_seed.cli.flags import SettingOption  # noqa: E402
from midaz_seed.cli.options import LOCAL_FLAGS  # noqa: E402
from midaz_seed.ledger_audit.schema import json_schema as audit_schema  # noqa: E402
from midaz_seed.reporting.comparison.comparison import comparison_schema  # noqa: E402
from midaz_seed.reporting.report import report_schema  # noqa: E402
from midaz_seed.scenarios.render import json_schema  # noqa: E402
from midaz_seed.settings.environment import NOT_SETTINGS  # noqa: E402
from midaz_seed.settings.model import Settings  # noqa: E402
from midaz_seed.settings.presets import PRESETS  # noqa: E402
from midaz_seed.settings.render import yaml_value  # noqa: E402
from midaz_seed.settings.schema import SECTIONS, SETTINGS, Setting, as_plain  # noqa: E402

WIDTH = 100


def commands(command: click.Command, parent: click.Context | None, name: str) -> Iterator[tuple[str, str]]:
    """Every command's full name with its help text."""
    ctx = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH, **command.context_settings)
    yield ctx.command_path, command.get_help(ctx)
    if isinstance(command, click.Group):
        for inner in command.list_commands(ctx):
            found = command.get_command(ctx, inner)
            assert found is not None, inner
            yield from commands(found, ctx, inner)


def command_reference() -> str:
    return "\n".join(f"## {name}\n\n```text\n{text}\n```\n" for name, text in commands(cli, None, "midaz-seed"))


def flags() -> dict[str, str]:
    """The flags of `midaz-seed run` that set something: setting path -> how they are written."""
    run = cli.get_command(click.Context(cli), "run")
    assert run is not None
    found: dict[str, list[str]] = {}
    for parameter in run.params:
        if isinstance(parameter, SettingOption):
            names = [*parameter.opts, *parameter.secondary_opts]
            found.setdefault(parameter.path, []).extend(f"`{name}`" for name in names)
    for spelling, path in LOCAL_FLAGS.values():
        found.setdefault(path, []).append(f"`{spelling}`")
    return {path: ", ".join(names) for path, names in found.items()}


def setting_reference() -> str:
    flag_of, defaults = flags(), Settings()
    parts = []
    for section, about in SECTIONS.items():
        rows = [setting for path, setting in SETTINGS.items() if path.rpartition(".")[0] == section]
        if not rows:
            continue
        title = f"### `{section}`\n\n{about}" if section else "### At the top"
        table = "\n".join(setting_row(setting, defaults, flag_of.get(setting.path, "")) for setting in rows)
        parts.append(f"{title}\n\n| setting | flag | default | value | meaning |\n|---|---|---|---|---|\n{table}\n")
    return "\n".join(parts)


def setting_row(setting: Setting, defaults: Settings, flag: str) -> str:
    value = as_plain(setting.value_of(defaults))
    default = "–" if value in (None, "") else f"`{yaml_value(value)}`"
    if setting.path.startswith("volume."):
        default = "the preset's" if value is not None else "the scenario's"
    about = " ".join((setting.info.description or "").split()).replace("|", "\\|")
    return f"| `{setting.path}`<br>`{setting.variable}` | {flag} | {default} | {setting.expectation} | {about} |"


def preset_reference() -> str:
    names = list(PRESETS)
    rows = [
        f"| `{path}` | " + " | ".join(f"{PRESETS[name][setting.attributes[-1]]:,}" for name in names) + " |"
        for path, setting in SETTINGS.items()
        if path.startswith("volume.") and setting.attributes[-1] in PRESETS[names[0]]
    ]
    return "\n".join([f"| setting | {' | '.join(names)} |", "|---|" + "---:|" * len(names), *rows]) + "\n"


def variable_reference() -> str:
    rows = [f"| `{name}` | {about} |" for name, about in NOT_SETTINGS.items()]
    return "\n".join(["| variable | meaning |", "|---|---|", *rows]) + "\n"


def main() -> None:
    # the width of help texts must not depend on who builds the documents
    os.environ.pop("COLUMNS", None)
    documents = {
        "docs/api.md": api_reference.parts(),
        "docs/cli.md": {"commands": command_reference()},
        "docs/configuration.md": {
            "settings": setting_reference(),
            "presets": preset_reference(),
            "variables": variable_reference(),
        },
        "docs/scenarios.md": {
            "fields": scenario_reference.field_reference(),
            "names": scenario_reference.reference(),
        },
        "docs/exit-codes.md": {"kinds": api_reference.kind_table()},
        "docs/events.md": {
            "envelope": telemetry_reference.envelope_table(),
            "events": telemetry_reference.event_table(),
        },
        "docs/thresholds.md": threshold_reference.parts(),
        "docs/telemetry.md": {"metrics": telemetry_reference.metric_table()},
    }
    stale: list[str] = []
    texts: dict[str, tuple[str, str]] = {}
    for name, parts in documents.items():
        file = ROOT / name
        old = file.read_text(encoding="utf-8")
        texts[name] = (old, filled(old, parts))
    schemas = {
        "scenario": json_schema(),
        "report": report_schema(),
        "events": telemetry_reference.event_schema(),
        "audit": audit_schema(),
        "bench": bench_schema(),
        "compare": comparison_schema(),
    }
    for name, schema in schemas.items():
        file = ROOT / f"docs/{name}.schema.json"
        old = file.read_text(encoding="utf-8") if file.exists() else ""
        texts[str(file.relative_to(ROOT))] = (old, json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
    for name, (old, new) in texts.items():
        if new != old:
            stale.append(name)
            if "--check" not in sys.argv[1:]:
                (ROOT / name).write_text(new, encoding="utf-8")
    if stale and "--check" in sys.argv[1:]:
        sys.exit(f"stale: {', '.join(stale)}; write them anew with `python tools/reference.py`")


if __name__ == "__main__":
    main()
