"""Continual learning: streams, networks, methods, the loop, and the recorder that writes the trace (torch).

Called, the package is the function :func:`imcsim.learn.face.learn`.
"""

import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    """``imcsim.learn`` names both this package and the verb of the public interface."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from imcsim.learn.face import learn

        return learn(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
