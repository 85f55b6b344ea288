"""What a chip's public description says in words: activity, resolution, how inputs enter."""

import re

_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)\s*(%?)"
_TOGGLE = (
    rf"(?:toggle|toggling)(?:\s+rate)?\s*(?:of|=|:)?\s*{_NUMBER}",
    rf"{_NUMBER}\s*(?:input\s+)?(?:toggle|toggling)",
    rf"input\s+density\s*(?:of|=|:)?\s*{_NUMBER}",
)
_INPUT_ZEROS = (rf"input\s+sparsity\s*(?:of|=|:)?\s*{_NUMBER}", rf"{_NUMBER}\s*input\s+sparsity")
_DENSITY = (rf"(?<!input )density\s*(?:of|=|:)?\s*{_NUMBER}",)
_WEIGHT_ZEROS = (rf"weight\s+sparsity\s*(?:of|=|:)?\s*{_NUMBER}", rf"{_NUMBER}\s*weight\s+sparsity")
_ACTIVITY = r"(?:sparsity|toggle|toggling|activity|density)"
_SILENT = r"(?:unknown|unreported|unspecified|missing|not\s+(?:reported|stated|given|known|specified))"
_UNKNOWN = (rf"{_ACTIVITY}[^,;.]*\b{_SILENT}", rf"(?:unknown|unreported|no)\s+(?:\w+\s+)?{_ACTIVITY}")
_OUTPUT_CODE = r"output code (\d+) of (\d+)"


def input_toggle(condition: str) -> float | None:
    """Return the share of input bits that switch, None if the words do not tell; uniform data switch half of them."""
    return _share(condition, _TOGGLE, _INPUT_ZEROS)


def weight_density(condition: str) -> float | None:
    """Return the share of weight bits that are one, None if the words do not tell."""
    return _share(condition, _DENSITY, _WEIGHT_ZEROS)


def output_share(condition: str) -> float | None:
    """Return the mean output code as a share of the largest, as in ``average output code 6 of 15``, or None."""
    found = re.search(_OUTPUT_CODE, condition)
    return None if found is None or int(found[2]) == 0 else min(1.0, int(found[1]) / int(found[2]))


def stated_adc_bits(condition: str) -> float | None:
    """Return the resolution in words such as ``3b ADC`` or ``3b flash ADC``, or None."""
    found = re.search(r"(\d+)\s*-?b(?:it)?\s+(?:\w+\s+)?ADC", condition)
    return None if found is None else float(found[1])


def bits_per_cycle(condition: str) -> int:
    """Return the input bits that enter in one cycle, as in ``2 b/cycle``; 1 if the words do not tell."""
    found = re.search(r"(\d+)\s*b(?:its?)?\s*/\s*cycle", condition)
    return 1 if found is None else max(1, int(found[1]))


def activity_unknown(condition: str) -> bool:
    """Tell whether the words say that activity is not known, as in ``sparsity not reported``."""
    return any(re.search(pattern, condition, re.IGNORECASE) for pattern in _UNKNOWN)


def has(text: str, *words: str) -> bool:
    """Tell whether ``text`` holds one of ``words``, in either case."""
    return any(word.lower() in text.lower() for word in words)


def _share(condition: str, ones: tuple[str, ...], zeros: tuple[str, ...]) -> float | None:
    for patterns, turned in ((ones, False), (zeros, True)):
        for pattern in patterns:
            if found := re.search(pattern, condition, re.IGNORECASE):
                value = float(found[1]) / (100 if found[2] else 1)
                if value <= 1:
                    return 1 - value if turned else value
    return 0.5 if has(condition, "uniform data") else None
