"""Quantities in the one form in which the API server stores them.

``0.5`` is stored as ``500m`` and ``1024Mi`` as ``1Gi``. Rendered otherwise, the live object would
differ from the rendered one for ever, and the operator would never come to rest.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Final

from vertice_operator.api.quantity import parse_quantity

_DECIMAL: Final = {-1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T", 5: "P", 6: "E"}
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_EXPONENT: Final = re.compile(r"[eE][+-]?[0-9]+$")
_MILLI: Final = Decimal("1e-3")


def canonical(text: str) -> str:
    """Write a quantity as Kubernetes does (``apimachinery/pkg/api/resource``).

    The form (decimal, binary, exponent) stays; the number becomes whole, with the largest suffix
    that allows it. Fractions of a thousandth are rounded up, as the server does with the resources
    of a container.

    Raises:
        ValueError: the text is not a quantity.
    """
    value = parse_quantity(text)
    if text.endswith("i") and abs(value) >= 1024:
        return _binary(value)
    digits, power = _thousands(value.quantize(_MILLI, rounding=ROUND_CEILING))
    if _EXPONENT.search(text):
        return f"{digits}e{3 * power}" if power else f"{digits}"
    return f"{digits}{_DECIMAL[power]}"


def _binary(value: Decimal) -> str:
    number, power = int(value.to_integral_value(rounding=ROUND_CEILING)), 0
    while number % 1024 == 0 and power < len(_BINARY) - 1:
        number, power = number // 1024, power + 1
    return f"{number}{_BINARY[power]}"


def _thousands(value: Decimal) -> tuple[int, int]:
    """Give the whole number and the power of 1000 it is to be multiplied with."""
    number, power = int(value / _MILLI), -1
    if number == 0:
        return 0, 0
    while number % 1000 == 0 and power < max(_DECIMAL):
        number, power = number // 1000, power + 1
    return number, power
