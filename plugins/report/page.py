"""The page: steps, options, pictures as HTML that stands by itself."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from spa_plugins.report import curve, graph, pictures
from spa_plugins.report.chain import Step, link
from spa_plugins.report.sources import words_of

Options = Callable[[str, list[str], dict[str, Any] | None], list[tuple[str, str]]]
LINES, INPUTS = 8, 12  # said lines that stand open; inputs that are listed
STATES = {"gone": "folder gone", "unfinished": "unfinished"}  # what is said of a step
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def document(steps: Sequence[Step], shown: Sequence[Path], title: str, options_of: Options) -> str:
    """The whole of the page, HTML 5."""
    link(list(steps))
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    body = [
        f"<header><p class=mark>spa report</p><h1>{escape(title)}</h1>{_summary(steps)}</header>",
        f"<main>{_index(steps)}",
        *(_section(step, options_of) for step in steps),
        _pictures(shown),
        f"</main><footer>{_versions(steps)}</footer>",
    ]
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}: spa report</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
        f"<body>{''.join(body)}</body></html>\n"
    )


def _summary(steps: Sequence[Step]) -> str:
    ended = [sitting for step in steps for sitting in step.sittings if "wall_seconds" in sitting]
    days = sorted({str(sitting["begun"])[:10] for step in steps for sitting in step.sittings if "begun" in sitting})
    facts = [f"{len(steps)} steps"]
    if days:
        facts.append(days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}")
    if ended:
        facts.append(f"{time(sum(one['cpu_seconds'] for one in ended))} of CPU time")
        facts.append(f"at most {memory(max(one['peak_bytes'] for one in ended))}")
    return f"<p class=soft>{escape(' · '.join(facts))}</p>"


def _state(step: Step) -> str:
    return f' <span class="state {step.state}">{STATES[step.state]}</span>' if step.state in STATES else ""


def _index(steps: Sequence[Step]) -> str:
    rows = [
        f'<li style="height:{graph.ROW}px"><a href="#step{step.number}"><b>{step.number}</b> {escape(step.job)}</a>'
        f"{_state(step)}<span class=said>{escape(step.headline)}</span></li>"
        for step in steps
    ]
    left = graph.width(steps)
    return f'<nav aria-label="Steps">{graph.svg(steps)}<ol style="padding-left:{left}px">{"".join(rows)}</ol></nav>'


def _section(step: Step, options_of: Options) -> str:
    facts = _facts(step, options_of(step.job, step.words, step.record))
    title = f"<span class=soft>{step.number}</span> {escape(step.job)}{_state(step)}"
    return "".join([
        f'<section id="step{step.number}"><h2>{title}</h2>',
        f"<p class=headline>{escape(step.headline)}</p>" if step.headline else "",
        _figures(step),
        f"<div class=facts>{facts}</div>" if facts else "",
        _said(step),
        f"<details><summary>Command</summary>{_verbatim(_command(step))}</details></section>",
    ])  # fmt: skip


def _verbatim(text: str) -> str:
    return f'<pre tabindex="0">{escape(text)}</pre>'


def _command(step: Step) -> str:
    words = " ".join(step.line.split(" ")[1:])
    return f"spa {words}"


def _facts(step: Step, options: list[tuple[str, str]]) -> str:
    inputs = (step.record or {}).get("inputs", {})
    marks = [(name if name != "-" else "standard input", f"{memory(mark['size'])}, sha256 {str(mark['sha256'])[:12]}")
             for name, mark in inputs.items()]  # fmt: skip
    if len(marks) > INPUTS:
        marks = [*marks[:INPUTS], ("...", f"{len(marks) - INPUTS} more")]
    columns = [("Options", options), ("Run", _run(step)), ("Inputs", marks)]
    return "".join(f"<div><h3>{head}</h3><dl>{_pairs(rows)}</dl></div>" for head, rows in columns if rows)


def _pairs(rows: list[tuple[str, str]]) -> str:
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)


def _run(step: Step) -> list[tuple[str, str]]:
    """Where and how a step ran, and what it took."""
    found = [("folder", step.folder)] if step.folder else []
    took = [sitting for sitting in step.sittings if "wall_seconds" in sitting]
    if took:
        wall, cpu = (time(sum(one[name] for one in took)) for name in ("wall_seconds", "cpu_seconds"))
        found += [("began", str(took[0].get("begun", ""))[:16].replace("T", " ")), ("took", f"{wall}, {cpu} of CPU"),
                  ("memory", memory(max(one["peak_bytes"] for one in took)))]  # fmt: skip
    if step.record is not None:
        found.append(("threads, device", f"{step.record.get('threads')}, {step.record.get('device')}"))
        if step.record.get("left_out"):
            found.append(("left out", str(step.record["left_out"])))
    if step.uses:
        found.append(("files of", ", ".join(f"step {one.number} ({one.job})" for one in step.uses)))
    return found


def _said(step: Step) -> str:
    lines = step.said[:-1] if step.headline else step.said
    if step.sittings and step.sittings[-1].get("status") not in (None, "finished"):
        lines = [*lines, f"ended: {step.sittings[-1]['status']}"]
    if not lines:
        return ""
    text = _verbatim("\n".join(lines))
    return text if len(lines) <= LINES else f"<details><summary>{len(lines)} lines said</summary>{text}</details>"


def _figures(step: Step) -> str:
    found = pictures.of_step(step)
    plotted = bool(found and step.record and step.record.get("options", {}).get("plot"))
    drawn = "" if plotted else curve.fsc(step.place)
    figures = [_picture(one) for one in found]
    return "".join([*figures, _figure(drawn, "Fourier shell correlation") if drawn else ""])


def _picture(one: pictures.Shown) -> str:
    return _figure(f'<img alt="{escape(one.words)}" src="{one.address}">', one.words)


def _figure(inside: str, words: str) -> str:
    return f"<figure>{inside}<figcaption>{escape(words)}</figcaption></figure>"


def _pictures(paths: Sequence[Path]) -> str:
    found = [one for path in paths if (one := pictures.of_file(path, path.name)) is not None]
    return f"<section><h2>Pictures</h2>{''.join(map(_picture, found))}</section>" if found else ""


def _versions(steps: Sequence[Step]) -> str:
    sets = {tuple(sorted(step.record.get("libraries", {}).items())) for step in steps if step.record}
    programs = sorted({words_of(step.line)[0] for step in steps})
    libraries = "; ".join(sorted({", ".join(f"{name} {version}" for name, version in one) for one in sets}))
    return f"<p>spa {escape(', '.join(programs))}{escape(f' with {libraries}' if libraries else '')}</p>"


def time(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def memory(size: float) -> str:
    """Bytes as people say them."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
