"""How wide a particle may be said to be."""

from spa.errors import UsageError

LEAST = 0.1  # of the box


def require_diameter(diameter: float, width: float) -> None:
    """UsageError for a --diameter (angstroms) that is no particle's in a box of a width (angstroms)."""
    if not LEAST * width <= diameter <= width:
        raise UsageError(f"--diameter {diameter:g}: the box is {width:g} A wide; a tenth to all of it makes sense")
