"""A name for each cost model of a converter.

A model is one file: a :class:`~imcsim.periphery.converters.converter.ConverterModel` under
``@converter_model("its-name")``, in this folder or in another package behind an entry point ``imcsim.converter``. Its
coefficients are a table of the converter's TOML file, of the model's name with ``_`` for ``-``: ``[its_name]``. That
file picks it by ``model = "its-name"``. What a model must say: :mod:`imcsim.periphery.converters.converter`.
"""

from collections.abc import Callable
from typing import TypeVar

from imcsim.core.answers import wrong_signature
from imcsim.core.errors import ContentError, nearest
from imcsim.core.registry import Registry, import_entries
from imcsim.periphery.converters.converter import ConverterModel, Words, table_name

ModelT = TypeVar("ModelT", bound=type[ConverterModel])


def _import_all() -> None:
    import_entries("imcsim.periphery.converters", "converter model")


CONVERTERS: Registry[type[ConverterModel]] = Registry("converter model", _import_all, "imcsim.converter")


def converter_model(name: str) -> Callable[[ModelT], ModelT]:
    """Return a decorator that files a model under ``name``; ContentError as :func:`model_class`."""

    def add(model: ModelT) -> ModelT:
        _check(name, model)
        CONVERTERS.register(name)(model)
        return model

    return add


def model_class(name: str) -> type[ConverterModel]:
    """Return the model called ``name``.

    Raises
    ------
    ContentError
        If there is none, if it lacks a part of a model, if its words name what is no field of its table, or if another
        model has a table of the same name.
    """
    model = CONVERTERS.get(name)
    _check(name, model)
    for other in CONVERTERS.names():
        if other != name and table_name(other) == table_name(name):
            raise ContentError(f"converter models '{name}' and '{other}' both have the table [{table_name(name)}]")
    return model


def model_of_table(table: str) -> type[ConverterModel] | None:
    """Return the model whose coefficients ``table`` holds; None if no model has such a table; errors as above."""
    return next((model_class(name) for name in CONVERTERS.names() if table_name(name) == table), None)


def _check(name: str, model: object) -> None:
    if not (isinstance(model, type) and issubclass(model, ConverterModel)):
        raise ContentError(f"converter model '{name}' must be a class of imcsim.periphery.converters.ConverterModel")
    for method in ("energy_j", "time_s", "area_m2"):
        if method in model.model_fields:
            raise ContentError(
                f"converter model '{name}' has a field '{method}', which is the name of a method: "
                f"call the field otherwise, with Field(alias='{method}')"
            )
    unsaid = [words for words in ("energy_words", "time_words") if not isinstance(getattr(model, words, None), Words)]
    for missing in (*sorted(model.__abstractmethods__), *unsaid):
        raise ContentError(f"converter model '{name}' has no {missing}")
    if (wrong := wrong_signature(model, ConverterModel)) is not None:
        raise ContentError(f"converter model '{name}' {wrong}")
    if (model.area_words is None) != (model.area_m2 is ConverterModel.area_m2):
        raise ContentError(f"converter model '{name}' needs both area_m2 and area_words, or neither")
    keys = model.table_keys()
    for words in filter(None, (model.energy_words, model.time_words, model.area_words)):
        for key in words.coefficients:
            if key not in keys:
                raise ContentError(
                    f"the words '{words.formula}' of converter model '{name}' name '{key}', "
                    f"which is no field of it{nearest(key, keys)}"
                )
