"""TOML content: values, a ``[sources]`` table with a citation for each, ``[ranges]``, references, overrides.

A content file looks like this::

    kind = "rram"
    read_voltage_v = 0.2

    [sources]
    read_voltage_v = "CiMLoop cells (mit-emze/cimloop@d6e1390)"

    [ranges]
    read_voltage_v = [0.1, 0.5]

A string at a path that the caller names as a reference (``rram.cell = "rram-28nm"``) is replaced by that file.
"""

import copy
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, get_args

from imcsim.core.config import ConfigT, FrozenConfig, parse
from imcsim.core.content import path_of
from imcsim.core.errors import ConfigError, nearest, short
from imcsim.core.json_text import Json, shallow
from imcsim.core.reference import absolute, code_file
from imcsim.core.sources import Origin, Resolved, leaves, source_of

Overrides = Mapping[str, object]
References = Mapping[str, str] | Callable[[Mapping[str, object]], Mapping[str, str]]

DEEPEST = 16  # design choice, of tables within tables: twice what any file of imcsim needs
_LONGEST = 1 << 18  # bytes, design choice: the longest file of the content takes a thirtieth
_LONGEST_PATH = 400
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{DEEPEST}}}")


@dataclass
class _Document:
    values: Json
    origins: dict[str, Origin]


def read_toml(path: Path) -> Json:
    """Return the file's tables; ConfigError with file, line and reason if it is not TOML."""
    try:
        if not path.is_file() and path.exists():  # a pipe would wait, a device would not end
            raise ConfigError(f"cannot read {path}: it is not a file")
        if path.stat().st_size > _LONGEST:
            raise ConfigError(f"{path.name} has more than {_LONGEST:,} bytes: it is no file of settings")
        return parse_toml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path.name} is not valid TOML: {short(str(error), 300)}") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None


def parse_toml(text: str) -> Json:
    """Return the tables of a TOML text, in time and memory that its length bounds.

    Raises
    ------
    ValueError
        If it is not TOML, nested deeper than ``DEEPEST`` levels, or longer than a file of settings can be.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST:,} characters")
    if _LONG_KEY.search(text):  # the parser takes the square of a key's length
        raise ValueError(f"a key has more than {DEEPEST} parts")
    tables: Json = shallow(lambda: tomllib.loads(text), DEEPEST)
    return tables


def parse_override(text: str) -> tuple[str, Any]:
    """Split ``path=value``; the value is read as TOML, else taken as a string.

    Raises
    ------
    ConfigError
        If there is no ``=`` or no path.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise ConfigError(f"an override reads path=value, got '{text}'")
    if len(path) > _LONGEST_PATH or path.count(".") >= DEEPEST:
        raise ConfigError(f"an override reads path=value, and no path is as long as '{short(path)}'")
    try:
        return path.strip(), parse_toml(f"v = {value}")["v"]
    except ValueError:
        return path.strip(), value.strip()


def parse_overrides(texts: Sequence[str]) -> Json:
    """Return ``{path: value}`` for a list of ``path=value`` texts."""
    return dict(parse_override(text) for text in texts)


def load_resolved(
    config_type: type[ConfigT],
    kind: str,
    name: str,
    overrides: Overrides | None = None,
    references: References | None = None,
) -> Resolved[ConfigT]:
    """Load content ``name`` of ``kind``, follow its references, apply overrides, validate.

    Parameters
    ----------
    config_type
        The frozen config that the file describes.
    kind, name
        Content kind and name, or a TOML file's path.
    overrides
        Dotted path -> value; a reference may be overridden by another name, and fields below it too.
    references
        Dotted path -> content kind, for strings that name another file. ``"rram.cell": "device"``. A function of
        the file's values where they decide which those are.

    Raises
    ------
    ConfigError
        For an unknown key, a number without a source, a wrong type or a broken rule.
    """
    path = path_of(kind, name)
    document = _read_document(path)
    _place_sorts(document.values, path.parent)
    pending = dict(overrides or {})
    for dotted in pending:
        _open_optional(document.values, dotted.rpartition(".")[0], config_type)
    for dotted in [dotted for dotted in pending if dotted.endswith(".sort")]:  # which decides on the keys beside it
        _override(document, dotted, pending.pop(dotted), path.name)
    named = references(document.values) if callable(references) else references or {}
    for reference, target_kind in named.items():
        _follow(document, reference, target_kind, pending, path.parent)
    for dotted, value in pending.items():
        _open_optional(document.values, dotted.rpartition(".")[0], config_type)  # in a file that was named, too
        _override(document, dotted, value, path.name)
    config = parse(config_type, document.values, path.name)
    return Resolved(config, _with_defaults(config.model_dump(), document.origins))


def _with_defaults(values: Mapping[str, object], origins: dict[str, Origin]) -> dict[str, Origin]:
    default = Origin("default", "imcsim", "design choice: the field's default in imcsim")
    return {path: origins.get(path, default) for path, _ in leaves(values)}


def _read_document(path: Path) -> _Document:
    data = read_toml(path)
    sources = {k: str(v) for k, v in leaves(_section(data, "sources", path.name))}
    ranges = dict(leaves(_section(data, "ranges", path.name)))
    origins = {dotted: _origin(dotted, value, sources, ranges, path.name) for dotted, value in leaves(data)}
    tables = {"*"}.union(*(_enclosing(dotted) for dotted in origins))
    for section, named, known in (("sources", sources, tables | set(origins)), ("ranges", ranges, set(origins))):
        for dotted in named:
            if dotted not in known:
                raise ConfigError(f"{path.name}: [{section}] names no value: '{dotted}'{nearest(dotted, known)}")
    return _Document(data, origins)


