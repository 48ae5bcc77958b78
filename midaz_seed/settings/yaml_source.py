"""Read settings from YAML, each value and each problem with its line."""

from pathlib import Path
from typing import Any

import yaml

from midaz_seed.bounded_yaml import BoundedLoader, YamlError, compose, load, read_limited
from midaz_seed.errors import Problem
from midaz_seed.settings.schema import SECTIONS, SETTINGS
from midaz_seed.settings.sources import RawValue
from midaz_seed.wording import nearest_path


class _Loader(BoundedLoader):
    """Constructs plain values only: a date stays text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and the shape are PyYAML's
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


MERGE_KEY = "<<"
"""Its value is a section, usually an alias, or a list of them, whose entries count where the section has none."""
PROBLEMS_MAX = 100
"""Problems of a file that are reported: it is no file of settings if it has more."""
OWN_PREFIX = "x-"
"""Top-level names that begin with it are the user's own, such as a place for anchors."""


def read_file(file: Path) -> tuple[list[RawValue], list[Problem]]:
    """Return the settings in a file, and its problems. A file that cannot be read is a problem."""
    try:
        text = read_limited(file)
    except YamlError as error:
        return [], [_problem(str(file), error)]
    except FileNotFoundError:
        return [], [Problem(str(file), "the file does not exist")]
    except IsADirectoryError:
        return [], [Problem(str(file), "the file is a folder")]
    except (OSError, ValueError) as error:  # a ValueError: a path with a NUL
        return [], [Problem(str(file), f"the file cannot be read: {getattr(error, 'strerror', None) or error}")]
    return read_text(text, str(file))


def read_text(text: str, name: str) -> tuple[list[RawValue], list[Problem]]:
    """Return the settings in a YAML document, and its problems; `name` names the document in both."""
    try:
        root = compose(text, _Loader)
    except YamlError as error:
        return [], [_problem(name, error)]
    document = _SettingsReader(name)
    if root is not None and not _is_empty(root):
        document.section(root, "")
    return document.given, document.problems


def read_value(text: str) -> object:
    """Parse one YAML value. Raises ValueError when the text is not YAML."""
    try:
        return load(text, _Loader)
    except YamlError as error:
        raise ValueError("is not a YAML value" if error.text.startswith("is not valid") else error.text) from error


def _problem(name: str, error: YamlError) -> Problem:
    return Problem(name if error.line is None else f"{name}:{error.line}", f"the file {error.text}")


class _SettingsReader:
    """Walks a document along the model and collects its settings and problems."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._values = _Loader("")
        self.given: list[RawValue] = []
        self.problems: list[Problem] = []

    def section(self, node: yaml.Node, path: str) -> None:
        """Read a section; `path` is "" for the top level."""
        if not isinstance(node, yaml.MappingNode):
            what = f"{path} is a section" if path else "the file"
            self._add_problem(node, f"{what}: it must contain settings, one `name: value` per line")
            return
        for name, (key, value) in self._entries(node, path).items():
            if len(self.problems) >= PROBLEMS_MAX:
                return
            here = f"{path}.{name}" if path else name
            if path or not name.startswith(OWN_PREFIX):
                self._entry(here, key, value)

    def _entries(self, node: yaml.MappingNode, path: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return the entries of a section by name, those that it merges behind its own."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._add_problem(key, "the name of a setting must be plain text")
                continue
            name = str(key.value)
            if name == MERGE_KEY:
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif name in own:
                if len(self.problems) >= PROBLEMS_MAX:
                    return own
                here = f"{path}.{name}" if path else name
                self._add_problem(key, f"{here} is given twice, first on line {own[name][0].start_mark.line + 1}")
            else:
                own[name] = (key, value)
        for each in merged:
            if isinstance(each, yaml.MappingNode):
                own = {**self._entries(each, path), **own}
            else:
                self._add_problem(each, f"{MERGE_KEY} must be followed by a section, or a list of sections")
        return own

    def _entry(self, path: str, key: yaml.Node, value: yaml.Node) -> None:
        if path in SECTIONS and path:
            if not _is_empty(value):
                self.section(value, path)
        elif path in SETTINGS:
            self._setting(path, key, value)
        else:
            self._add_problem(key, unknown(path))

    def _setting(self, path: str, key: yaml.Node, value: yaml.Node) -> None:
        items = value.value if isinstance(value, yaml.SequenceNode) else ()
        try:
            plain: Any = self._values.construct_document(value)
        except (yaml.YAMLError, ValueError, TypeError, OverflowError, LookupError):  # `!!bool x`, `!!int`
            self._add_problem(value, f"{path} must be {SETTINGS[path].expectation}")
            return
        self.given.append(
            RawValue(path, plain, self._where(key), typed=True, items=tuple(self._where(item) for item in items))
        )

    def _add_problem(self, node: yaml.Node, text: str) -> None:
        self.problems.append(Problem(self._where(node), text))

    def _where(self, node: yaml.Node) -> str:
        return f"{self._name}:{node.start_mark.line + 1}"


def _is_empty(node: yaml.Node) -> bool:
    """Whether a section has no value, such as one whose lines are all commented out: that is valid."""
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def unknown(path: str, *, assigned: bool = False) -> str:
    """Return the message about a setting that does not exist.

    Args:
        path: what was given.
        assigned: a value was given for it, which a section cannot have; in a file a section may be meant.
    """
    shown = path if path.isprintable() else repr(path)
    suggestion = nearest_path(path, [*SETTINGS, *(section for section in SECTIONS if section)], ".")
    if assigned and suggestion in SECTIONS:
        first = next(setting for setting in SETTINGS if setting.startswith(f"{suggestion}."))
        start = "" if suggestion == path else f"unknown setting {shown}; "
        return f"{start}{suggestion} is a section: set its settings one by one, such as {first}"
    return f"unknown setting {shown}; " + (
        f"did you mean {suggestion}?" if suggestion else "`midaz-seed config show` lists them all"
    )
