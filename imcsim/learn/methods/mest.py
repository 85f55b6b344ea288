"""MEST: prune by |w| + lambda |g| of existing weights, regrow at random; no dense gradient is ever needed."""

from imcsim.learn.method import method
from imcsim.learn.sparse.elastic import ElasticConfig, ElasticMethod


class MestConfig(ElasticConfig):
    """MEST's settings; see :class:`~imcsim.learn.sparse.elastic.ElasticConfig`."""


@method("mest")
class Mest(ElasticMethod[MestConfig]):
    """EM or EM&S over a base method.

    EM&S grows above the budget first; how many weights existed at once is in the trace as ``peak_active_weights``.
    """

    source = "MEST, Yuan et al., NeurIPS 2021; boone891214/MEST"
