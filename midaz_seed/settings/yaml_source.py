"""Read settings from YAML, each value and each problem with its line."""

from pathlib import Path
from typing import Any

import yaml

from midaz_seed.settings.schema import SECTIONS, SETTINGS
from midaz_seed.settings.sources import Problem, RawValue
from midaz_seed.wording import nearest_path


class _Loader(yaml.SafeLoader):
    """Constructs plain values only: a date stays text, and tags for other types are errors."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and the shape are PyYAML's
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012 - the name and the shape are PyYAML's
        tag: constructor
        for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in {"null", "bool", "int", "float", "str", "seq", "map"}
    }


def read_file(file: Path) -> tuple[list[RawValue], list[Problem]]:
    """Return the settings in a file, and its problems. A file that cannot be read is a problem."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return [], [Problem(str(file), "file not found")]
    except IsADirectoryError:
        return [], [Problem(str(file), "is a folder, not a file")]
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return [], [Problem(f"{file}:{line}", "is not UTF-8 text")]
    except OSError as error:
        return [], [Problem(str(file), f"cannot be read: {error.strerror or error}")]
    return read_text(text, str(file))


def read_text(text: str, name: str) -> tuple[list[RawValue], list[Problem]]:
    """Return the settings in a YAML document, and its problems; `name` names the document in both."""
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        return [], [Problem(f"{name}:{line}", "holds a character that YAML does not allow")]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        return [], [Problem(where, f"is not valid YAML: {error.problem or error.context}")]
    except RecursionError:
        return [], [Problem(name, "is nested too deeply")]
    document = _SettingsReader(name)
    if root is not None and not _is_empty(root):
        document.section(root, "")
    return document.given, document.problems


def read_value(text: str) -> object:
    """Parse one YAML value. Raises ValueError when the text is not YAML."""
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError, TypeError) as error:
        raise ValueError("is not a YAML value") from error


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
        seen: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._add_problem(key, "the name of a setting must be plain text")
                continue
            name = str(key.value)
            here = f"{path}.{name}" if path else name
            if name in seen:
                self._add_problem(key, f"{here} is given twice, first on line {seen[name].start_mark.line + 1}")
                continue
            seen[name] = key
            self._entry(here, key, value)

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
        except (yaml.YAMLError, RecursionError, ValueError, TypeError):
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
