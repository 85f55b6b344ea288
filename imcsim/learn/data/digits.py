"""The embedded default: handwritten digits that come with scikit-learn; no folder, no network."""

import numpy as np

from imcsim.core.seeds import numpy_generator
from imcsim.learn.data.arrays import Arrays

_TEST_SHARE = 0.2  # design choice: digits has no split of its own


def load_digits_set() -> Arrays:
    """Return the 1,797 images of 8 x 8 pixels (0 .. 16), split 80/20 within each class."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels, labels = bunch.images.astype(np.uint8)[:, None], bunch.target.astype(np.int64)
    order = numpy_generator(0, "digits-split").permutation(len(labels))
    test = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        members = order[labels[order] == label]
        test[members[: round(_TEST_SHARE * len(members))]] = True
    note = "digits: 8x8 images of scikit-learn, fixed stratified split 80/20 (imcsim's own)"
    return Arrays("digits", pixels[~test], labels[~test], pixels[test], labels[test], maximum=16, notes=(note,))
