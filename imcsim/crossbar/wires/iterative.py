"""Cell voltages of arrays whose cells differ from input to input: conjugate gradients, inside Newton's method.

The unknowns are the cell voltages u. With f the cell currents and P the resistance of the wires (word lines from the
right, bit lines from the left), Kirchhoff's laws read ``u + P f(u) = V``. The Jacobian ``I + P D``, D >= 0 the slopes,
is similar to the symmetric ``I + sqrt(D) P sqrt(D)``, whose eigenvalues are at least 1: conjugate gradients converge
without a preconditioner, and their residual bounds their error. Each step is two dense products.

Shapes: ... leading batch (inputs included), R rows, C columns.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from imcsim.core.errors import CrossbarError
from imcsim.crossbar.wires.lines import Wires, line_resistance

if TYPE_CHECKING:
    from torch import Tensor

CellCurrent = Callable[["Tensor", "Tensor"], "Tensor"]

_NEWTON_STEPS = 60
_HALVINGS = 30


class Resistance(NamedTuple):
    """The voltage (..., R, C) lost between terminals and cells per cell current, as an operator."""

    word: "Tensor"
    bit: "Tensor"

    def __call__(self, current: "Tensor") -> "Tensor":
        """Return the lost voltage (..., R, C) in V."""
        return current @ self.word + self.bit @ current


class _SolveContext(Protocol):
    """What the linear solve keeps for its gradient."""

    lost: Resistance
    tolerance: float
    saved_tensors: tuple["Tensor", ...]

    def save_for_backward(self, *tensors: "Tensor") -> None: ...


def resistance_of(wires: Wires, like: "Tensor") -> Resistance:
    """Return the wires of arrays shaped as ``like`` (..., R, C) as an operator."""
    rows, cols = like.shape[-2:]
    word = line_resistance(cols, wires.r_wl_ohm, wires.first_ohm, wires.drive == "both", like)
    bit = line_resistance(rows, wires.r_bl_ohm, wires.last_ohm, wires.sense == "both", like)
    return Resistance(word, bit.flip(0, 1))


def cell_voltages(v: "Tensor", g_s: "Tensor", cell_current: CellCurrent, wires: Wires, tolerance: float) -> "Tensor":
    """Return the cell voltages (..., R, C) in V; gradients flow to ``v`` and to what the cell currents depend on.

    Parameters
    ----------
    v
        Row voltages (..., R, 1) in V.
    g_s
        Cell conductances (..., R, C) in S, handed to ``cell_current``.
    cell_current
        ``(u, g_s) -> i``, element by element, differentiable and not falling with u.
    wires
        The wires.
    tolerance
        The voltages lost on the wires balance the inputs to this part of them (2-norms, array by array).
    """
    import torch

    lost = resistance_of(wires, g_s)
    _check_law(cell_current(v.detach().expand_as(g_s), g_s.detach()), g_s)
    with torch.no_grad():
        u = _newton(v, g_s.detach(), cell_current, lost, tolerance)
    residual = u + lost(cell_current(u, g_s)) - v
    if not residual.requires_grad:
        return u
    return u - _solver(residual, _slope(u, g_s.detach(), cell_current), lost, tolerance)


def _check_law(current: object, g_s: "Tensor") -> None:
    import torch

    if not isinstance(current, torch.Tensor):
        raise CrossbarError(f"cell_current must return a torch tensor, as it is given, not {type(current).__name__}")
    if tuple(current.shape) != tuple(g_s.shape):
        given, wanted = tuple(current.shape), tuple(g_s.shape)
        raise CrossbarError(f"cell_current must return one current per cell {wanted}, not {given}")


def _newton(v: "Tensor", g_s: "Tensor", cell_current: CellCurrent, lost: Resistance, tolerance: float) -> "Tensor":
    goal = tolerance * _norm(v.expand_as(g_s))
    u = g_s.new_zeros(g_s.shape)  # from below: at the ideal voltages steep cells carry absurd currents
    residual = u + lost(cell_current(u, g_s)) - v
    for _ in range(_NEWTON_STEPS):
        size = _norm(residual)
        if not bool(size.isfinite().all()):
            raise CrossbarError("cell_current must return finite currents")
        if bool((size <= goal).all()):
            return u
        step = solve_symmetric(_slope(u, g_s, cell_current), residual, lost, tolerance)
        u, residual = _damped(u, step, size, lambda x: x + lost(cell_current(x, g_s)) - v)
    share = (_norm(residual) / _norm(v.expand_as(g_s)).clamp_min(1e-300)).max().item()
    raise CrossbarError(
        f"solve_wires did not reach tolerance {tolerance:g} in {_NEWTON_STEPS} steps; it is at {share:.1e}"
    )


def _damped(
    u: "Tensor", step: "Tensor", size: "Tensor", residual_at: Callable[["Tensor"], "Tensor"]
) -> tuple["Tensor", "Tensor"]:
    """Take a Newton step, halved for those arrays whose residual would grow."""
    import torch

    scale = torch.ones_like(size)
    for _ in range(_HALVINGS):
        after = residual_at(u - scale * step)
        grown = ~(_norm(after) <= size)
        if not bool(grown.any()):
            break
        scale = torch.where(grown, scale / 2, scale)
    return u - scale * step, after


def _slope(u: "Tensor", g_s: "Tensor", cell_current: CellCurrent) -> "Tensor":
    import torch

    with torch.enable_grad():
        at = u.detach().requires_grad_()
        current = cell_current(at, g_s)
        (slope,) = torch.autograd.grad(current.sum(), at)
    if bool((slope < 0).any()):
        raise CrossbarError(f"cell_current must not fall with the voltage; its slope reaches {slope.min().item():g} S")
    return slope


def solve_symmetric(slope: "Tensor", rhs: "Tensor", lost: Resistance, tolerance: float) -> "Tensor":
    """Return x with ``(I + P D) x = rhs``; slope is D (..., R, C) in S."""
    root = slope.sqrt()
    return rhs - lost(root * _conjugate_gradients(root, root * rhs, lost, tolerance))


def _conjugate_gradients(root: "Tensor", rhs: "Tensor", lost: Resistance, tolerance: float) -> "Tensor":
    """Return y with ``(I + root P root) y = rhs``, to a residual (so an error) of ``tolerance`` times the rhs."""
    y, residual, direction = rhs.new_zeros(rhs.shape), rhs, rhs
    power = _dot(residual, residual)
    goal = tolerance**2 * power
    for _ in range(10 * rhs.shape[-1] * rhs.shape[-2] + 100):
        active = power > goal
        if not bool(active.any()):
            return y
        image = direction + root * lost(root * direction)
        length = active * power / _dot(direction, image).clamp_min(1e-300)
        y, residual = y + length * direction, residual - length * image
        before, power = power, _dot(residual, residual)
        direction = residual + active * (power / before.clamp_min(1e-300)) * direction
    raise CrossbarError(f"conjugate gradients did not reach tolerance {tolerance:g}; ask for less")


def _dot(a: "Tensor", b: "Tensor") -> "Tensor":
    return (a * b).sum((-2, -1), keepdim=True)


def _norm(a: "Tensor") -> "Tensor":
    return _dot(a, a).sqrt()


def _solver(rhs: "Tensor", slope: "Tensor", lost: Resistance, tolerance: float) -> "Tensor":
    """Return the linear solve, whose gradient is the adjoint: the same system, transposed."""
    import torch

    class Solve(torch.autograd.Function):
        @staticmethod
        def forward(ctx: _SolveContext, rhs: "Tensor", slope: "Tensor", lost: Resistance, tolerance: float) -> "Tensor":
            ctx.save_for_backward(slope)
            ctx.lost, ctx.tolerance = lost, tolerance
            return solve_symmetric(slope, rhs, lost, tolerance)

        @staticmethod
        def backward(ctx: _SolveContext, *gradients: "Tensor") -> "tuple[Tensor, None, None, None]":
            (slope,), (gradient,) = ctx.saved_tensors, gradients
            root = slope.sqrt()
            inner = _conjugate_gradients(root, root * ctx.lost(gradient), ctx.lost, ctx.tolerance)
            return gradient - root * inner, None, None, None

    solved: Tensor = Solve.apply(rhs, slope, lost, tolerance)  # type: ignore[no-untyped-call]
    return solved
