"""kill -9 in the middle of real jobs, then --resume: the bytes of the undisturbed run."""

import filecmp
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

Shell = Callable[..., "subprocess.CompletedProcess[str]"]
SPECIMEN = "--box 32 --pixel-size 6 --symmetry D2 -q"


def run(words: Sequence[str], environment: dict[str, str], folder: Path) -> None:
    done = subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def killed(words: Sequence[str], environment: dict[str, str], folder: Path, far_enough: Callable[[], bool]) -> None:
    """Start a command and kill it as soon as it is far enough."""
    process = subprocess.Popen(words, env=environment, cwd=folder, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 100
    while not far_enough():
        assert process.poll() is None, "it was over too soon"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -9


def same(one: Path, other: Path, but: set[str]) -> None:
    names = {path.name for path in one.iterdir()}
    assert names == {path.name for path in other.iterdir()}
    differing = [name for name in names - but if not filecmp.cmp(one / name, other / name, shallow=False)]
    assert not differing


def both(words: Sequence[str], environment: dict[str, str], tmp_path: Path, far_enough: Callable[[Path], bool]) -> None:
    """The whole run in one folder; the killed and resumed one in another; what they leave is the same."""
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data").symlink_to(tmp_path / "data")
    run(words, environment, tmp_path / "whole")
    cut = tmp_path / "cut"
    killed(words, environment, cut, lambda: far_enough(cut / "out"))
    assert not (cut / "out.star").exists()
    run([*words, "--resume"], environment, cut)
    assert filecmp.cmp(tmp_path / "whole" / "out.star", cut / "out.star", shallow=False)
    same(tmp_path / "whole" / "out", cut / "out", but={"journal.jsonl", "log.jsonl", "state.npz"})
    assert filecmp.cmp(tmp_path / "whole" / "out" / "job.json", cut / "out" / "job.json", shallow=False)


def test_extract(shell: Shell, environment: dict[str, str], tmp_path: Path) -> None:
    made = shell(f"spa simulate micrographs -d data --n 1 --size 640 640 --particles 60 --gap 5 {SPECIMEN} -o one.star")
    assert made.returncode == 0, made.stderr
    from spa.io import star

    tables = star.read(tmp_path / "data" / "truth_particles.star")
    particles, many = tables["particles"], []
    for number in range(40):
        name = f"data/copy{number:02d}.mrc"
        (tmp_path / name).symlink_to(tmp_path / "data" / "mic00001.mrc")
        many.append(particles.with_columns(rlnMicrographName=[name] * len(particles)))
    star.write(tables.with_block("particles", star.Table.concat(many)), tmp_path / "data" / "many.star")
    words = "spa extract particles data/many.star -d out -o out.star --box 32 --crop 24 --threads 2"
    journal = "journal.jsonl"
    both(
        words.split(), environment, tmp_path,
        lambda out: (out / journal).exists() and (out / journal).stat().st_size > 5000,
    )  # fmt: skip
    lines = [(tmp_path / name / "out" / journal).read_text().splitlines() for name in ("whole", "cut")]
    assert sorted(lines[0]) == sorted(lines[1]) and len(lines[0]) == 40


def test_refine_homo(shell: Shell, environment: dict[str, str], tmp_path: Path) -> None:
    made = shell(f"spa simulate particles -d data --n 200 --snr 0.3 {SPECIMEN} -o particles.star")
    assert made.returncode == 0, made.stderr
    words = "spa refine homo data/particles.star --reference data/truth.mrc --lowpass 30 --symmetry D2 --iterations 5"
    seen: list[int] = []

    def far_enough(out: Path) -> bool:
        state = out / "state.npz"
        if state.exists() and (not seen or state.stat().st_mtime_ns != seen[-1]):
            seen.append(state.stat().st_mtime_ns)
        return len(seen) >= 2  # iterations

    both([*words.split(), "-d", "out", "-o", "out.star"], environment, tmp_path, far_enough)
