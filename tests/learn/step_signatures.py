"""The signature of a step function as the page of step functions writes it."""

import importlib
import inspect
import re
from typing import Any

from pydantic import BaseModel

_PREFIX = re.compile(r"\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_]\w*)")


def resolve(name: str) -> Any:
    """Return what ``name``, MODULE.FUNCTION or MODULE.CLASS.METHOD below imcsim.learn, stands for."""
    parts = name.split(".")
    split = next((i for i, part in enumerate(parts) if part[0].isupper()), len(parts) - 1)
    found: Any = importlib.import_module(".".join(["imcsim.learn", *parts[:split]]))
    for part in parts[split:]:
        found = getattr(found, part)
    return found


def written(name: str) -> str:
    """Return ``name(argument: type = default, ...) -> type``, types without their modules, without ``self``."""
    found = resolve(name)
    if inspect.isclass(found) and issubclass(found, BaseModel):
        fields = [f"{key}: {_type(f.annotation)} = {f.default!r}" for key, f in found.model_fields.items()]
        return f"{name}({', '.join(fields)})"
    signature = inspect.signature(found)
    kept = [_shown(p) for p in signature.parameters.values() if p.name != "self"]
    back = "" if inspect.isclass(found) else f" -> {_type(signature.return_annotation)}"
    return f"{name}({', '.join(kept)}){back}"


def arguments(name: str) -> list[str]:
    """Return the names of the arguments of ``name``."""
    found = resolve(name)
    if inspect.isclass(found) and issubclass(found, BaseModel):
        return list(found.model_fields)
    return [parameter for parameter in inspect.signature(found).parameters if parameter != "self"]


def _shown(parameter: inspect.Parameter) -> str:
    default = "" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}"
    return f"{parameter.name}: {_type(parameter.annotation)}{default}"


def _type(annotation: object) -> str:
    shown = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return _PREFIX.sub("", shown).replace('"', "'")
