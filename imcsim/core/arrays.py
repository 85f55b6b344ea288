"""Types of arrays, where a function takes more than one precision."""

from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)
"""The type of an array's numbers where a result has that of what was given."""

Floats: TypeAlias = NDArray[np.floating]
"""Real numbers in float32 or float64; what comes out is mostly of the precision that went in."""

AnyArray: TypeAlias = NDArray[np.generic]
"""An array whose numbers nobody looks at here: it is stored, compared, sent or cut."""

NumericArray: TypeAlias = NDArray[np.number | np.bool_]
"""Counts, scores or truth values, of whichever type they are kept in."""
