"""The FSC of a folder as a drawing in the page."""

from pathlib import Path

import numpy as np

from spa.errors import SpaError
from spa.io import star

WIDTH, HEIGHT, LEFT, FOOT = 560, 250, 40, 36
CURVES = {
    "rlnFourierShellCorrelationCorrected": ("corrected", "#0b6b75"),
    "rlnFourierShellCorrelation": ("half maps", "#0b6b75"),
    "rlnFourierShellCorrelationUnmaskedMaps": ("unmasked", "#8a8f98"),
    "rlnFourierShellCorrelationMaskedMaps": ("masked", "#b06a00"),
    "rlnCorrectedFourierShellCorrelationPhaseRandomizedMaskedMaps": ("phases randomised", "#b3261e"),
}


def fsc(folder: Path | None) -> str:
    """SVG of DIR/fsc.star: its curves over spatial frequency, with the line at 0.143; "" where there is none."""
    path = folder / "fsc.star" if folder else None
    if path is None or not path.is_file():
        return ""
    try:
        table = star.read(path)["fsc"]
        frequency = table.floats("rlnResolution")
        curves = {name: table.floats(name) for name in CURVES if name in table}
    except (SpaError, KeyError):
        return ""
    if not curves or len(frequency) < 2 or not frequency[-1] > 0:
        return ""
    return _drawn(frequency, curves)


def _drawn(frequency: np.ndarray, curves: dict[str, np.ndarray]) -> str:
    across = (WIDTH - LEFT - 10) / frequency[-1]
    place = lambda value: 10 + (HEIGHT - FOOT - 10) * (1 - (value + 0.1) / 1.15)  # noqa: E731
    parts = [f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Fourier shell correlation">']
    for value in (0.0, 0.143, 0.5, 1.0):
        kind = "limit" if value == 0.143 else "rule"
        parts.append(f'<path class="{kind}" d="M{LEFT} {place(value):.1f}H{WIDTH - 10}"/>'
                     f'<text x="{LEFT - 5}" y="{place(value) + 4:.1f}" text-anchor="end">{value:g}</text>')  # fmt: skip
    for step in range(1, 6):
        at = frequency[-1] * step / 5
        parts.append(f'<text x="{LEFT + at * across:.1f}" y="{HEIGHT - 20}" text-anchor="middle">{1 / at:.3g} Å</text>')
    for i, (name, values) in enumerate(curves.items()):
        words, colour = CURVES[name]
        points = " ".join(f"{LEFT + f * across:.1f},{place(np.clip(v, -0.1, 1.05)):.1f}"
                          for f, v in zip(frequency, values) if np.isfinite(v))  # fmt: skip
        parts.append(f'<polyline stroke="{colour}" points="{points}"/>'
                     f'<text x="{LEFT + i * 130}" y="{HEIGHT - 4}" style="fill:{colour}">{words}</text>')  # fmt: skip
    return "".join([*parts, "</svg>"])
