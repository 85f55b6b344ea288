"""The frozen base of every configuration, its hash, and one-sentence validation errors."""

import hashlib
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from imcsim.core.errors import ConfigError, nearest, short

ConfigT = TypeVar("ConfigT", bound="FrozenConfig")


class FrozenConfig(BaseModel):
    """Immutable configuration: unknown keys, nan and inf are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    def __init__(self, /, **data: object) -> None:
        """Validate ``data``; unlike within another configuration, what breaks a rule is told in one sentence.

        Raises
        ------
        ConfigError
            As :func:`parse`.
        """
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise ConfigError(_sentence(type(self), error, type(self).__name__)) from None

    # as pydantic's RootModel does it: validation from within a model goes on without this __init__
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with the values of ``update``, which has worked out nothing yet."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied

    @classmethod
    def table_keys(cls) -> list[str]:
        """Return the keys that the configuration's table may have, as a file writes them."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @classmethod
    def open_part(cls, key: str) -> "type[FrozenConfig] | None":
        """Return the class of a table that is read without being a declared field; None if ``key`` is none."""
        return None

    def __eq__(self, other: object) -> bool:
        """Tell whether ``other`` is of this class with the same values; what either has worked out meanwhile is none.

        Pydantic compares caches, too, and gives up where they hold arrays.
        """
        if not isinstance(other, FrozenConfig) or type(self) is not type(other):
            return NotImplemented
        same = all(getattr(self, name) == getattr(other, name) for name in type(self).model_fields)
        return same and self.model_extra == other.model_extra


def parse(config_type: type[ConfigT], data: Mapping[str, object], where: str) -> ConfigT:
    """Validate ``data`` as ``config_type``.

    Raises
    ------
    ConfigError
        With the path of the first offending field, what was given, and the nearest allowed name.
    """
    try:
        return config_type.model_validate(dict(data))
    except ValidationError as error:
        raise ConfigError(_sentence(config_type, error, where)) from None


def config_hash(config: BaseModel | Mapping[str, object]) -> str:
    """Return the first 16 hex digits of the SHA-256 of the configuration's canonical JSON."""
    data = config.model_dump(mode="json") if isinstance(config, BaseModel) else dict(config)
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sentence(config_type: type[BaseModel], error: ValidationError, where: str) -> str:
    # A misspelt key is also a missing one: the spelling is what helps.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    path = short(".".join(str(part) for part in first["loc"] if not str(part).startswith("function-")))
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        hint = nearest(key, _field_names(config_type, first["loc"][:-1]))
        return f"{where}: unknown key '{path}'{hint}"
    if first["type"] == "missing":
        return f"{where}: '{path}' is missing"
    message = short(str(first["msg"]).removeprefix("Value error, "), 400)
    if not path:
        return f"{where}: {message}"
    given = first.get("input")
    shown = f" (given: {_shown(given)})" if isinstance(given, (str, int, float, bool)) else ""
    return f"{where}: '{path}': {message}{shown}"


def _shown(given: str | float) -> str:
    try:
        return short(repr(given))
    except ValueError:  # an integer of thousands of digits has no text
        return "a number of thousands of digits"


def _field_names(config_type: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    models: list[type[BaseModel]] = [config_type]
    for part in path:
        models = [below for model in models for below in _models_at(model, str(part))] or models
    return [key for model in models for key in (model.table_keys() if issubclass(model, FrozenConfig) else ())]


def _models_at(model: type[BaseModel], key: str) -> list[type[BaseModel]]:
    if key in model.model_fields:
        return _models_in(model.model_fields[key].annotation)
    part = model.open_part(key) if issubclass(model, FrozenConfig) else None
    return [part] if part else []


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, dict, tuple, list, typing.Annotated):
        return [model for part in typing.get_args(annotation) for model in _models_in(part)]
    return []
