"""The page of `spa pick manual` in Chromium."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.io import mrc, star
from tests.pages import killed, require_accessible, saved


@pytest.fixture
def two(tiny_micrograph: Path) -> Path:
    """A table of two micrographs."""
    found = star.read(tiny_micrograph)
    name = found["micrographs"].text("rlnMicrographName")[0]
    mrc.write(tiny_micrograph.with_name("second.mrc"), np.asarray(mrc.read(name).data)[:, ::-1], 5.0)
    table = found["micrographs"].take([0, 0]).with_columns(
        rlnMicrographName=[name, str(tiny_micrograph.with_name("second.mrc"))]
    )
    star.write(found.with_block("micrographs", table), tiny_micrograph)
    return tiny_micrograph


def opened(tab: Any, job: Any) -> dict[str, float]:
    tab.goto(job.address)
    tab.wait_for_selector("body[data-shown]")
    return tab.locator(".overlay").bounding_box()


def points(folder: Path, name: str = "tiny") -> np.ndarray:
    table = star.read(folder / f"{name}_manualpick.star").blocks[""]
    return np.stack([table.floats("rlnCoordinateX"), table.floats("rlnCoordinateY")], 1)


def test_pick_move_erase_undo_kill_and_reopen(start: Any, tab: Any, two: Path) -> None:
    folder = two.parent / "D"
    job = start("pick", "manual", two, "-d", folder, "--diameter", 100)
    box = opened(tab, job)
    scale = min(box["width"] / 256, (box["height"] - 30) / 240)
    left = box["x"] + (box["width"] - 256 * scale) / 2
    top = box["y"] + (box["height"] - 30 - 240 * scale) / 2

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x * scale, top + y * scale

    for x, y in ((60, 50), (128, 120), (200, 190)):
        tab.mouse.click(*at(x, y))
    saved(tab)
    assert np.allclose(points(folder), [(60, 50), (128, 120), (200, 190)], atol=0.6)

    tab.mouse.move(*at(60, 50))
    tab.mouse.down()
    tab.mouse.move(*at(80, 70), steps=4)
    tab.mouse.up()
    saved(tab)
    assert np.allclose(points(folder)[0], (80, 70), atol=0.6) and len(points(folder)) == 3

    tab.mouse.click(*at(128, 120), button="right")
    saved(tab)
    assert len(points(folder)) == 2
    tab.keyboard.press("Control+z")
    saved(tab)
    assert len(points(folder)) == 3
    tab.keyboard.press("y")
    tab.get_by_role("button", name="Erase", exact=True).click()
    tab.mouse.click(*at(200, 190))
    saved(tab)
    assert len(points(folder)) == 1 and tab.locator("#total").inner_text() == "1"

    killed(tab, job)
    again = start("pick", "manual", two, "-d", folder)
    opened(tab, again)
    assert tab.locator("#total").inner_text() == "1" and np.allclose(points(folder)[0], (80, 70), atol=0.6)
    tab.click("#done")
    tab.wait_for_selector(".end")
    assert again.ended() == 0 and len(star.read(again.out)["particles"]) == 1


def test_the_keyboard_alone_suffices(start: Any, tab: Any, two: Path) -> None:
    folder = two.parent / "D"
    job = start("pick", "manual", two, "-d", folder)
    opened(tab, job)
    for key in ("ArrowRight", "Shift+ArrowDown", "Space", "Shift+ArrowRight", "Shift+ArrowRight", "Enter"):
        tab.keyboard.press(key)
    saved(tab)
    first = points(folder)
    assert len(first) == 2 and first[1, 0] > first[0, 0] + 5 and first[1, 1] == first[0, 1]
    for key in ("m", "Shift+ArrowUp", "m"):  # moves the second
        tab.keyboard.press(key)
    saved(tab)
    assert points(folder)[1, 1] < first[1, 1] - 5 and np.array_equal(points(folder)[0], first[0])
    tab.keyboard.press("Delete")
    saved(tab)
    assert len(points(folder)) == 1
    for key in ("z", "z", "y", "+", "0", "v", "h", "h", "c", "]", ".", "w", "d"):
        tab.keyboard.press(key)
    tab.keyboard.press("n")
    tab.wait_for_selector("body[data-shown^='1 ']")
    tab.keyboard.press("Space")
    tab.keyboard.press("Space")
    saved(tab)
    assert len(points(folder, "second")) >= 1
    tab.keyboard.press("?")
    assert tab.locator("dialog.help").is_visible()
    tab.keyboard.press("Escape")
    for _ in range(40):  # by Tab to Done
        tab.keyboard.press("Tab")
        if tab.locator("#done").evaluate("one => one === document.activeElement"):
            break
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".end")
    assert job.ended() == 0


def test_wheel_zooms_about_the_pointer_and_a_drag_pans(start: Any, tab: Any, two: Path) -> None:
    folder = two.parent / "D"
    box = opened(tab, start("pick", "manual", two, "-d", folder, "--diameter", 20))
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.move(*middle)
    tab.mouse.wheel(0, -800)
    tab.wait_for_timeout(60)
    tab.mouse.click(*middle)
    tab.mouse.move(middle[0] + 60, middle[1] + 60)
    tab.mouse.down()
    tab.mouse.move(middle[0] + 160, middle[1] + 60, steps=4)
    tab.mouse.up()
    tab.wait_for_timeout(60)
    tab.mouse.click(*middle)
    saved(tab)
    first, second = points(folder)
    assert abs(first[0] - 128) < 3, "the point under the pointer stays there"
    assert 2 < first[0] - second[0] < 90 and abs(first[1] - second[1]) < 0.2, "100 css pixels, zoomed"


def test_a_micrograph_that_is_gone_is_said(start: Any, tab: Any, two: Path) -> None:
    two.with_name("second.mrc").unlink()
    opened(tab, start("pick", "manual", two, "-d", two.parent / "D"))
    tab.keyboard.press("n")
    tab.wait_for_selector("dialog.trouble")
    assert "second.mrc: no such file" in tab.locator("dialog.trouble").inner_text()
    tab.wrong.clear()  # the browser's own line about status 422


def test_contrast_and_labels_pass_axe(start: Any, tab: Any, two: Path) -> None:
    opened(tab, start("pick", "manual", two, "-d", two.parent / "D"))
    require_accessible(tab)
