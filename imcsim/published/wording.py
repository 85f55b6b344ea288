"""What a chip's public description says in words: resolution, how inputs enter, how large it is."""

import re

_OUTPUT_CODE = r"output code (\d{1,6}) of (\d{1,6})\b"
_SQUARE = r"([mu\u00b5\u03bc])m(?:2|\^2|\u00b2)"
_MACROS = r"(?<![\w.])(\d{1,6})\s+(?:(?:CIM|IMC|DIMC|AIMC|SRAM|identical)\s+)?macros?(?:\(s\))?(?![\w(])"
_LARGEST_AREA_M2 = 1.0  # beyond this a number in words is a slip


def output_share(condition: str) -> float | None:
    """Return the mean output code as a share of the largest, as in ``average output code 6 of 15``, or None."""
    found = re.search(_OUTPUT_CODE, condition)
    return None if found is None or int(found[2]) == 0 else min(1.0, int(found[1]) / int(found[2]))


def stated_adc_bits(condition: str) -> float | None:
    """Return the resolution in words such as ``3b ADC`` or ``3b flash ADC``, or None."""
    found = re.search(r"\b(\d{1,2})\s*-?b(?:its?)?\s+(?:\w+\s+)?ADC", condition)
    return None if found is None else float(found[1])


def bits_per_cycle(condition: str) -> int:
    """Return the input bits that enter in one cycle, as in ``2 b/cycle``; 1 if the words do not tell."""
    found = re.search(r"\b(\d{1,2})[\s-]*b(?:its?)?\s*(?:/|per|a)\s*(?:clock\s+)?cycle", condition, re.IGNORECASE)
    return 1 if found is None else max(1, int(found[1]))


def has(text: str, *words: str) -> bool:
    """Tell whether ``text`` holds one of ``words``, in either case."""
    return any(word.lower() in text.lower() for word in words)


def area_m2(condition: str) -> float | None:
    """Return the area (m2) in words such as ``total area 0.94 mm2``, None without or beside several ones."""
    found = re.findall(rf"(?<![\w./])(\d+(?:\.\d+)?|\.\d+)\s*{_SQUARE}", condition)
    values = {float(number) * (1e-6 if unit == "m" else 1e-12) for number, unit in found}
    if len(values) != 1:
        return None
    (value,) = values
    return value if 0 < value <= _LARGEST_AREA_M2 else None


def macros(condition: str) -> int:
    """Return how many macros an area covers, as in ``64 macro(s), total area 0.94 mm2``; 1 if the words do not tell."""
    found = re.search(_MACROS, condition, re.IGNORECASE)
    return 1 if found is None else max(1, int(found[1]))
