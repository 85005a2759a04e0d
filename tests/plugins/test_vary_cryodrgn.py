"""`spa vary cryodrgn`: with a made-up `cryodrgn` that writes down how it was called and what it was shown."""

import pickle
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.io.stacks import ImageSource, parse_name
from spa.testing import run_spa

FAKE = """#!{python}
import os, pickle, sys
from pathlib import Path
import numpy as np
words = sys.argv[1:]
with open({calls!r}, "a") as file:
    print(*words, "CUDA=" + os.environ.get("CUDA_VISIBLE_DEVICES", "any"), file=file)
value = lambda name: words[words.index(name) + 1]
out = Path(value("-o"))
if words[0] == "train_vae":
    if {fails}:
        sys.exit("no such thing")
    rotations, shifts = pickle.load(open(value("--poses"), "rb"))
    n, q = len(rotations), int(value("--zdim"))
    z = np.zeros((n, q), np.float32)
    z[:, -1] = 3 * np.linspace(-1, 1, n) + 5
    z[:, 0] = 0.1 * (np.arange(n) % 3)
    out.mkdir(parents=True)
    with open(out / {name!r}, "wb") as file:
        {content}
    (out / "weights.1.pkl").write_bytes(b"")
    (out / "weights.10.pkl").write_bytes(b"")
    (out / "config.yaml").write_text("")
else:
    last = float(words[words.index("--Apix") - 1])
    import mrcfile
    with mrcfile.new(out) as file:
        file.set_data(np.full((8, 8, 8), last, np.float32))
"""
GOOD = "pickle.dump(z, file); pickle.dump(z * 0 - 4, file)"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that puts a `cryodrgn` on PATH."""

    def made(content: str = GOOD, fails: bool = False, name: str = "z.pkl", program: str = "cryodrgn") -> Path:
        path = tmp_path / "bin" / program
        path.parent.mkdir(exist_ok=True)
        path.write_text(FAKE.format(python=sys.executable, calls=str(tmp_path / "calls"), fails=fails, name=name,
                                    content=content))  # fmt: skip
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
        return path

    return made


def run(particles: Path, outdir: Path, *words: object):
    return run_spa("vary", "cryodrgn", particles, "-d", outdir, "-o", outdir / "out.star", "--latent", 2, *words)


def test_cryodrgn_is_shown_the_images_that_the_table_names(tiny_particles: Path, tmp_path: Path, fake) -> None:
    fake()
    assert run(tiny_particles, tmp_path / "D", "--epochs", 1, "--axes", 1, "--frames", 2).status == 0
    shown, given = (star.read(path)["particles"].text("rlnImageName")
                    for path in (tmp_path / "D" / "particles.star", tiny_particles))  # fmt: skip
    assert [parse_name(one)[0] for one in shown] == [parse_name(one)[0] for one in given]
    assert [int(one.split("@")[0]) for one in shown][:2] == [1, 2]  # as RELION counts
    assert all(Path(parse_name(one)[1]).is_absolute() for one in shown)
    images = [ImageSource(list(names)).read(range(len(names))) for names in (shown, given)]
    assert np.array_equal(*images)


def test_latents_and_volumes_come_back(tiny_particles: Path, tmp_path: Path, fake) -> None:
    fake()
    result = run(tiny_particles, tmp_path / "D", "--epochs", 3, "--frames", 3, "--axes", 1)
    assert result.status == 0, result.stderr
    tables = star.read(tmp_path / "D" / "out.star")
    table = tables["particles"]
    first = table.floats("spaLatent1")
    assert abs(np.corrcoef(first, np.arange(len(first)))[0, 1]) > 0.999 and first.std() == pytest.approx(1, abs=0.05)
    assert table.floats("spaLatent2").std() < 0.1
    unit = 3 * np.linspace(-1, 1, len(first)).std(ddof=1)
    assert np.allclose(table.floats("spaLatentError1"), np.exp(-2) / unit, rtol=0.02)
    train, *volumes = (tmp_path / "calls").read_text().splitlines()
    assert f"train_vae {tmp_path / 'D' / 'particles.star'} --poses" in train and "--zdim 2 -n 3 --seed 0" in train
    assert train.endswith("CUDA=") and len(volumes) == 3 and all("weights.10.pkl" in line for line in volumes)
    shown = [float(mrc.read(name).data[0, 0, 0]) for name in tables["maps"].text("spaMapName")]
    values = tables["series"].floats("spaLatentValue")
    sign = np.sign(first[-1] - first[0])
    assert np.allclose(shown, 5 + sign * values * unit, atol=0.02)
    given = star.read(tmp_path / "D" / "particles.star")["particles"]
    assert Path(str(given.text("rlnImageName")[0]).split("@")[1]).is_absolute()
    with (tmp_path / "D" / "ctf.pkl").open("rb") as stream:
        assert pickle.load(stream).shape == (len(first), 9)


def test_a_training_that_has_ended_is_not_done_again(tiny_particles: Path, tmp_path: Path, fake) -> None:
    fake()
    assert run(tiny_particles, tmp_path / "D", "--axes", 0).status == 0
    assert run(tiny_particles, tmp_path / "D", "--axes", 0, "--resume").status == 0
    assert (tmp_path / "calls").read_text().count("train_vae") == 1


def test_options_reach_it(tiny_particles: Path, tmp_path: Path, fake) -> None:
    program = fake(program="drgn")
    result = run(tiny_particles, tmp_path / "D", "--program", program, "--extra", "--enc-dim 64 --lazy", "--seed", 7,
                 "--axes", 0, "--device", "cuda:1")  # fmt: skip
    assert result.status == 0, result.stderr
    said = (tmp_path / "calls").read_text()
    assert "--enc-dim 64 --lazy" in said and "--seed 7" in said and "CUDA=1" in said


@pytest.mark.parametrize("made, status, text", [
    ({"fails": True}, 65, "ended with status 1; it said: no such thing"),
    ({"content": "pickle.dump(z[1:], file)"}, 65, "finite numbers are wanted"),
    ({"content": "pickle.dump(os.system, file)"}, 74, "not the latents of cryoDRGN"),
    ({"name": "nothing"}, 65, "wrote no z.pkl"),
])  # fmt: skip
def test_what_goes_wrong_is_one_line(tiny_particles: Path, tmp_path: Path, fake, made, status: int, text: str) -> None:
    fake(**made)
    result = run(tiny_particles, tmp_path / "D", "--axes", 0)
    assert result.status == status and text in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize(("words", "said"), [
    (("--extra", "--zdim 3"), "--extra --zdim: that is said by --latent"), (("--extra", "-n=5"), "--epochs"),
    (("--extra", "'open"), "no closing quotation"), (("--axes", 9), "there are 8 latents"),
])  # fmt: skip
def test_what_would_fail_after_the_training_is_refused_before(tiny_particles: Path, tmp_path: Path, fake, words: tuple,
                                                              said: str) -> None:  # fmt: skip
    result = run_spa("vary", "cryodrgn", tiny_particles, "-d", tmp_path / "V", *words)
    assert result.status == 2 and said in result.stderr, result.stderr
    assert not (tmp_path / "V" / "cryodrgn.log").exists()


def test_without_it_and_without_poses(tiny_particles: Path, tmp_path: Path, fake, monkeypatch) -> None:
    result = run(tiny_particles, tmp_path / "D", "--program", "no-such-drgn")
    assert result.status == 69 and "install cryoDRGN" in result.stderr
    fake()
    tables = star.read(tiny_particles)
    star.write(tables.with_block("particles", tables["particles"].without("rlnAngleRot")), tiny_particles)
    result = run(tiny_particles, tmp_path / "D")
    assert result.status == 65 and "refine the particles first" in result.stderr
