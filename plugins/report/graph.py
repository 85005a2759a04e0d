"""The graph of steps as SVG: a dot a step, one below the other, lines to what each came from."""

from collections.abc import Sequence

from spa_plugins.report.chain import Step

ROW, GAP, LEFT = 34, 18, 14  # pixels: height of a row, between columns, before the first
COLOURS = {"finished": "#0b6b75", "passed": "#9cc4c8", "gone": "#ffffff", "unfinished": "#b3261e"}  # of dots


def width(steps: Sequence[Step]) -> int:
    """Of the drawing, pixels."""
    return 2 * LEFT + GAP * max((step.column for step in steps), default=0)


def svg(steps: Sequence[Step]) -> str:
    """Whole lines: the next step of a table; dashed ones: files that were read."""
    parts = [f'<svg class="graph" width="{width(steps)}" height="{ROW * len(steps)}" aria-hidden="true">']
    for step in steps:
        if step.parent is not None:
            parts.append(f'<path d="{_down(step.parent, step)}"/>')
        parts += [f'<path class="used" d="{_aside(one, step)}"/>' for one in step.uses]
    for step in steps:
        x, y = _at(step)
        parts.append(f'<circle cx="{x}" cy="{y}" r="5.5" fill="{COLOURS[step.state]}"/>')
    return "".join([*parts, "</svg>"])


def _at(step: Step) -> tuple[int, int]:
    return LEFT + GAP * step.column, ROW * (step.number - 1) + ROW // 2


def _down(above: Step, below: Step) -> str:
    (x0, y0), (x1, y1) = _at(above), _at(below)
    if x0 == x1:
        return f"M{x0} {y0}V{y1}"
    bend = min(y0 + ROW, y1)
    return f"M{x0} {y0}C{x0} {y0 + ROW // 2} {x1} {bend - ROW // 2} {x1} {bend}V{y1}"


def _aside(one: Step, other: Step) -> str:
    (x0, y0), (x1, y1) = _at(one), _at(other)
    side = min(x0, x1) - 9
    return f"M{x0} {y0}Q{side} {y0} {side} {(y0 + y1) // 2}Q{side} {y1} {x1} {y1}"
