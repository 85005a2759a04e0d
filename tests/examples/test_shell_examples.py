"""The shell examples run as they stand, on little data, in the environment of the tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "shell-examples"


def run(name: str, *args: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """An example with these arguments; it must end well."""
    environment = {**os.environ, "VENV": sys.prefix, "PYTHONWARNINGS": "error"}
    command = ["bash", str(EXAMPLES / name), *map(str, args)]
    ran = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.sh")), ids=lambda path: path.name)
def test_every_script_is_run_here_and_is_sound_bash(script: Path) -> None:
    used_by = [Path(__file__), *(path for path in EXAMPLES.glob("*.sh") if path != script)]
    assert any(script.name in path.read_text() for path in used_by)
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert script.name == "setup.sh" or os.access(script, os.X_OK)


def test_quickstart(tmp_path: Path) -> None:
    ran = run("quickstart.sh", "out", 5, cwd=tmp_path)  # the particles of two good ones are too few for every start
    assert "0.143 is reached at" in ran.stdout
    assert float(re.findall(r"map against truth: FSC above 0.5 to ([\d.]+) A", ran.stdout)[0]) < 12
    assert (tmp_path / "out/Sharpened/sharpened.mrc").stat().st_size > 1e6
    drawn = {path.name for path in (tmp_path / "out/figures").glob("*.png")}
    assert drawn == set(re.findall(r"--plot figures/(\S+\.png)", (EXAMPLES / "quickstart.sh").read_text()))


def test_apoferritin(tmp_path: Path) -> None:
    phantom = ["simulate", "micrographs", "-d", "data/micrographs", "--n", "3", "--bad", "1", "--symmetry", "O",
               "--specimen-diameter", "122", "--pixel-size", "1.5", "--box", "128", "--size", "1240", "1200",
               "--particles", "60", "-q"]  # fmt: skip
    subprocess.run([sys.executable, "-m", "spa.cli", *phantom], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "data/micrographs/truth.mrc").unlink()
    ran = run("apoferritin.sh", "data", "out", cwd=tmp_path)
    assert "0.143 is reached at" in ran.stdout
    assert (tmp_path / "out/Sharpened/sharpened.mrc").exists()


def test_curate_by_hand(tmp_path: Path) -> None:
    run("01-curate-by-hand.sh", cwd=tmp_path)
    names = [(tmp_path / "curate" / name).read_text() for name in ("good.star", "filtered.star", "picked.star")]
    assert all("mic00006" not in text and "mic00001" in text for text in names)
    assert "mic00005" in names[0] and "mic00005" not in names[2]


def test_mixture_2d(tmp_path: Path) -> None:
    lines = run("02-mixture-2d.sh", "out", 200, cwd=tmp_path).stdout.splitlines()
    counts = [(int(line.split()[2]), int(line.split()[4])) for line in lines if line.startswith("class ")]
    assert sum(map(sum, counts)) == 400
    assert sum(map(max, counts)) > 0.8 * 400


def test_stop_and_resume(tmp_path: Path) -> None:
    assert "the same, byte for byte" in run("03-stop-and-resume.sh", cwd=tmp_path).stdout


def test_with_relion(tmp_path: Path) -> None:
    import shutil

    if shutil.which("relion_reconstruct") is None:
        pytest.skip("no relion_reconstruct here")
    ran = run("04-with-relion.sh", cwd=tmp_path)
    rows = [line.split() for line in ran.stdout.splitlines() if line.endswith("|")]
    assert all(float(row[2]) > 0.9 for row in rows if float(row[0]) > 15)


def test_from_movies(tmp_path: Path) -> None:
    from spa.io import star

    run("05-from-movies.sh", cwd=tmp_path)
    moved = star.read(tmp_path / "from-movies/ctf.star")["micrographs"].floats("rlnAccumMotionTotal")
    assert len(moved) == 2 and all((moved > 10) & (moved < 60))
    true = sum(len(star.read(path)["particles"]) for path in (tmp_path / "from-movies/Movies").glob("*_truth.star"))
    assert len(star.read(tmp_path / "from-movies/particles.star")["particles"]) > true / 3


def test_what_varies(tmp_path: Path) -> None:
    lines = run("06-what-varies.sh", "out", 250, cwd=tmp_path).stdout.splitlines()
    counts = [(int(line.split()[2]), int(line.split()[4])) for line in lines if line.startswith("cluster ")]
    assert sum(map(sum, counts)) == 500 and sum(map(max, counts)) > 0.85 * 500
    assert "open " in (tmp_path / "out/Session/maps.cxc").read_text()


def test_one_subunit(tmp_path: Path) -> None:
    printed = run("07-one-subunit.sh", "out", 200, cwd=tmp_path).stdout
    count = {int(n): int(of) for n, of in re.findall(r"^(\d) copies: (\d+)$", printed, re.MULTILINE)}
    assert sum(count.values()) == 200 and count[1] > 0.6 * 200
    reached = re.findall(r"FSC above 0.5 to ([\d.]+) A", printed)  # in C1, and relaxed
    assert len(reached) == 2 and max(map(float, reached)) < 16


def test_nothing_thrown_away(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    lines = run("08-nothing-thrown-away.sh", "out", 3, cwd=tmp_path).stdout.splitlines()
    counts = {line.split(":")[0].strip(): [int(n) for n in re.findall(r"\d+(?= (?:common|rare))", line)]
              for line in lines if " common" in line}  # fmt: skip
    clusters = np.array([count for name, count in counts.items() if name.startswith("cluster")])
    assert list(clusters.sum(axis=0)) == counts["picked"] and min(counts["picked"]) > 30
    common, rare = (few / many for few, many in zip(counts["cleaned"], counts["picked"]))
    assert common > 0.9 and rare < 0.3  # cleaning throws away what nobody has asked for
    assert (clusters[:, 1] > 2 * clusters[:, 0]).sum() == 1  # which has a cluster of its own
    assert (tmp_path / "out/latents.png").stat().st_size > 20000
    volumes = list((tmp_path / "out/Neural").glob("cluster*.mrc"))
    assert sum("FSC above 0.5 to" in line for line in lines) == 2 * len(volumes)


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    ran = subprocess.run(["bash", str(EXAMPLES / "quickstart.sh"), str(tmp_path)], capture_output=True, text=True)
    assert ran.returncode == 73 and "is there already" in ran.stderr


def test_while_it_records(tmp_path: Path) -> None:
    from spa.io import star

    ran = run("09-while-it-records.sh", "out", 3, cwd=tmp_path)
    tables = star.read(tmp_path / "out/all.star")
    assert len(set(tables["micrographs"].text("rlnMicrographName"))) == len(tables["micrographs"]) == 3
    assert set(tables["particles"].text("rlnMicrographName")) <= set(tables["micrographs"].text("rlnMicrographName"))
    rounds = len(list((tmp_path / "out/Rounds").glob("*.star")))
    assert f"after round {rounds}: 3 movies" in ran.stdout
    assert len(star.read(tmp_path / "out/particles.star")["particles"])
