"""What a chip's public description says about activity: how many input bits switch, how many weight bits are one."""

import re

_WORDS = r"(?:\s+(?:rate|factor|ratio|level|probability))?"
_IS = r"\s*(?:of|is|was|=|:|~|\()?\s*(?:about\s+|around\s+)?"
_NUMBER = r"(?<![\w.])(\d+(?:\.\d+)?|\.\d+)(?![\d.]*\d)\s*(%|percent\b|per\s*cent\b|(?![\w/]|\s*\w+/))"
_INPUT = r"(?:inputs?|activations?|acts?\.?|input\s+data|data|in|ia|i)"
_WEIGHT = r"(?:weights?|wts?\.?|kernels?|w)"
_SWITCH = r"(?:toggle|toggles|toggling|switching(?:\s+activity)?)"
_BOTH = rf"{_INPUT}\s*(?:and|&|/|\+)\s*{_WEIGHT}"


def _said(what: str) -> tuple[str, ...]:
    """Return patterns of a quantity and its number, in either order."""
    return (rf"\b{what}{_WORDS}{_IS}{_NUMBER}", rf"{_NUMBER}\s*(?:of\s+)?{what}\b")


def _of(noun: str, operand: str) -> tuple[str, ...]:
    """Return patterns of ``input sparsity 0.5``, ``sparsity of inputs 0.5``, ``sparsity (input) 0.5`` and turned."""
    return (
        *_said(rf"{operand}(?:\s+bits?)?[\s-]+{noun}"),
        *_said(rf"{noun}\s*(?:(?:of|in|on)\s+(?:the\s+)?|\(){operand}\)?"),
    )


_TOGGLE = (
    *_of(_SWITCH, _INPUT),
    *_said(_SWITCH),
    *_said(rf"{_SWITCH}\s*\(?{_INPUT}\)?"),
    *_of("density", _INPUT),
)
_DENSITY = (*_of("density", _WEIGHT), *_said(r"(?<!input )(?<!activation )density(?!\s*(?:of|in|on|\())"))
_INPUT_ZEROS = (*_of(r"(?:sparsity|zeros)", _INPUT), *_said(rf"sparse\s+{_INPUT}"))
_WEIGHT_ZEROS = (*_of(r"(?:sparsity|zeros)", _WEIGHT), *_said(rf"sparse\s+{_WEIGHT}"))
_BOTH_ZEROS = (*_of("sparsity", _BOTH),)
_BOTH_ONES = (*_of("density", _BOTH),)
_PAIR = rf"{_NUMBER}\s*(?:and|&|/|,)\s*{_NUMBER}"
_UNIFORM = r"\b(?:uniform(?:ly)?|random(?:ly)?)(?:\s+distributed)?\s+"
_UNIFORM_BOTH = rf"{_UNIFORM}(?:data|patterns?|{_BOTH})\b"
_UNIFORM_INPUT, _UNIFORM_WEIGHT = rf"{_UNIFORM}{_INPUT}\b", rf"{_UNIFORM}{_WEIGHT}\b"

_ACTIVITY = r"(?:sparsity|toggle|toggling|activity|density)"
_SILENT = r"(?:unknown|unreported|unspecified|missing|not\s+(?:reported|stated|given|known|specified|disclosed)|n/a)"
_UNKNOWN = (rf"{_ACTIVITY}[^,;.]*\b{_SILENT}", rf"(?:unknown|unreported|unspecified|no)\s+(?:\w+\s+)?{_ACTIVITY}")


def input_toggle(condition: str) -> float | None:
    """Return the share of input bits that switch, None if the words do not tell; uniform data switch half of them."""
    return _share(condition, 0, _TOGGLE, _INPUT_ZEROS, (_UNIFORM_BOTH, _UNIFORM_INPUT))


def weight_density(condition: str) -> float | None:
    """Return the share of weight bits that are one, None if the words do not tell."""
    return _share(condition, 1, _DENSITY, _WEIGHT_ZEROS, (_UNIFORM_BOTH, _UNIFORM_WEIGHT))


def activity_unknown(condition: str) -> bool:
    """Tell whether the words say that activity is not known, as in ``sparsity not reported``."""
    return any(re.search(pattern, condition, re.IGNORECASE) for pattern in _UNKNOWN)


def _share(
    condition: str, place: int, ones: tuple[str, ...], zeros: tuple[str, ...], uniform: tuple[str, ...]
) -> float | None:
    """Return a share from words of ones, of zeros, of both operands (``place``: input 0, weight 1), of uniform data."""
    for both, turned in ((_BOTH_ONES, False), (_BOTH_ZEROS, True)):
        if (value := _first(condition, both, place)) is not None:
            return 1 - value if turned else value
    for patterns, turned in ((ones, False), (zeros, True)):
        if (value := _first(condition, patterns, 0)) is not None:
            return 1 - value if turned else value
    return 0.5 if any(re.search(pattern, condition, re.IGNORECASE) for pattern in uniform) else None


def _first(condition: str, patterns: tuple[str, ...], place: int) -> float | None:
    for pattern in patterns:
        for found in re.finditer(pattern, condition, re.IGNORECASE):
            pair = re.match(_PAIR, condition[found.start(1) :], re.IGNORECASE) if place else None
            number, percent = (pair[3], pair[4]) if pair else (found[1], found[2])
            value = float(number) / (100 if percent.strip() else 1)
            if value <= 1:
                return value
    return None
