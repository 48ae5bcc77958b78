"""Parse YAML of any origin within limits of size, depth and expansion, and to plain values only.

A few lines of aliases can expand to gigabytes, and deep nesting exhausts the stack, so both are counted while the text
is parsed.
"""

from pathlib import Path
from typing import Any

import yaml

BYTES_MAX = 131_072
"""Largest file. The file with every setting has 20,000 bytes."""
DEPTH_MAX = 40
"""Levels of nesting, with aliases expanded. No setting and no fault plan has more than six."""
EXPANDED_MAX = 1_000_000
"""Characters of all values, with aliases expanded: a file of the largest size without aliases stays below it."""
SCALAR_MAX = 32_768
"""Characters of one value. A token or a header has a few thousand; PyYAML needs quadratic time for some numbers."""


class YamlError(ValueError):
    """A text is not YAML, or exceeds a limit. `text` is the end of a sentence about it, `line` counts from 1."""

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.line = line


class BoundedLoader(yaml.SafeLoader):
    """Builds the nodes of a document within the limits, and constructs plain values from them."""

    yaml_constructors = {  # noqa: RUF012 - the name and the shape are PyYAML's
        tag: constructor
        for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in {"null", "bool", "int", "float", "str", "seq", "map"}
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._level = 0
        self._extents: dict[int, tuple[int, int]] = {}
        """Id of a node that is complete -> (characters, levels) in it, with aliases expanded."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        is_alias, line = self.check_event(yaml.AliasEvent), self._line()
        self._level += 1
        if self._level > DEPTH_MAX:
            raise YamlError(f"is nested deeper than {DEPTH_MAX} levels", line)
        node = super().compose_node(parent, index)
        self._level -= 1
        if is_alias and id(node) not in self._extents:
            raise YamlError("contains itself by an alias", line)
        if not is_alias and node is not None:
            self._measure(node, line)
        return node

    def _line(self) -> int:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        return int(mark.line) + 1

    def _measure(self, node: yaml.Node, line: int) -> None:
        """Measure a node whose children are measured. Raises YamlError."""
        if isinstance(node, yaml.ScalarNode):
            characters, levels = len(node.value) + 1, 1
            if characters > SCALAR_MAX:
                raise YamlError(f"holds a value of {len(node.value):,} characters; the limit is {SCALAR_MAX:,}", line)
        else:
            is_mapping = isinstance(node, yaml.MappingNode)
            children = [part for pair in node.value for part in pair] if is_mapping else node.value
            extents = [self._extents[id(child)] for child in children]
            characters = 1 + sum(extent[0] for extent in extents)
            levels = 1 + max((extent[1] for extent in extents), default=0)
        if levels > DEPTH_MAX:
            raise YamlError(f"is nested deeper than {DEPTH_MAX} levels when its aliases are expanded", line)
        if characters > EXPANDED_MAX:
            raise YamlError(f"has more than {EXPANDED_MAX:,} characters when its aliases are expanded", line)
        self._extents[id(node)] = (characters, levels)


def read_limited(file: Path) -> str:
    """Read a text file of at most `BYTES_MAX` bytes, with or without a byte-order mark.

    Raises:
        YamlError: it is larger, or not UTF-8.
        OSError: it cannot be read.
    """
    with file.open("rb") as stream:
        data = stream.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise YamlError(f"is larger than {BYTES_MAX:,} bytes, the limit")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlError("is not UTF-8 text", error.object[: error.start].count(b"\n") + 1) from None


def compose(text: str, loader: type[BoundedLoader]) -> yaml.Node | None:
    """Return the root node of a text with at most one document; None for an empty one. Raises YamlError."""
    root: yaml.Node | None
    try:
        parser = loader(text)
        try:
            root = parser.get_single_node()
        finally:
            parser.dispose()
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise YamlError("holds a character that YAML does not allow", line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(_in_words(error.problem or error.context or ""), mark.line + 1 if mark else None) from None
    except (ValueError, OverflowError) as error:  # of PyYAML's scanner: an escape past the last code point
        if isinstance(error, YamlError):
            raise
        raise YamlError("is not valid YAML") from None
    return root


def load(text: str, loader: type[BoundedLoader]) -> Any:
    """Return the plain value of a text with at most one document. Raises YamlError."""
    root = compose(text, loader)
    if root is None:
        return None
    try:
        return loader("").construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(_in_words(error.problem or error.context or ""), mark.line + 1 if mark else None) from None
    except (ValueError, TypeError, OverflowError, LookupError):  # such as a number with thousands of digits
        raise YamlError("holds a value that cannot be read", root.start_mark.line + 1) from None


def _in_words(problem: str) -> str:
    """Return PyYAML's problem as the end of a sentence about the file."""
    if "another document" in problem:
        return "holds more than one document; only one is allowed"
    if "'\\t'" in problem:
        return "is not valid YAML: it has a tab where only spaces may be used"
    if problem.startswith(("mapping values are not allowed", "expected <block end>", "could not find expected ':'")):
        return f"is not valid YAML: {problem}; check the indentation, and quote texts that contain a colon"
    return f"is not valid YAML: {problem}"
