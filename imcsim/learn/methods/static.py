"""Static sparse training: a random mask drawn before training and never changed, the bar for all that search."""

from imcsim.learn.method import method
from imcsim.learn.sparse.method import SparseMethod, SpreadConfig


class StaticConfig(SpreadConfig):
    """Settings of a random mask; see :class:`~imcsim.learn.sparse.method.SpreadConfig`."""


@method("static")
class Static(SparseMethod[StaticConfig]):
    """Random masks of the given sparsity over a base method."""

    source = "baseline 'Static' of Evci et al., ICML 2020 (RigL); google-research/rigl"
