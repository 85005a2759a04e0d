"""The figures of an exposure in words, with their units."""

WORDS = {
    "spaCtfEvidence": ("Evidence of rings", ""), "rlnCtfMaxResolution": ("Fit resolution", "Å"),
    "rlnCtfFigureOfMerit": ("Figure of merit", ""), "rlnCtfAstigmatism": ("Astigmatism", "Å"),
    "defocus": ("Defocus", "Å"), "rlnCtfIceRingDensity": ("Ice ring", ""), "spaCtfTilt": ("Tilt", "°"),
    "spaDefocusError": ("Error of defocus", "Å"),
    "spaIceThickness": ("Ice thickness", "Å"), "spaJunkShare": ("Share of junk", ""), "spaContent": ("Content", ""),
    "rlnAccumMotionTotal": ("Motion", "Å"), "rlnAccumMotionEarly": ("Early motion", "Å"),
    "rlnAccumMotionLate": ("Late motion", "Å"), "picks": ("Picks", ""),
}  # fmt: skip


def label(name: str) -> str:
    """What stands at the axis of a quantity."""
    words, unit = WORDS.get(name, (name, ""))
    return f"{words} ({unit})" if unit else words
