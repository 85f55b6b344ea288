"""What code of others must answer: methods of a class that another package derives are held against what they promise.

A class of imcsim's own is proven by its tests and is left as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from inspect import Parameter, isfunction, signature
from pathlib import Path
from traceback import extract_tb
from typing import Any

import numpy as np

from imcsim.core.charge import Price
from imcsim.core.errors import ContentError, ImcsimError, short

Check = Callable[..., str | None]
"""(object, answer, *arguments of the call) -> what is wrong with the answer, as the end of "NAME must be"; or None."""


def watch(cls: type, checks: Mapping[str, Check], what: str) -> None:
    """Hold each answer of the methods and properties that ``cls`` itself defines against ``checks``.

    Parameters
    ----------
    checks
        By name of the method.
    what
        What such a class is, for messages: "memory sort".

    Raises
    ------
    ContentError
        From the call, if the answer is none that was promised.
    """
    if cls.__module__.partition(".")[0] == "imcsim":
        return
    for name, check in checks.items():
        own = cls.__dict__.get(name)
        if isinstance(own, property) and own.fget is not None:
            setattr(cls, name, property(_held(own.fget, name, check, what), doc=own.__doc__))
        elif isfunction(own):
            setattr(cls, name, _held(own, name, check, what))


@contextmanager
def told(whose: str) -> Iterator[None]:
    """Tell what code of others raises in the block as one sentence that begins with ``whose``: a ContentError."""
    try:
        yield
    except (ImcsimError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        last = extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        raise ContentError(f"{whose} failed: {type(error).__name__}: {short(str(error), 300)} ({where})") from error


def _held(method: Callable[..., Any], name: str, check: Check, what: str) -> Callable[..., Any]:
    @wraps(method)
    def held(self: Any, *args: Any, **kwargs: Any) -> Any:
        called = f"{what} '{getattr(self, 'sort', '') or type(self).__name__}'"
        with told(f"{called}: {name}"):
            answer = method(self, *args, **kwargs)
        wrong = check(self, answer, *args)
        if wrong is not None:
            raise ContentError(f"{called}: {name} must be {wrong}")
        return answer

    return held


def wrong_signature(cls: type, base: type) -> str | None:
    """Return which method of ``cls`` cannot be called as that of ``base`` is, as the end of a sentence; None: all can.

    The sentence begins with "has".
    """
    for name, wanted in vars(base).items():
        own = getattr(cls, name, None)
        if name.startswith("_") or not isfunction(wanted) or not isfunction(own) or own is wanted:
            continue
        parameters = signature(wanted).parameters.values()
        places = [p.name for p in parameters if p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)]
        names = [p.name for p in parameters if p.kind is Parameter.KEYWORD_ONLY]
        try:
            signature(own).bind(*places, **dict.fromkeys(names))
        except TypeError:
            needed = ", ".join([*places, *(["*", *names] if names else [])])
            return f"has {name}({', '.join(signature(own).parameters)}), which must take ({needed})"
    return None


def wrong_number(value: object, *shapes: tuple[int, ...]) -> str | None:
    """Return what is wrong with a cost or an amount: finite numbers that are not negative, of one of ``shapes``.

    Shapes are beyond a single number, which always will do.
    """
    if isinstance(value, bool | str) or not isinstance(value, int | float | np.ndarray | np.number):
        return f"a number, got {short(repr(value), 40)}"
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        return f"of numbers, got {array.dtype}"
    if array.shape != () and array.shape not in shapes:
        allowed = " or ".join(map(str, shapes)) or "a single number"
        return f"{'of shape ' if shapes else ''}{allowed}, got an array of shape {array.shape}"
    low = float(array.min(initial=0.0))
    if not (low >= 0 and np.isfinite(array).all()):
        bad = array[~(np.isfinite(array) & (array >= 0))]
        return f"finite and not negative, got {float(bad.flat[0]):g}"
    return None


def wrong_price(price: object, *shapes: tuple[int, ...]) -> str | None:
    """Return what is wrong with a price; as :func:`wrong_number`."""
    if not isinstance(price, Price):
        return f"a Price, got {short(repr(price), 40)}"
    wrong = wrong_number(price.value, *shapes)
    return None if wrong is None else f"a Price whose value is {wrong}"


def first(faults: Iterable[str | None]) -> str | None:
    """Return the first of ``faults`` that is one."""
    return next((fault for fault in faults if fault is not None), None)
