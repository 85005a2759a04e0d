"""`spa report`: one page that stands by itself, of what jobs left."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.io import mrc
from spa.testing import Result, run_spa

STEPS = ["0.1.0 import micrographs --pixel-size 1.5 'a*.mrc'", "0.1.0 ctf patch --outdir Ctf -",
         "0.1.0 curate rules --auto -", "0.1.0 classify 2d --outdir Class2D --classes 7 -"]  # fmt: skip


def left(root: Path, history: list[str], job: str, state: str = "finished", said: tuple[str, ...] = (),
         **options: Any) -> Path:  # fmt: skip
    """A folder as a job leaves it."""
    words = history[-1].removeprefix(f"0.1.0 {job} ")
    folder = root / words.split("--outdir ")[1].split()[0]
    folder.mkdir(parents=True)
    record = {"job": job, "version": "0.1.0", "plugin": None, "command": f"spa {job} {words}", "state": state,
              "options": {"outdir": folder.name, **options}, "device": "cpu", "threads": 2, "left_out": 3,
              "libraries": {"numpy": "2.0"}, "inputs": {"-": {"size": 2048, "sha256": "ab" * 32}},
              "history": history}  # fmt: skip
    (folder / "job.json").write_text(json.dumps(record))
    lines: list[dict[str, Any]] = [{"begun": "2026-11-20T10:00:00+00:00"}, *({"said": one} for one in said)]
    if state == "finished":
        lines.append({"ended": "2026-11-20T10:01:00+00:00", "status": "finished", "wall_seconds": 60.0,
                      "cpu_seconds": 110.0, "peak_bytes": 3 * 10**8})  # fmt: skip
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two jobs' folders, with pictures, of a chain of four steps."""
    monkeypatch.chdir(tmp_path)
    left(tmp_path, STEPS[:2], "ctf patch", said=("tilt of mic3", "13 micrographs, 4.9 A"), plot="ctf.png", box=256)
    classes = left(tmp_path, STEPS, "classify 2d", said=("7 classes to 8 A",), classes=7)
    rng = np.random.default_rng(1)
    mrc.write(classes / "classes.mrcs", rng.normal(size=(7, 16, 16)).astype(np.float32), 3.0)
    mrc.write(classes / "map.mrc", rng.normal(size=(16, 16, 16)).astype(np.float32), 3.0)
    fsc = "0.0 1.0\n0.05 0.9\n0.1 0.1\n"
    (classes / "fsc.star").write_text(f"data_fsc\n\nloop_\n_rlnResolution\n_rlnFourierShellCorrelation\n{fsc}")
    import imagecodecs

    (tmp_path / "ctf.png").write_bytes(imagecodecs.png_encode(np.zeros((40, 3100, 4), np.uint8)))
    return tmp_path


def report(*args: object) -> Result:
    return run_spa("report", *map(str, args))


