"""Tables of a file whose class is named inside them: ``[memory.cache]`` with ``sort = "digital-sram"``.

Which keys such a table has, and which of them name other files, is known once its sort is.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from imcsim.core.answers import wrong_signature
from imcsim.core.config import FrozenConfig, parse
from imcsim.core.errors import ConfigError, ContentError
from imcsim.core.reference import code_file
from imcsim.core.registry import Registry


def wrong_sort(base: type[FrozenConfig], **told: type) -> Callable[[object], str | None]:
    """Return what a registry of subclasses of ``base`` asks of an entry.

    Parameters
    ----------
    told
        Attributes that each must set, and of which type.
    """

    def wrong(entry: object) -> str | None:
        if not (isinstance(entry, type) and issubclass(entry, base)):
            return f"is no class of {base.__module__}.{base.__name__}"
        missing = [name for name in told if not hasattr(entry, name)]
        for name in (*sorted(getattr(entry, "__abstractmethods__", ())), *missing):
            return f"has no {name}"
        for name, kind in told.items():
            value = getattr(entry, name)
            if not isinstance(value, kind) or (kind is str and wrong_name(value) is not None):
                return f"has {name} = {value!r:.40}, which must be {'True or False' if kind is bool else A_NAME}"
        fields: Mapping[str, object] = entry.model_fields
        for name in getattr(entry, "references", {}):
            if name not in fields:
                return f"refers to files by '{name}', which is no field of it"
        return wrong_signature(entry, base)

    return wrong


_NAME = re.compile(r"[A-Za-z0-9_-]+")
A_NAME = "a name of letters, digits, '-' and '_'"


def wrong_name(name: object) -> str | None:
    """Return what is wrong with the name of a part of a leaf; None if nothing is."""
    return None if isinstance(name, str) and _NAME.fullmatch(name) else f"{A_NAME}, got {name!r:.40}"


def by_sort(given: Any, sorts: Registry[Any], title: str) -> Any:
    """Return ``given`` with each table read as the class that its ``sort`` names; errors of pydantic for ``title``."""
    if not isinstance(given, Mapping):
        return given
    return {name: _read(str(name), table, sorts, title) for name, table in given.items()}


def references_below(tables: Any, sorts: Registry[Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield (dotted path, content kind) of each field below ``tables`` that may name a file; of known sorts alone."""
    for name, table in tables.items() if isinstance(tables, Mapping) else ():
        sort = table.get("sort") if isinstance(table, Mapping) else None
        if isinstance(sort, str) and sorts.has(sort):
            for field, kind in sorts.get(sort).references.items():
                yield f"{prefix}.{name}.{field}", kind


def _read(name: str, table: Any, sorts: Registry[Any], title: str) -> Any:
    if not _NAME.fullmatch(name):
        raise _error(title, (name,), "a name in leaves and tables has letters, digits, '-' and '_' alone")
    if not isinstance(table, Mapping):
        return table
    values = dict(table)
    sort = values.pop("sort", None)
    if not isinstance(sort, str):
        raise _error(title, (name, "sort"), f"is missing: one of {', '.join(sorts.names()) or 'none that there is'}")
    try:
        kind = sorts.get(sort)
    except ContentError as error:
        raise _error(title, (name, "sort"), str(error)) from None
    if kind.sort != sort and code_file(sort) is None:  # a file is named by its path, its sort by the file
        called = f"'{kind.sort}'" if kind.sort else "nothing"
        raise _error(
            title, (name, "sort"), f"{sorts.kind} '{sort}' must be filed under its own name, not under {called}"
        )
    try:
        return parse(kind, values, sort)
    except ConfigError as error:
        raise _error(title, (name,), str(error).removeprefix(f"{sort}: ")) from None


def _error(title: str, loc: tuple[str, ...], said: str) -> ValidationError:
    details = InitErrorDetails(type="value_error", loc=loc, input=None, ctx={"error": ValueError(said)})
    return ValidationError.from_exception_data(title, [details])
