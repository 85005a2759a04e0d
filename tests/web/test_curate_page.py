"""The page of `spa curate rules --web`: limits dragged on plots in Chromium, exposures dropped one by one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.io import star
from spa.testing import run_spa
from tests.pages import killed, post, require_accessible, require_guarded, saved, status

N = 40


@pytest.fixture
def exposures(tiny_micrograph: Path) -> Path:
    """Forty of one picture; resolutions in equal steps, the last not known; a bad one by every measure; picks."""
    found = star.read(tiny_micrograph)
    image = Path(found["micrographs"].text("rlnMicrographName")[0])
    names = []
    for i in range(N):
        names.append(str(image.with_name(f"mic{i:02d}.mrc")))
        Path(names[-1]).symlink_to(image)
    resolution = np.linspace(4, 5, N)
    resolution[3], resolution[-1] = 20.0, np.nan
    table = found["micrographs"].take([0] * N).with_columns(
        rlnMicrographName=names, rlnCtfMaxResolution=resolution, rlnAccumMotionTotal=np.linspace(10, 30, N),
        userFigure=np.arange(N) % 7, userText="a b",
    )  # fmt: skip
    picks = star.Table.of(rlnMicrographName=np.repeat(names, np.arange(N) + 1), rlnOpticsGroup=1,
                          rlnCoordinateX=1.0, rlnCoordinateY=1.0)  # fmt: skip
    star.write(found.with_block("micrographs", table).with_block("particles", picks), tiny_micrograph)
    return tiny_micrograph


def opened(tab: Any, job: Any) -> None:
    tab.goto(job.address)
    tab.wait_for_selector("body[data-shown]")


def told(tab: Any) -> int:
    tab.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")  # counts follow by then
    return int(tab.locator("#kept").inner_text().split()[0])


def drag(tab: Any, name: str, part: float) -> None:
    """Move the limit of this name by a part of the axis, down the page."""
    slider = tab.get_by_role("slider", name=name)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    x, y = box["x"] + box["width"] - 9, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x, y + part * 126, steps=5)
    tab.mouse.up()
    saved(tab)


def names(path: Path) -> list[str]:
    return [Path(name).stem for name in star.read(path)["micrographs"].text("rlnMicrographName")]


def test_drag_drop_by_hand_kill_reopen_and_be_done(start: Any, tab: Any, exposures: Path) -> None:
    words = (
        "curate",
        "rules",
        exposures,
        "--web",
        "-d",
        exposures.parent / "D",
        "--rejected",
        exposures.parent / "r.star",
    )
    job = start(*words)
    opened(tab, job)
    assert told(tab) == N
    drag(tab, "Largest motion", 0.5)
    kept = told(tab)
    assert abs(kept - N / 2) <= 2, "motions are spread evenly: half of them are left"
    tab.keyboard.press("n")
    tab.keyboard.press("x")
    saved(tab)
    assert told(tab) == kept - 1 and "by hand" in tab.locator("#why").inner_text()
    killed(tab, job)
    again = start(*words)
    opened(tab, again)
    assert told(tab) == kept - 1 and "goes on from" in again.err.read_text()
    tab.click("#done")
    tab.wait_for_selector(".end")
    assert again.ended() == 0
    assert names(again.out) == [f"mic{i:02d}" for i in range(kept) if i != 1]
    assert len(star.read(again.out)["particles"]) == kept * (kept + 1) // 2 - 2, "picks of the dropped go with them"
    assert len(names(exposures.parent / "r.star")) == N - kept + 1
    step = star.read(again.out).history[-1]
    assert "--keep 'rlnAccumMotionTotal <= " in step and "rlnMicrographName not in" in step


def test_an_expression_that_makes_no_sense_opens_no_page(exposures: Path) -> None:
    result = run_spa("curate", "rules", exposures, "--web", "--no-browser", "--keep", "nosuch > 3")
    assert result.status == 65 and "nosuch" in result.stderr and "the page is at" not in result.stderr


def test_counts_follow_while_a_limit_is_dragged(start: Any, tab: Any, exposures: Path) -> None:
    opened(tab, start("curate", "rules", exposures, "--web", "-d", exposures.parent / "D"))
    slider = tab.get_by_role("slider", name="Largest motion")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    x, y = box["x"] + box["width"] - 9, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x, y + 40, steps=3)
    first = told(tab)
    tab.mouse.move(x, y + 80, steps=3)
    assert told(tab) < first < N, "the button is still down"
    tab.mouse.up()


def test_thumbnails_on_hover_and_a_click_chooses(start: Any, tab: Any, exposures: Path) -> None:
    opened(tab, start("curate", "rules", exposures, "--web", "-d", exposures.parent / "D"))
    canvas = tab.get_by_role("img", name="Fit resolution of every exposure")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x = box["x"] + 46 + (box["width"] - 56) * 4 / (N + 1)  # the fourth, which is far above the others
    tab.mouse.move(x, box["y"] + 13)
    tab.wait_for_selector(".hover:not([hidden])")
    assert tab.locator(".hover .name").inner_text() == "mic03.mrc"
    tab.wait_for_selector(".hover img[src*='number=3']")
    assert tab.locator(".hover img").evaluate("async (one) => { await one.decode(); return one.naturalWidth; }") > 100
    tab.mouse.click(x, box["y"] + 13)
    assert tab.locator(".list [aria-selected=true]").inner_text().startswith("mic03.mrc")
    tab.mouse.move(5, 5)
    assert not tab.locator(".hover").is_visible()


def test_the_keyboard_alone_suffices(start: Any, tab: Any, exposures: Path) -> None:
    job = start("curate", "rules", exposures, "--web", "-d", exposures.parent / "D")
    opened(tab, job)
    tab.keyboard.press("g")
    saved(tab)
    suggested = told(tab)
    assert suggested < N
    tab.keyboard.press("r")
    assert tab.locator("#why").inner_text().startswith("Dropped: Fit resolution 20")
    tab.keyboard.press("f")
    assert told(tab) == N
    tab.keyboard.press("z")
    assert told(tab) == suggested
    tab.keyboard.press("y")
    for _ in range(80):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.ariaLabel") == "Largest motion":
            break
    for key in ("Shift+ArrowDown", "Shift+ArrowDown", "ArrowDown"):
        tab.keyboard.press(key)
    assert 0.8 * N < told(tab) < 0.95 * N
    tab.keyboard.press("Delete")
    assert told(tab) == N
    for key in ("n", "p", "PageDown", "x", "?", "Escape"):
        tab.keyboard.press(key)
    tab.get_by_role("listbox").focus()
    tab.keyboard.press("End")
    assert tab.locator(".list [aria-selected=true]").inner_text().startswith("mic39.mrc")
    for _ in range(80):
        tab.keyboard.press("Tab")
        if tab.locator("#done").evaluate("one => one === document.activeElement"):
            break
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".end")
    assert job.ended() == 0 and len(names(job.out)) == N - 1


def test_the_history_repeats_it_without_a_page(start: Any, exposures: Path) -> None:
    given = ("--keep", "userFigure < 6")
    job = start("curate", "rules", exposures, "--web", *given, "-d", exposures.parent / "D")
    limits = {
        "rlnCtfMaxResolution": [None, 4.8],
        "picks": [5, None],
        "defocus": [1000, 1e6],
        "rlnAccumMotionTotal": [12.5, 29],
    }
    assert post(job.address, "save", {"limits": limits, "dropped": [10]}) > 10
    post(job.address, "done", None)
    assert job.ended() == 0
    options = [*given, "--keep", "rlnCtfMaxResolution <= 4.8 or isnan(rlnCtfMaxResolution)", "--keep", "picks >= 5",
               "--keep", "rlnAccumMotionTotal >= 12.5", "--keep", "rlnAccumMotionTotal <= 29.0",
               "--keep", "defocus >= 1000"]  # fmt: skip
    name = star.read(exposures)["micrographs"].text("rlnMicrographName")[10]
    options += ["--keep", f"rlnMicrographName not in [{name!r}]"]
    result = run_spa("curate", "rules", exposures, *options, "-o", exposures.parent / "o.star")
    assert result.status == 0, result.stderr
    found, wanted = star.read(job.out), star.read(exposures.parent / "o.star")
    assert found["micrographs"] == wanted["micrographs"] and found["particles"] == wanted["particles"]
    for option in options[1::2]:
        assert option.replace("'", "'\"'\"'") in found.history[-1].replace("1000.0", "1000").replace("5.0'", "5'")


def test_a_figure_that_is_not_known_drops_nothing(start: Any, tab: Any, exposures: Path) -> None:
    job = start("curate", "rules", exposures, "--web", "-d", exposures.parent / "D")
    opened(tab, job)
    assert post(job.address, "save", {"limits": {"rlnCtfMaxResolution": [None, 10]}}) == N - 1, "the one of 20"
    tab.reload()
    tab.wait_for_selector("body[data-shown]")
    assert told(tab) == N - 1, "the page counts as the job does"


def test_contrast_and_labels_pass_axe(start: Any, tab: Any, exposures: Path) -> None:
    job = start("curate", "rules", exposures, "--web", "--auto", "--keep", "row > 1", "-d", exposures.parent / "D")
    opened(tab, job)
    require_accessible(tab)


def test_its_addresses_are_guarded(start: Any, exposures: Path) -> None:
    job = start("curate", "rules", exposures, "--web", "-d", exposures.parent / "D")
    require_guarded(job.address, ["thumb"], ["save", "done"])
    kind = {"content-type": "application/json"}
    for value in (None, [], {}, {"limits": []}, {"limits": {"userText": [1, 2]}}, {"limits": {"picks": [1]}},
                  {"limits": {"picks": ["a", None]}}, {"limits": {}, "dropped": [N]}, {"limits": {}, "dropped": "x"},
                  {"limits": {"__import__('os')": [1, 2]}}):  # fmt: skip
        assert status(job.address, "do/save", json.dumps(value).encode(), **kind) == 400, value
    assert post(job.address, "save", {"limits": {"picks": [1000, None]}}) == 0
    assert status(job.address, "do/done", b"null", **kind) == 400 and job.process.poll() is None, "none is left"


def test_expressions_may_name_defocus_and_picks(exposures: Path) -> None:
    result = run_spa(
        "curate", "rules", exposures, "--keep", "picks > 10 and defocus > 1000", "-o", exposures.parent / "o.star"
    )
    assert result.status == 0 and len(names(exposures.parent / "o.star")) == N - 10


def test_a_table_without_figures_has_no_page(exposures: Path) -> None:
    found = star.read(exposures)
    bare = star.Table.of(rlnMicrographName=found["micrographs"].text("rlnMicrographName"), rlnOpticsGroup=1)
    star.write(found.with_block("micrographs", bare).without_block("particles"), exposures)
    result = run_spa("curate", "rules", exposures, "--web", "-d", exposures.parent / "D")
    assert result.status == 65 and "no figures" in result.stderr
