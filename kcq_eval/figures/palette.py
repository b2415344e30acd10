"""The one place of colours: which thing has which, on the screen and in grey print.

A support type's colour stands with its code in `data/vocabulary/support_types.csv`; it is none of those below. Hues were
chosen so that what one figure shows is told apart with each form of colour-blindness too; nothing rests on hue alone.
"""

from __future__ import annotations

from matplotlib.colors import to_hex, to_rgb

INK = "#16191D"
MUTED = "#4B525B"
RULE = "#9AA1AA"
TRACK = "#E6E8EB"
PANEL = "#F3F4F6"
PAPER = "#FFFFFF"

# Periods. What is computed, and what is there now, has the colour of the period evaluated; what only was, the baseline's.
CURRENT = "#0072B2"
BASELINE = "#8A8F98"
EFFECT = "#2F363F"  # steps between the two periods; arrow and sign tell up from down

# Provinces. Kept ones are the period's own.
KEPT = CURRENT
NEW, NEW_HATCH = "#F5C35B", "#C27A00"
LEFT = "#9C1F6B"
NEVER, NEVER_EDGE = "#D9DCE0", PAPER
OUTSIDE, OUTSIDE_EDGE = "#F1F2F4", "#DDE0E4"

# Figures that cannot all be true, and those that nothing checks.
CONFLICT = "#C44A00"
CONFLICT_TINT = "#FDF0E7"
DETECTED = "#E3F0F8"

_PRINT = {  # lightness that keeps apart what lies side by side, where the hue's own would not
    CURRENT: 0.32, BASELINE: 0.66, EFFECT: 0.48, NEW: 0.90, NEW_HATCH: 0.35, LEFT: 0.20, NEVER: 0.86, OUTSIDE: 0.97, OUTSIDE_EDGE: 0.85,
    CONFLICT: 0.12, CONFLICT_TINT: 0.94, PANEL: 0.975, DETECTED: 0.93,
}  # fmt: skip
_GREYS = {to_hex(colour): level for colour, level in _PRINT.items()}


def tint(colour: str, amount: float = 0.72) -> tuple[float, float, float]:
    """The colour mixed with paper."""
    return tuple(1 - (1 - part) * (1 - amount) for part in to_rgb(colour))


def grey(colour: object) -> float:
    """How light a colour is in grey print, 0 (black) to 1 (paper): as set for a role above, else as the eye sees it."""
    rgb = to_rgb(colour)
    set_level = _GREYS.get(to_hex(rgb))
    if set_level is not None:
        return set_level
    luminance = sum(weight * _linear(part) for weight, part in zip((0.2126, 0.7152, 0.0722), rgb, strict=True))
    return 12.92 * luminance if luminance <= 0.0031308 else 1.055 * luminance ** (1 / 2.4) - 0.055


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
