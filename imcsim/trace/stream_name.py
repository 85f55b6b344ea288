"""How a stream is called: a data set that is split, or several data sets in turn."""

from collections.abc import Sequence

_JOIN = "+"  # stands in no data set's name, and in folder names it needs no quoting


def domains_name(domains: Sequence[str]) -> str:
    """Return the name of a multi-domain stream, as traces, reports and folders hold it: "mnist+cifar10"."""
    return _JOIN.join(domains)


def stream_title(dataset: str) -> str:
    """Return what a person reads: "Split-digits", or "mnist, cifar10, mnist in turn" for "mnist+cifar10+mnist"."""
    domains = dataset.split(_JOIN)
    return f"{', '.join(domains)} in turn" if len(domains) > 1 else f"Split-{dataset}"