def _section(data: Json, name: str, where: str) -> Json:
    found = data.pop(name, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{where}: [{name}] must be one table, once")
    return found


def _origin(dotted: str, value: object, sources: Mapping[str, str], ranges: Mapping[str, object], where: str) -> Origin:
    source = source_of(dotted, sources)
    if source is None:
        if _holds_number(value):
            raise ConfigError(f"{where}: '{dotted}' has no source; add it to [sources]")
        source = "design choice"
    by_entry = _ranges_of_entries(ranges.get(dotted), value, dotted, where)
    if by_entry:
        lows, highs = zip(*by_entry, strict=True)
        return Origin("file", where, source, min(lows), max(highs), by_entry)
    low, high = _range(ranges.get(dotted), dotted, where)
    if low is not None and high is not None:
        _check_inside(value, low, high, dotted, where)
    return Origin("file", where, source, low, high)


def _ranges_of_entries(given: object, value: object, dotted: str, where: str) -> tuple[tuple[float, float], ...]:
    """Return (low, high) of each entry of a list ``value`` whose range is a list of pairs; else nothing."""
    if not isinstance(given, list) or not any(isinstance(pair, list) for pair in given):
        return ()
    if not isinstance(value, list) or len(value) != len(given):
        raise ConfigError(f"{where}: range of '{dotted}' has {len(given)} pairs; give one for each entry of the value")
    found = []
    for entry, pair in zip(value, given, strict=True):
        low, high = _pair(pair, dotted, where)
        _check_inside(entry, low, high, dotted, where)
        found.append((low, high))
    return tuple(found)


def _check_inside(value: object, low: float, high: float, dotted: str, where: str) -> None:
    if _is_number(value) and not low <= value <= high:
        raise ConfigError(f"{where}: '{dotted}' = {value} lies outside its own range [{low}, {high}]")


def _enclosing(dotted: str) -> set[str]:
    parts = dotted.split(".")
    return {".".join(parts[:depth]) for depth in range(1, len(parts))}


def _holds_number(value: object) -> bool:
    if isinstance(value, list):
        return any(_holds_number(item) for item in value)
    if isinstance(value, dict):
        return any(_holds_number(item) for item in value.values())
    return _is_number(value)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _range(value: object, dotted: str, where: str) -> tuple[float | None, float | None]:
    return (None, None) if value is None else _pair(value, dotted, where)


def _pair(value: object, dotted: str, where: str) -> tuple[float, float]:
    ends = [float(end) for end in value if _is_number(end)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(ends) != 2 or len(value) != 2 or not ends[0] <= ends[1]:
        raise ConfigError(f"{where}: range of '{dotted}' must be [low, high], two numbers, got {short(str(value))}")
    return ends[0], ends[1]


def _follow(document: _Document, reference: str, kind: str, pending: Json, folder: Path) -> None:
    parent, _, key = reference.rpartition(".")
    table = _table(document.values, parent)
    if table is None:
        return
    if isinstance(pending.get(reference), str):
        name: str = pending.pop(reference)  # the place may be one that the file leaves empty
    elif isinstance(table.get(key), str):
        name = _beside(table[key], folder)
    else:
        return
    target = _read_document(path_of(kind, name))
    table[key] = target.values
    document.origins.pop(reference, None)
    document.origins.update({f"{reference}.{p}": origin for p, origin in target.origins.items()})


def _place_sorts(values: Json, folder: Path) -> None:
    """Make the paths of files that ``sort`` names absolute, where they lie in ``folder``: that of the file read."""
    for key, value in values.items():
        if isinstance(value, dict):
            _place_sorts(value, folder)
        elif key == "sort" and isinstance(value, str):
            file = code_file(value)
            if file is not None and (folder / file.path).is_file():
                values[key] = absolute(value, folder)


def _beside(name: str, folder: Path) -> str:
    # a file that names another file means one in its own folder, wherever the user stands
    beside = folder / name
    return str(beside) if name.endswith(".toml") and beside.is_file() else name


def _override(document: _Document, dotted: str, value: object, where: str) -> None:
    parent, _, key = dotted.rpartition(".")
    table = _table(document.values, parent)
    if table is None:
        known = set[str]().union(*(_enclosing(path) for path in document.origins))
        raise ConfigError(f"{where}: override of '{dotted}': no such table '{parent}'{nearest(parent, known)}")
    table[key] = copy.deepcopy(value)
    for path in [path for path in document.origins if path == dotted or path.startswith(f"{dotted}.")]:
        del document.origins[path]
    text = f"{dotted}={value}"
    for path, _ in leaves({dotted: value}):
        document.origins[path] = Origin("override", text, f"override: {text}")


def _open_optional(values: Json, dotted: str, config_type: type[FrozenConfig]) -> None:
    """Open the tables on the way to ``dotted`` that the configuration has as optional parts and the file leaves out.

    What the part needs beside the value is for its own check to say.
    """
    at: type[FrozenConfig] | None = config_type
    for part in dotted.split(".") if dotted else []:
        if at is None:
            return
        field = at.model_fields.get(part)
        at = at.open_part(part) if field is None else _part_type(field.annotation)
        if at is None or not isinstance(values, dict):
            return
        values = values.setdefault(part, {})


def _part_type(annotation: object) -> type[FrozenConfig] | None:
    """Return the configuration class that an annotation (``Part``, ``Part | None``) names; None if it names none."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, FrozenConfig):
            return kind
    return None


def _table(values: Json, dotted: str) -> Json | None:
    table: object = values
    for part in dotted.split(".") if dotted else []:
        table = table.get(part) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else None
