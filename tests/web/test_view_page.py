"""The page of `spa view` in Chromium, and its addresses."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from spa.io import mrc
from tests.pages import require_accessible, require_guarded, status
from tests.plugins.test_view import images, latent


def lopsided(n: int = 48) -> np.ndarray:
    """Three balls of different sizes, so that every view differs from every other."""
    z, y, x = np.mgrid[:n, :n, :n] - n // 2
    balls = ((9, 0, 0, 5), (0, -10, 3, 7), (-6, 5, 11, 3))
    return sum(np.exp(-((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) / w**2) for a, b, c, w in balls).astype(np.float32)


def opened(tab: Any, job: Any, panel: str = "maps") -> None:
    tab.goto(job.address)
    tab.wait_for_selector(f"body[data-panel={panel}]")


def drawn(tab: Any, number: int = 0) -> bytes:
    """What the canvas of a surface shows, once it rests."""
    for pause in (250, 0):
        tab.wait_for_selector(f".map:nth-of-type({number + 1}) canvas[data-fine=true]")
        tab.wait_for_timeout(pause)
    script = """i => { const one = document.querySelectorAll('canvas.gl')[i], small = document.createElement('canvas');
        [small.width, small.height] = [64, 64];
        small.getContext('2d').drawImage(one, 0, 0, 64, 64);
        return [...small.getContext('2d').getImageData(0, 0, 64, 64).data]; }"""
    return np.array(tab.evaluate(script, number), float).reshape(64, 64, 4)[..., :3]


def differ(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def test_the_map_turns_and_its_level_moves(start: Any, tab: Any, tmp_path: Path) -> None:
    mrc.write(tmp_path / "a.mrc", lopsided(), 2.0)
    opened(tab, start("view", tmp_path / "a.mrc"))
    tab.wait_for_selector("body[data-maps='0 -1']")
    first = drawn(tab)
    covered = (first.mean(-1) < 250).mean()
    assert 0.05 < covered < 0.8, "there is a surface on white paper"
    box = tab.locator(".surfaces").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.move(*middle)
    tab.mouse.down()
    tab.mouse.move(middle[0] + 150, middle[1] + 40, steps=5)
    tab.mouse.up()
    turned = drawn(tab)
    assert differ(turned, first) > 2, "a drag turns it"
    tab.keyboard.press("0")
    assert differ(drawn(tab), first) < 0.5, "and 0 turns it back"
    for _ in range(12):
        tab.keyboard.press("]")
    assert (drawn(tab).mean(-1) < 250).mean() < 0.9 * covered, "a higher level leaves less"


def test_views_along_axes_are_where_the_density_is(start: Any, tab: Any, tmp_path: Path) -> None:
    n = 48
    z, y, x = np.mgrid[:n, :n, :n] - n // 2
    mrc.write(tmp_path / "a.mrc", np.exp(-((x - 12) ** 2 + (y - 5) ** 2 + (z + 9) ** 2) / 16.0).astype(np.float32), 2.0)
    opened(tab, start("view", tmp_path / "a.mrc"))
    for key, (right, up) in {"z": (12, 5), "x": (5, -9), "y": (-9, 12)}.items():
        tab.keyboard.press(key)
        dark = np.argwhere(drawn(tab).mean(-1) < 250)
        assert len(dark), key
        row, column = dark.mean(0)
        assert np.sign(column - 31.5) == np.sign(right) and np.sign(31.5 - row) == np.sign(up), key


def test_two_maps_turn_together_and_a_cut_opens_them(start: Any, tab: Any, tmp_path: Path) -> None:
    mrc.write(tmp_path / "a.mrc", lopsided(), 2.0)
    mrc.write(tmp_path / "b.mrc", lopsided()[::-1].copy(), 2.0)
    opened(tab, start("view", tmp_path / "a.mrc", tmp_path / "b.mrc"))
    tab.wait_for_selector("body[data-maps='0 1']")
    first = drawn(tab, 0), drawn(tab, 1)
    for _ in range(6):
        tab.keyboard.press("ArrowRight")
    assert all(differ(drawn(tab, i), first[i]) > 1 for i in (0, 1))
    tab.keyboard.press("0")
    for _ in range(10):
        tab.keyboard.press("c")
    assert differ(drawn(tab, 0), first[0]) > 1, "the front is cut off"
    tab.keyboard.press("v")
    tab.locator(".slices canvas").first.wait_for()
    assert tab.locator(".slices canvas:visible").count() == 6 and not tab.locator(".surfaces").is_visible()
    tab.keyboard.press("Shift+B")
    tab.wait_for_selector("body[data-maps='0 0']")


def test_slices_show_the_values(start: Any, tab: Any, tmp_path: Path) -> None:
    data = np.zeros((160, 160, 160), np.float32)
    data[80, 100, 40] = 1
    data[:, :, 120:] = 0.3
    mrc.write(tmp_path / "a.mrc", data, 2.0)
    opened(tab, start("view", tmp_path / "a.mrc"))
    tab.wait_for_selector("body[data-maps='0 -1']")
    tab.keyboard.press("v")
    ink = "document.querySelector('.slices canvas').getContext('2d')"

    def pixel(x: int, y: int) -> int:
        return tab.evaluate(f"{ink}.getImageData({x}, {159 - y}, 1, 1).data[0]")

    assert pixel(40, 100) == 255 and pixel(140, 20) > pixel(60, 20)


def test_it_ends_when_the_page_is_closed_but_not_when_it_is_loaded_again(start: Any, tab: Any, tmp_path: Path) -> None:
    mrc.write(tmp_path / "a.mrc", lopsided(), 2.0)
    job = start("view", tmp_path / "a.mrc")
    opened(tab, job)
    tab.reload()
    tab.wait_for_selector("body[data-maps]")
    tab.wait_for_timeout(4000)
    for words in ("number=../x", "number=9", "number=-1", ""):
        assert status(job.address, f"picture/latents?{words}") == 400
    assert job.process.poll() is None
    tab.goto("about:blank")
    assert job.ended(15) == 0 and job.out.read_text() == ""


def test_images_by_keys_alone_and_a_class_shows_its_particles(start: Any, tab: Any, tmp_path: Path) -> None:
    opened(tab, start("view", images(tmp_path)), "stacks")
    tab.wait_for_selector("body[data-order='0 spaClassSize false 1,2,0']")
    tab.keyboard.press("ArrowRight")
    tab.wait_for_selector("table.figures td:text-is('30')")
    tab.locator("button:text-is('Its particles')").wait_for()
    tab.keyboard.press("Enter")
    tab.wait_for_selector("body[data-order^='1 rlnAutopickFigureOfMerit']")
    rows = tab.evaluate("document.body.dataset.order.split(' ')[3].split(',').map(Number)")
    assert all(row % 3 == 2 for row in rows)
    for key in ("r", "s", "l", "Shift+L", "+", "-", "End", "PageUp", "n"):
        tab.keyboard.press(key)
    tab.keyboard.press("?")
    assert tab.locator("dialog.help").is_visible()


def test_what_is_shown_is_asked_for_until_the_next_set_has_come(start: Any, tab: Any, tmp_path: Path) -> None:
    opened(tab, start("view", images(tmp_path)), "stacks")
    tab.wait_for_selector("body[data-order^='0 spaClassSize']")
    tab.keyboard.press("n")
    tab.wait_for_selector("body[data-order^='1 ']")
    tab.keyboard.press("End")  # a row that the classes do not have
    tab.route("**/do/order*", lambda route: (tab.wait_for_timeout(600), route.continue_()))
    tab.keyboard.press("n")
    tab.keyboard.press("l")
    tab.wait_for_selector("body[data-order^='0 ']")


def test_tabs_and_micrographs(start: Any, tab: Any, tiny_micrograph: Path, tmp_path: Path) -> None:
    mrc.write(tmp_path / "a.mrc", lopsided(), 2.0)
    opened(tab, start("view", tiny_micrograph, tmp_path / "a.mrc", images(tmp_path)))
    assert tab.locator("[role=tab]").all_inner_texts()[:3] == ["Maps", "Micrographs", "Images"]
    tab.keyboard.press("2")
    tab.wait_for_selector("body[data-panel=micrographs][data-shown]")
    for key in ("+", "-", "v", "w", "d", "0", "n", "p"):
        tab.keyboard.press(key)
    tab.keyboard.press("3")
    tab.wait_for_selector("body[data-panel=stacks]")
    tab.locator("[role=tab]").nth(2).focus()
    tab.keyboard.press("ArrowLeft")
    tab.wait_for_selector("body[data-panel=micrographs]")


def test_curves_and_views(start: Any, tab: Any, tmp_path: Path) -> None:
    from spa.io import star
    from spa.recipe.kept import curve_table

    star.write(star.Tables({"fsc": curve_table(np.clip(1.5 - np.arange(33) / 16, 0, 1), 128.0)}), tmp_path / "f.star")
    opened(tab, start("view", images(tmp_path), tmp_path / "f.star"), "stacks")
    tab.keyboard.press("2")
    assert tab.locator("#panel-curves tbody td").first.inner_text() == "6.10 Å"
    tab.keyboard.press("ArrowRight")
    tab.wait_for_selector("#panel-curves tbody td:text-is('0.438')")  # at the 17th shell
    tab.keyboard.press("3")
    tab.wait_for_selector("body[data-views='0 D2']")
    tab.get_by_label("Point group").fill("C1")
    tab.keyboard.press("Tab")
    tab.wait_for_selector("body[data-views='0 C1']")


def test_latents_lead_to_their_volumes(start: Any, tab: Any, tmp_path: Path) -> None:
    opened(tab, start("view", latent(tmp_path)))
    names = tab.locator("select").first.locator("option").all_inner_texts()
    tab.keyboard.press("2")
    tab.wait_for_selector("body[data-latents='0 1 -1']")
    tab.keyboard.press("n")
    tab.wait_for_selector("body[data-latents='0 1 0']")
    told = tab.locator("#panel-latents [role=status]").inner_text().split(":")[0]
    tab.keyboard.press("Enter")
    tab.wait_for_selector("body[data-panel=maps]")
    number = next(i for i, name in enumerate(names) if told in name)
    tab.wait_for_selector(f"body[data-maps='{number} -1']")
    tab.keyboard.press("2")
    tab.get_by_label("Up").select_option("0")
    tab.wait_for_selector("body[data-latents='0 0 -1']")
    tab.get_by_label("Up").select_option("1")
    box = tab.locator("#panel-latents canvas").bounding_box()
    for step in range(60, 800, 22):  # along the rings, which lie at 0 of the second latent
        if tab.evaluate("document.body.dataset.panel") == "latents":
            for down in (240, 260, 280, 300, 320):
                tab.mouse.click(box["x"] + step, box["y"] + down)
    assert tab.evaluate("document.body.dataset.panel") == "maps", "a click on a ring shows its volume"


def test_contrast_and_labels_pass_axe(start: Any, tab: Any, tiny_micrograph: Path, tmp_path: Path) -> None:
    mrc.write(tmp_path / "a.mrc", lopsided(), 2.0)
    opened(tab, start("view", tiny_micrograph, tmp_path / "a.mrc", images(tmp_path), latent(tmp_path)))
    tab.wait_for_selector("body[data-maps]")
    for i in range(tab.locator("[role=tab]").count()):
        tab.locator("[role=tab]").nth(i).click()
        tab.wait_for_timeout(300)
        require_accessible(tab)


def test_its_addresses_are_guarded(start: Any, tiny_micrograph: Path, tmp_path: Path) -> None:
    mrc.write(tmp_path / "a.mrc", lopsided(), 2.0)
    job = start("view", tiny_micrograph, tmp_path / "a.mrc", images(tmp_path), latent(tmp_path))
    actions = ["picks", "order", "row", "views", "came", "left"]
    require_guarded(job.address, ["volume", "film", "sheet", "image", "latents"], actions)
    kind = {"content-type": "application/json"}
    for action in ("picks", "order", "row", "views"):
        for value in (None, "../../etc/passwd", -1, 99, 1.5, True, [], {"of": "/etc/passwd"}, {"of": -1}, {"of": 99}):
            assert status(job.address, f"do/{action}", json.dumps(value).encode(), **kind) == 400, (action, value)
    for words in ("number=0&most=9999", "number=0&most=../x"):
        assert status(job.address, f"picture/volume?{words}") == 400
    for words in ("number=0&by=../x", "number=0&of=9", "number=0&only=x", "number=0&lowpass=nan"):
        assert status(job.address, f"picture/sheet?{words}") == 400
    for words in ("number=../x", "number=9", "number=-1", ""):
        assert status(job.address, f"picture/latents?{words}") == 400
    assert job.process.poll() is None
