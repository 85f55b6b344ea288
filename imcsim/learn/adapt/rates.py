"""How large Adam's steps are in a task that is shorter than the one their rate was found for."""

import math


def scaled_rate(rate: float, full_steps: int, steps: int) -> float:
    """Return the rate for a task of ``steps`` optimiser steps: rate * sqrt(full_steps / steps), never below ``rate``.

    Adam moves a value by about its rate at each step, to either side while gradients are noisy: after n steps it stands
    about rate * sqrt(n) away, and this is what the rule keeps (design choice). It is how far a mask's latent value gets
    on the way to its threshold, so that a short task flips masks as a full one does.

    Parameters
    ----------
    rate
        Published (or chosen) rate, > 0.
    full_steps
        Steps of the task that it holds for; longer tasks keep it, too.
    steps
        Optimiser steps of this task; 0 if nobody knows: the rate stays.
    """
    return rate * math.sqrt(full_steps / steps) if 0 < steps < full_steps else rate