class Outline(HTMLParser):
    """Tags and texts of a page; every reference to another file."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def test_each_step_once_in_order_with_what_it_found(chain: Path) -> None:
    result = report("Ctf", "Class2D")
    assert result.status == 0 and "4 steps" in result.stderr
    heads = re.findall(r"<h2><span class=soft>(\d)</span> ([a-z0-9 ]+)", result.stdout)
    assert [name for _, name in heads] == ["import micrographs", "ctf patch", "curate rules", "classify 2d"]
    for words in ("13 micrographs, 4.9 A", "tilt of mic3", "7 classes to 8 A", "60.0 s, 2 min of CPU", "300 MB",
                  "sha256 abababababab", "numpy 2.0", "2026-11-20",
                  "<dt>--classes</dt><dd>7</dd>", "<dt>--box</dt><dd>256</dd>"):  # fmt: skip
        assert words in result.stdout, words
    assert "--pixel-size</dt><dd>1.5" in result.stdout  # of a step that keeps no folder: from its line


def test_nothing_is_fetched_and_no_script_runs(chain: Path) -> None:
    page = Outline(report("Ctf", "Class2D").stdout)
    assert not page.all("script") and not page.all("link") and len(page.all("img")) == 3
    assert all(str(one["src"]).startswith("data:image/") for one in page.all("img"))
    assert all(one["alt"] for one in page.all("img")) and all(
        str(one["href"]).startswith("#step") for one in page.all("a")
    )
    assert "default-src 'none'" in str(page.all("meta"))
    assert len(page.all("polyline")) == 1  # the FSC


def test_words_of_others_are_text(chain: Path) -> None:
    evil = "<script>alert(1)</script>\"'&"
    left(chain, [*STEPS, f"0.1.0 post mask --outdir Mask --x {evil}"], "post mask", said=(evil,), diameter=evil)
    text = report("Mask", "--title", evil).stdout
    assert "<script" not in text and text.count("&lt;script&gt;") >= 3


def test_folders_beside_are_found_and_missing_ones_named(chain: Path) -> None:
    assert "13 micrographs" in report("Class2D").stdout
    shutil.rmtree("Ctf")
    result = report("Class2D", "-o", "out.html")
    assert result.status == 0 and "step 2, spa ctf patch: Ctf is gone or holds other work" in result.stderr
    assert "folder gone" in Path("out.html").read_text() and result.stdout == ""
    left(chain, [STEPS[1].replace("patch", "patch --box 99")], "ctf patch")  # another run in a folder of that name
    assert "holds other work" in report("Class2D").stderr


def test_moved_work_is_found(chain: Path) -> None:
    (chain / "elsewhere").mkdir()
    for name in ("Ctf", "Class2D"):
        shutil.move(name, f"elsewhere/{name}")
    result = report("elsewhere")
    assert "13 micrographs" in result.stdout and "gone" not in result.stderr and "<h1>elsewhere" in result.stdout


def test_a_table_and_pictures_will_do(chain: Path) -> None:
    Path("final.star").write_text("".join(f"# spa: {step}\n" for step in STEPS) + "\ndata_x\n\nloop_\n_rlnA #1\n1\n")
    Path("note.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    text = report("final.star", "note.svg").stdout
    assert "7 classes to 8 A" in text and "data:image/svg+xml" in text and "Pictures" in text


def test_branches_and_files_of_other_steps(chain: Path) -> None:
    other = [*STEPS[:2], "0.1.0 post mask --outdir Mask -"]
    left(chain, other, "post mask")
    record = json.loads(Path("Class2D/job.json").read_text())
    record["inputs"]["Mask/mask.mrc"] = {"size": 4, "sha256": "cd" * 32}
    Path("Class2D/job.json").write_text(json.dumps(record))
    page = report("Class2D", "Mask").stdout
    assert page.count('<path class="used"') == 1 and "step 3 (post mask)" in page
    assert len({one["cx"] for one in Outline(page).all("circle")}) == 2  # the branch has a column of its own


def test_unfinished_work_says_so(chain: Path) -> None:
    left(chain, [*STEPS, "0.1.0 abinit model --outdir Abinit -"], "abinit model", "unfinished", ("round 1",))
    text = report("Abinit").stdout
    assert '<span class="state unfinished">unfinished</span>' in text and "<p class=headline>round 1" not in text


def test_real_jobs_leave_what_a_report_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = run_spa("simulate", "particles", "-d", "Sim", "--n", 4, "--box", 32, "--pixel-size", 6, "-o", "p.star")
    assert made.status == 0, made.stderr
    assert run_spa("star", "filter", "rlnDefocusU > 0", "p.star", "-o", "e.star").status == 0
    text = report("Sim", "e.star").stdout
    assert "simulate particles" in text and "star filter" in text and "--box</dt><dd>32" in text
    assert " of CPU" in text


@pytest.mark.parametrize(("args", "status", "words"), [
    (["nowhere"], 66, "nowhere: no such"), (["empty"], 65, "no job.json"), (["bad"], 65, "job.json"),
    (["plain.star"], 65, "no job printed"), (["Ctf/log.jsonl"], 65, "log.jsonl"),
    (["Ctf", "-o", "no/x.html"], 73, "no"), ([], 2, "PATH"),
])  # fmt: skip
def test_what_is_no_work_of_a_job(chain: Path, args: list[str], status: int, words: str) -> None:
    Path("empty").mkdir()
    Path("bad").mkdir()
    Path("bad/job.json").write_text("[1]")
    Path("plain.star").write_text("data_x\n\nloop_\n_rlnA #1\n1\n")
    result = report(*args)
    assert result.status == status and words in result.stderr and "Traceback" not in result.stderr


def test_in_a_browser_from_the_file_system(chain: Path, chromium: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    report("Ctf", "Class2D", "-o", "out.html")
    page = chromium.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((chain / "out.html").as_uri())
    assert page.locator("section").count() == 4 and page.evaluate("[...document.images].every(i => i.naturalWidth > 0)")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert page.locator("img").first.evaluate("i => i.naturalWidth") == 1033  # 3100 pixels were too many
    page.locator("nav a").nth(3).click()
    assert page.url.endswith("#step4")
    page.keyboard.press("Tab")
    found = axe.Axe().run(page, options={"rules": {"region": {"enabled": False}}})
    assert found.violations_count == 0, found.generate_report()
