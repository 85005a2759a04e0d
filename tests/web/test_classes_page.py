"""The page of `spa select classes --web`: in Chromium, and by its addresses alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.io import mrc, star
from tests.pages import killed, post, require_accessible, require_guarded, saved, status

SIZES = [10, 30, 20, 5, 0, 25]
RESOLUTION = [12.0, 9.0, 15.0, 30.0, 99.0, 8.0]


def written(folder: Path, maps: bool = False, n: int = len(SIZES)) -> Path:
    """A table of classes: blobs of different widths, as averages or as maps."""
    z, y, x = np.mgrid[:32, :32, :32] - 16
    names = []
    for i in range(n):
        ball = np.exp(-(x**2 + y**2 + z**2) / (12.0 + 4 * (i % 6))).astype(np.float32)
        ball += 0.02 * np.random.default_rng(i).standard_normal(ball.shape).astype(np.float32)
        mrc.write(folder / f"c{i}.mrc", ball if maps else ball[16:17], 4.0)
        names.append(str(folder / f"c{i}.mrc"))
    number = np.repeat(np.arange(1, n + 1), SIZES if n == len(SIZES) else [1] * n)
    classes = star.Table.of(rlnReferenceImage=names, rlnEstimatedResolution=(RESOLUTION * n)[:n], spaEffectiveSize=7.5)
    particles = star.Table.of(rlnImageName=[f"{i:06d}@x.mrcs" for i in range(1, len(number) + 1)],
                              rlnClassNumber=number)  # fmt: skip
    star.write(star.Tables({"particles": particles, "classes": classes}), folder / "c.star")
    return folder / "c.star"


def opened(tab: Any, job: Any) -> None:
    tab.goto(job.address)
    tab.wait_for_selector("body[data-measured]")
    tab.wait_for_selector(".cell")  # drawn when the page has been laid out, on a busy machine after its first figures


def order(tab: Any) -> list[int]:
    """Numbers of the classes in sight, as they stand."""
    where = "all => all.map(one => [Number(one.ariaPosInSet), Number(one.dataset.number) + 1])"
    cells = tab.eval_on_selector_all(".cell", where)
    return [number for _, number in sorted(cells)]


def kept(job: Any) -> list[int]:
    """Classes of the particles in what the job printed."""
    return sorted(set(star.read(job.out)["particles"].ints("rlnClassNumber").tolist()))


def test_click_shift_kill_reopen_and_be_done(start: Any, tab: Any, tmp_path: Path) -> None:
    table = written(tmp_path)
    job = start("select", "classes", table, "--web", "-d", tmp_path / "D", "--rejected", tmp_path / "r.star")
    opened(tab, job)
    assert order(tab) == [2, 6, 3, 1, 4, 5], "by size"
    tab.click("#cell-1")
    tab.click("#cell-0", modifiers=["Shift"])  # with 6 and 3 between them
    tab.click("#cell-2")
    saved(tab)
    assert tab.locator("#kept").inner_text() == "3 of 6"
    assert tab.locator("#particles").inner_text().startswith("65 of 90")
    killed(tab, job)
    again = start("select", "classes", table, "--web", "-d", tmp_path / "D", "--rejected", tmp_path / "r.star")
    opened(tab, again)
    assert tab.locator("#kept").inner_text() == "3 of 6" and "goes on from" in again.err.read_text()
    tab.click("#done")
    tab.wait_for_selector(".end")
    assert again.ended() == 0 and kept(again) == [1, 2, 6]
    assert set(star.read(tmp_path / "r.star")["particles"].ints("rlnClassNumber").tolist()) == {3, 4}
    assert "--classes 1-2,6" in star.read(again.out).history[-1], "the history says what was chosen"


def test_the_keyboard_alone_suffices(start: Any, tab: Any, tmp_path: Path) -> None:
    job = start("select", "classes", written(tmp_path), "--web", "-d", tmp_path / "D")
    opened(tab, job)
    for key in ("ArrowRight", "Space", "Shift+ArrowRight", "Shift+ArrowRight"):  # 6, then 3 and 1
        tab.keyboard.press(key)
    saved(tab)
    assert tab.locator("#kept").inner_text() == "3 of 6"
    for key in ("z", "y", "i", "i", "End", "Home", "+", "-", "r", "r", "v"):
        tab.keyboard.press(key)
    assert tab.locator("#kept").inner_text() == "3 of 6"
    tab.keyboard.press("f")
    assert sorted(order(tab)) == [1, 3, 6], "the kept alone"
    tab.keyboard.press("f")
    tab.keyboard.press("f")
    tab.keyboard.press("Shift+A")
    assert tab.locator("#kept").inner_text() == "0 of 6"
    tab.keyboard.press("g")
    suggested = tab.locator("#kept").inner_text()
    assert suggested != "0 of 6"
    tab.keyboard.press("a")
    assert tab.locator("#kept").inner_text() == "6 of 6"
    tab.keyboard.press("?")
    assert tab.locator("dialog.help").is_visible()
    tab.keyboard.press("Escape")
    for _ in range(40):
        tab.keyboard.press("Tab")
        if tab.locator("#done").evaluate("one => one === document.activeElement"):
            break
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".end")
    assert job.ended() == 0 and kept(job) == [1, 2, 3, 4, 6]


def test_sorted_by_any_figure_either_way(start: Any, tab: Any, tmp_path: Path) -> None:
    opened(tab, start("select", "classes", written(tmp_path), "--web", "-d", tmp_path / "D"))
    tab.get_by_label("Sort by").select_option("Resolution")
    assert order(tab) == [6, 2, 1, 3, 4, 5], "the finest first"
    tab.get_by_role("button", name="Reverse").click()
    assert order(tab) == [5, 4, 3, 1, 2, 6]
    tab.get_by_label("Sort by").select_option("Number")
    assert order(tab) == [6, 5, 4, 3, 2, 1]
    tab.get_by_label("Sort by").select_option("Contrast")
    assert sorted(order(tab)) == [1, 2, 3, 4, 5, 6]
    told = tab.locator("table.figures th").all_inner_texts()
    assert {"Particles", "Resolution", "Effective size", "Contrast"} <= set(told)


def test_it_begins_with_what_the_rules_keep(start: Any, tab: Any, tmp_path: Path) -> None:
    opened(tab, start("select", "classes", written(tmp_path), "--web", "--classes", "2,4-5", "-d", tmp_path / "D"))
    assert tab.locator("#kept").inner_text() == "2 of 6"  # class 5 is empty


def test_nothing_kept_is_said_and_the_page_goes_on(start: Any, tab: Any, tmp_path: Path) -> None:
    job = start("select", "classes", written(tmp_path), "--web", "--classes", "5", "-d", tmp_path / "D")  # an empty one
    opened(tab, job)
    tab.click("#done")
    tab.wait_for_selector("dialog.trouble")
    tab.keyboard.press("Escape")
    tab.wrong.clear()  # the browser's own line about status 400
    tab.click("#cell-1")
    tab.click("#done")
    tab.wait_for_selector(".end")
    assert job.ended() == 0 and kept(job) == [2]


def test_maps_are_shown_by_three_slices_or_projections(start: Any, tab: Any, tmp_path: Path) -> None:
    job = start("select", "classes", written(tmp_path, maps=True), "--web", "-d", tmp_path / "D")
    opened(tab, job)
    shape = "async (one) => { await one.decode(); return [one.naturalWidth, one.naturalHeight]; }"
    assert tab.locator("img.large").evaluate(shape) == [3 * 32 + 4, 32]
    before = tab.locator("img.large").get_attribute("src")
    tab.keyboard.press("v")
    assert tab.locator("img.large").get_attribute("src") != before
    require_accessible(tab)


def test_contrast_and_labels_pass_axe(start: Any, tab: Any, tmp_path: Path) -> None:
    opened(tab, start("select", "classes", written(tmp_path), "--web", "--classes", "1", "-d", tmp_path / "D"))
    require_accessible(tab)


def test_of_many_classes_only_those_in_sight_exist(start: Any, tab: Any, tmp_path: Path) -> None:
    opened(tab, start("select", "classes", written(tmp_path, n=300), "--web", "-d", tmp_path / "D"))
    assert 12 < tab.locator(".cell").count() < 150
    tab.keyboard.press("End")
    assert tab.locator("#cell-299").is_visible() and tab.locator("#cell-0").count() == 0


def test_its_addresses_are_guarded(start: Any, tmp_path: Path) -> None:
    job = start("select", "classes", written(tmp_path), "--web", "-d", tmp_path / "D")
    require_guarded(job.address, ["class", "sheet"], ["save", "measured", "done"])
    kind = {"content-type": "application/json"}
    for value in (None, {}, [0], [7], [1.0], ["1"], [True], [[1]], "1"):
        assert status(job.address, "do/save", json.dumps(value).encode(), **kind) == 400, value
    assert status(job.address, "picture/class?number=0&view=../x") == 400
    assert not list((tmp_path / "D").glob("select-classes-*")) and job.process.poll() is None


def test_choices_of_another_table_are_left_alone(start: Any, tmp_path: Path) -> None:
    for name, n in (("one", 6), ("two", 9), ("one", 6)):
        (tmp_path / name).mkdir(exist_ok=True)
        job = start("select", "classes", written(tmp_path / name, n=n), "--web")
        post(job.address, "save", [1, n])
        post(job.address, "done", None)
        assert job.ended() == 0 and kept(job) == [1, n]
    assert len(list((tmp_path / "Choices").glob("select-classes-*.json"))) == 2


def test_a_choice_that_cannot_be_read_is_status_65(start: Any, tmp_path: Path) -> None:
    from spa.testing import run_spa

    table = written(tmp_path)
    job = start("select", "classes", table, "--web", "-d", tmp_path / "D")
    post(job.address, "save", [1])
    job.kill()
    next((tmp_path / "D").glob("select-classes-*.json")).write_text("[77]")
    result = run_spa("select", "classes", table, "--web", "-d", tmp_path / "D", "--no-browser")
    assert result.status == 65 and "no choice" in result.stderr


def test_classes_are_spelt_as_they_are_read() -> None:
    from spa_plugins.select_classes.table import parse_classes, spelt

    for numbers in ([1], [1, 2], [1, 3], [2, 3, 4, 9], [1, 4, 5, 6, 7, 12]):
        assert parse_classes(spelt(np.array(numbers))) == numbers
    assert spelt(np.array([1, 4, 5, 6, 7])) == "1,4-7"


@pytest.mark.parametrize("maps", [False, True])
def test_sheets_have_each_class_at_its_place(tmp_path: Path, maps: bool) -> None:
    import imagecodecs

    from spa.web.page import Query
    from spa_plugins.select_classes.pictures import DOWN, Pictures

    rng, box = np.random.default_rng(1), 16
    pixels = [rng.standard_normal((box,) * (3 if maps else 2)).astype(np.float32) for _ in range(20)]
    made = Pictures(pixels)
    sheet = imagecodecs.jpeg8_decode(made.sheet(Query({"number": "0"})).data).astype(float)
    high, wide = sheet.shape[0] // DOWN, sheet.shape[1] // made.across
    for i in (0, 1, 13):
        alone = imagecodecs.png_decode(made.one(Query({"number": str(i)})).data).astype(float)
        row, column = divmod(i, made.across)
        there = sheet[row * high : (row + 1) * high, column * wide : (column + 1) * wide]
        assert np.corrcoef(alone.ravel(), there.ravel())[0, 1] > 0.98
