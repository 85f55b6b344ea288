"""Products with a parameter that no layer computes: they would lie on no array and be charged to nobody.

The network runs once; every operation in it says what it was made of. A tensor made of parameters and constants alone
is a weight still, whatever it was scaled, sliced or reshaped by; one that an input or a layer's output went into is an
activation. Products of two activations, and element-wise ones, are let pass.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from imcsim.core.errors import MappingError
from imcsim.crossbar.mapped_layers import NOT_MAPPED

_FACTORS = {
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot", "linear", "_cdist_forward"), slice(0, 2)),
    **dict.fromkeys(("convolution", "_convolution", "convolution_overrideable"), slice(0, 2)),
    **dict.fromkeys(("addmm", "baddbmm", "addbmm", "addmv", "_addmm_activation", "_sparse_addmm"), slice(1, 3)),
    "_trilinear": slice(0, 3),
}
"""Operations that sum products, and which of their arguments they multiply; of the others, biases are added."""
_ATTENTION = "_scaled_dot_product", slice(0, 3)  # one operation for each device; a mask is added


@contextmanager
def loose_products_refused(network: nn.Module) -> Iterator[None]:
    """Refuse, while ``network`` runs inside, a product with a parameter outside the layer that it belongs to.

    Inputs must be made before. What Linear, Conv2d and the other layers with weights compute is not looked at.

    Raises
    ------
    MappingError
        For the first such product; names the parameter.
    """
    watch = _Watch(network)

    def enter(*_: object) -> None:
        watch.inside += 1

    def leave(*_: object) -> None:
        watch.inside -= 1

    handles = []
    for module in network.modules():
        if isinstance(module, (nn.Linear, *NOT_MAPPED)):  # the user's hooks stay outside
            handles.append(module.register_forward_pre_hook(enter))
            handles.append(module.register_forward_hook(leave, prepend=True))
    try:
        with _uncompiled(), watch:
            yield
    finally:
        for handle in handles:
            handle.remove()


def _uncompiled() -> AbstractContextManager[object]:
    """Let compiled parts run as they were written: under a mode, torch.compile would give them up for good."""
    if "torch._dynamo" not in sys.modules:  # nothing is compiled, and the import takes a second
        return nullcontext()
    stance: AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return stance


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Knows which tensors are no activations, by their memory, and whose parameter each of them holds."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.inside = 0
        self.names = {id(parameter): name for name, parameter in network.named_parameters()}
        self.known: dict[int, tuple[Tensor, str | None]] = {}  # held, so that no memory is used twice
        self.own: set[int] = set()
        for buffer in network.buffers():
            self._know([buffer], None)
        for name, parameter in network.named_parameters():
            self._know([parameter], name)
        self.own = set(self.known)

    def __torch_dispatch__(
        self,
        func: OpOverload[..., object],
        types: Iterable[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        given = kwargs or {}
        if self.inside:
            return func(*args, **given)
        self._check(func.overloadpacket.__name__, args)
        tensors = [leaf for leaf in tree_leaves((args, given)) if isinstance(leaf, Tensor)]
        weights = all(_place(tensor) in self.known for tensor in tensors)
        name = next((name for tensor in tensors if (name := self._name(tensor)) is not None), None)
        result = func(*args, **given)
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        if weights:
            self._know(made, name)
        else:
            self._forget(made)
        return result

    def _check(self, operation: str, args: tuple[object, ...]) -> None:
        attention = operation.startswith(_ATTENTION[0])
        factors = _ATTENTION[1] if attention else _FACTORS.get(operation, slice(0))
        for factor in args[factors]:
            name = self._name(factor) if isinstance(factor, Tensor) else None
            if name is not None:
                raise MappingError(
                    f"the network multiplies by parameter '{name}' outside a Linear or Conv2d layer, so that the "
                    f"product is neither mapped nor charged: make it the weight of an nn.Linear or nn.Conv2d of its "
                    f"own, and call that"
                )

    def _name(self, tensor: Tensor) -> str | None:
        return self.names.get(id(tensor)) or self.known.get(_place(tensor), (None, None))[1]

    def _know(self, tensors: Iterable[Tensor], name: str | None) -> None:
        for tensor in tensors:
            if _place(tensor) not in self.own:
                self.known[_place(tensor)] = tensor, name

    def _forget(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:  # what an activation was written into
            if _place(tensor) not in self.own:
                self.known.pop(_place(tensor), None)


def _place(tensor: Tensor) -> int:
    strided = tensor.layout == torch.strided
    return (tensor.untyped_storage().data_ptr() if strided else 0) or id(tensor)
