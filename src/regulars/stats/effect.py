"""What a comparison found: an effect with its variance, and the interval and p-value read from it.

Every field is a number or an array; arrays broadcast over metrics and variants, so a whole report is one call.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = float | NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A difference between a variant and its control, before anybody decides anything.

    `variance` is that of `value` itself (not of one unit); `degrees` of freedom are infinite for a normal limit.
    `skew` is by how much the variance would be larger, were the truth one unit above `value`: known of few, heeded by
    `inference.infer`, and 0 to first order for everything else.
    """

    value: Numbers
    variance: Numbers
    degrees: Numbers = np.inf
    skew: Numbers = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """An effect with the interval that holds it and the p-value against no effect; low <= high, p in [0, 1].

    NaN says that the data cannot answer (an empty variant, no variance): never p = 1.
    """

    value: Numbers
    low: Numbers
    high: Numbers
    p: Numbers
