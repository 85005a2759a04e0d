"""The page of `spa inspect picks --web`: limits dragged in Chromium, kept, taken up again, and told in the history."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.io import star
from tests.pages import killed, post, require_accessible, require_guarded, saved, status

N = 200


@pytest.fixture
def picks(tiny_micrograph: Path) -> Path:
    """Picks of one micrograph: scores 0 to 1 in equal steps, powers about 1 with some far larger."""
    found, rng = star.read(tiny_micrograph), np.random.default_rng(4)
    power = np.exp(rng.normal(0, 0.1, N))
    power[::20] = 8.0
    table = star.Table.of(
        rlnMicrographName=[found["micrographs"].text("rlnMicrographName")[0]] * N, rlnOpticsGroup=[1] * N,
        rlnCoordinateX=rng.uniform(0, 255, N).round(2), rlnCoordinateY=rng.uniform(0, 239, N).round(2),
        rlnAutopickFigureOfMerit=rng.permutation(N) / (N - 1), spaLocalPower=power,
    )  # fmt: skip
    star.write(found.with_block("particles", table), tiny_micrograph.with_name("picks.star"))
    return tiny_micrograph.with_name("picks.star")


def opened(tab: Any, job: Any) -> None:
    tab.goto(job.address)
    tab.wait_for_selector("body[data-shown]")


def drag(tab: Any, name: str, dx: float) -> None:
    """Take the limit of this name by its middle and move it."""
    box = tab.get_by_role("slider", name=name).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + dx, y, steps=5)
    tab.mouse.up()
    saved(tab)


def told(tab: Any) -> int:
    tab.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")  # counts follow by then
    return int(tab.locator("#kept").inner_text())


def test_drag_kill_reopen_and_be_done(start: Any, tab: Any, picks: Path) -> None:
    words = ("inspect", "picks", picks, "--web", "-d", picks.parent / "D", "--rejected", picks.parent / "r.star")
    job = start(*words)
    opened(tab, job)
    assert told(tab) == N
    wide = tab.locator(".plot canvas").first.bounding_box()["width"] - 56
    drag(tab, "Least score", wide / 2)
    assert abs(told(tab) - N / 2) < 4, "scores are spread evenly: half of them are left"
    drag(tab, "Largest local power", -wide / 3)
    kept = told(tab)
    assert kept < N / 2
    killed(tab, job)
    again = start(*words)
    opened(tab, again)
    assert told(tab) == kept and "goes on from" in again.err.read_text()
    tab.click("#done")
    tab.wait_for_selector(".end")
    assert again.ended() == 0
    table = star.read(again.out)["particles"]
    assert len(table) == kept and table.floats("rlnAutopickFigureOfMerit").min() > 0.45
    assert table.floats("spaLocalPower").max() < 8 and len(star.read(picks.parent / "r.star")["particles"]) == N - kept
    step = star.read(again.out).history[-1]
    assert "--min-score" in step and "--max-power" in step and "--min-power" not in step


def test_counts_histograms_and_circles_follow_while_a_limit_is_dragged(start: Any, tab: Any, picks: Path) -> None:
    opened(tab, start("inspect", "picks", picks, "--web", "-d", picks.parent / "D"))
    box = tab.get_by_role("slider", name="Least score").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    overlay = "document.querySelector('canvas.overlay').toDataURL()"
    plot = "document.querySelector('.plot canvas').toDataURL()"
    before = tab.evaluate(overlay), tab.evaluate(plot)
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 100, y, steps=3)
    first = told(tab)
    tab.mouse.move(x + 200, y, steps=3)
    assert told(tab) < first < N, "the button is still down"
    assert tab.evaluate(overlay) != before[0] and tab.evaluate(plot) != before[1]
    assert tab.locator(".list .count").first.inner_text() == f"{told(tab)} / {N}"
    tab.mouse.up()


def test_the_keyboard_alone_suffices(start: Any, tab: Any, picks: Path) -> None:
    job = start("inspect", "picks", picks, "--web", "-d", picks.parent / "D")
    opened(tab, job)
    for key in ("1", "Shift+ArrowRight", "Shift+ArrowRight", "ArrowRight", "3", "Shift+ArrowLeft"):
        tab.keyboard.press(key)
    saved(tab)
    kept = told(tab)
    assert 0.8 * N < kept < N - N // 20
    for key in ("z", "z", "z", "z"):
        tab.keyboard.press(key)
    assert told(tab) == N
    tab.keyboard.press("g")
    saved(tab)
    assert told(tab) == N - N // 20, "what is far off in power goes"
    tab.keyboard.press("3")
    tab.keyboard.press("Delete")
    assert told(tab) == N
    tab.keyboard.press("z")
    for key in ("h", "c", "v", "+", "0", "?", "Escape"):
        tab.keyboard.press(key)
    for _ in range(40):
        tab.keyboard.press("Tab")
        if tab.locator("#done").evaluate("one => one === document.activeElement"):
            break
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".end")
    assert job.ended() == 0 and len(star.read(job.out)["particles"]) == N - N // 20


def test_the_history_repeats_it_without_a_page(start: Any, picks: Path) -> None:
    from spa.testing import run_spa

    job = start("inspect", "picks", picks, "--web", "--auto", "-d", picks.parent / "D")
    assert post(job.address, "save", {"min_score": 0.305, "min_power": None, "max_power": 1.1}) > 0
    post(job.address, "done", None)
    assert job.ended() == 0
    result = run_spa("inspect", "picks", picks, "--min-score", 0.305, "--max-power", 1.1, "-o", picks.parent / "o.star")
    assert result.status == 0 and star.read(picks.parent / "o.star")["particles"] == star.read(job.out)["particles"]
    assert "--auto" not in star.read(job.out).history[-1] and "--min-score 0.305" in star.read(job.out).history[-1]


@pytest.mark.parametrize("column", ["rlnAutopickFigureOfMerit", "spaLocalPower"])
def test_one_of_the_two_is_enough(start: Any, tab: Any, picks: Path, column: str) -> None:
    tables = star.read(picks)
    star.write(tables.with_block("particles", tables["particles"].without(column)), picks)
    opened(tab, start("inspect", "picks", picks, "--web", "-d", picks.parent / "D"))
    assert tab.locator(".plot").count() == 1 and told(tab) == N
    require_accessible(tab)


def test_contrast_and_labels_pass_axe(start: Any, tab: Any, picks: Path) -> None:
    opened(tab, start("inspect", "picks", picks, "--web", "--auto", "-d", picks.parent / "D"))
    require_accessible(tab)


def test_its_addresses_are_guarded(start: Any, picks: Path) -> None:
    job = start("inspect", "picks", picks, "--web", "-d", picks.parent / "D")
    require_guarded(job.address, ["film"], ["save", "done"])
    assert status(job.address, "picture/picks") == 200 and status(job.address[:-3] + "/", "picture/picks") == 403
    kind = {"content-type": "application/json"}
    for value in (None, [], {"min_score": "x"}, {"max_power": [1]}, {"other": 1}, {"min_power": True}):
        assert status(job.address, "do/save", json.dumps(value).encode(), **kind) == 400, value
    assert post(job.address, "save", {"min_score": 50}) == 0
    assert status(job.address, "do/done", b"null", **kind) == 400 and job.process.poll() is None, "none is left"


def test_without_scores_powers_or_micrographs_there_is_nothing_to_show(picks: Path) -> None:
    from spa.testing import run_spa

    tables = star.read(picks)
    bare = tables["particles"].without("rlnAutopickFigureOfMerit", "spaLocalPower")
    for wrong in (tables.with_block("particles", bare), tables.without_block("micrographs")):
        star.write(wrong, picks.with_name("w.star"))
        result = run_spa("inspect", "picks", picks.with_name("w.star"), "--web", "-d", picks.parent / "D")
        assert result.status == 65
