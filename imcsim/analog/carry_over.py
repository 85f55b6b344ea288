"""What a user put on a layer goes with it onto the arrays: hooks, attributes, modules, buffers, parameters."""

from torch import nn

_HOOKS = tuple(name for name in vars(nn.Module()) if "hook" in name)
_OWN = ("forward", "training")  # a forward that is set on a layer is this package's, and gives way to the arrays


def carry_over(made: nn.Module, layer: nn.Module) -> None:
    """Give ``made`` the hooks of ``layer``, and everything else that ``layer`` has and ``made`` lacks."""
    old, new = vars(layer), vars(made)
    for name in _HOOKS:
        new[name] = old[name]
    for table in ("_parameters", "_buffers", "_modules"):
        _add_missing(new[table], old[table])
    new["_non_persistent_buffers_set"] |= old["_non_persistent_buffers_set"]
    _add_missing(new, {name: value for name, value in old.items() if name not in _OWN})


def _add_missing(new: dict[str, object], old: dict[str, object]) -> None:
    for name, value in old.items():
        new.setdefault(name, value)
