"""`relion_refine` works on our tables, and we on its."""

import re
from pathlib import Path

import numpy as np
import pytest

from spa.io import star
from tests.interop.conftest import agreement, pairs, resolved, scale, spa

COMMON = ["--particle_diameter", 130, "--zero_mask", "--flatten_solvent", "--norm", "--scale", "--pad", 1]


@pytest.fixture(scope="session")
def classified(relion, extracted: Path) -> Path:
    """`extracted` with C3/, two iterations of a 3-D classification of our boxes."""
    (extracted / "C3").mkdir()
    spa(extracted, "simulate particles -d S -o s.star --symmetry D2 --box 48 --pixel-size 3.75 --n 1"
                   " --specimen-diameter 108")  # fmt: skip
    words = "--K 1 --sym D2 --ini_high 30 --ctf --firstiter_cc --iter 2 --healpix_order 1 --offset_range 4"
    relion("refine", extracted, "--i", "x.star", "--o", "C3/run", "--ref", "S/truth.mrc", *words.split(),
           "--offset_step", 2, "--oversampling", 0, *COMMON)  # fmt: skip
    return extracted


def test_3d_classification_of_our_boxes(classified: Path) -> None:
    """All particles come through, with the columns that RELION does not know."""
    ours, theirs = star.read(classified / "x.star"), star.read(classified / "C3" / "run_it002_data.star")
    known = set(theirs["particles"].columns)
    assert set(ours["particles"].columns) <= known
    for name in ("rlnDefocusU", "rlnCoordinateX", *(own for own in known if own.startswith("spa"))):
        np.testing.assert_allclose(*pairs(classified / "x.star", classified / "C3" / "run_it002_data.star", name),
                                   rtol=1e-4)  # fmt: skip


def test_2d_classification_of_our_boxes(relion, extracted: Path, tmp_path: Path) -> None:
    said = relion("refine", extracted, "--i", "x.star", "--o", tmp_path / "run", "--K", 2, "--ctf", "--iter", 1,
                  "--tau2_fudge", 2, "--psi_step", 30, "--offset_range", 4, "--offset_step", 2, *COMMON)  # fmt: skip
    assert "Maximization" in said and (tmp_path / "run_it001_classes.mrcs").exists()


def test_refined_poses_are_taken_as_they_are(relion, refined: Path, tmp_path: Path) -> None:
    """Without alignment RELION makes our map at our poses, in our grey scale."""
    relion("refine", refined, "--i", "r.star", "--o", tmp_path / "run", "--ref", "R/map.mrc", "--K", 1, "--sym", "D2",
           "--ctf", "--iter", 1, "--skip_align", "--tau2_fudge", 4, *COMMON)  # fmt: skip
    maps = refined / "R" / "map.mrc", tmp_path / "run_it001_class001.mrc", refined / "R" / "mask.mrc"
    assert agreement(*maps)[1 : resolved(refined) + 1].min() > 0.9
    assert scale(*maps) == pytest.approx(1, abs=0.15)
    data = tmp_path / "run_it001_data.star"
    for name in ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnOriginXAngst", "rlnRandomSubset", "spaTurnError"):
        np.testing.assert_allclose(*pairs(refined / "r.star", data, name), atol=1e-3)


@pytest.mark.parametrize(("kind", "said"), [("data", "rows"), ("sampling", "rows"), ("optimiser", ": 1 row, ")])
def test_stat_reads_its_tables(classified: Path, kind: str, said: str) -> None:
    assert said in spa(classified, f"star stat C3/run_it002_{kind}.star")


def test_stat_reads_a_block_of_its_model(classified: Path) -> None:
    assert "25 rows" in spa(classified, "star stat C3/run_it002_model.star --block model_class_1")


def test_import_keeps_its_particles(classified: Path, tmp_path: Path) -> None:
    data = classified / "C3" / "run_it002_data.star"
    spa(classified, f"import particles {data} -o {tmp_path / 'i.star'}")
    before, after = star.read(data)["particles"], star.read(tmp_path / "i.star")["particles"]
    assert before.columns == after.columns
    assert all(before.listed(name) == after.listed(name) for name in before.columns)


def test_refinement_of_its_particles_from_its_map(classified: Path, tmp_path: Path) -> None:
    """Half-sets that the table has are kept."""
    data = star.read(classified / "C3" / "run_it002_data.star")
    halves = [1 + (n % 3 == 0) for n in range(len(data["particles"]))]
    table = tmp_path / "halves.star"
    star.write(data.with_block("particles", data["particles"].with_columns(rlnRandomSubset=halves)), table)
    said = spa(classified, f"refine homo {table} -d {tmp_path / 'R'} -o {tmp_path / 'r.star'} --symmetry D2"
                           " --reference C3/run_it002_class001.mrc --lowpass 30 --diameter 120"
                           " --iterations 1")  # fmt: skip
    assert re.search(rf"{len(halves)} particles, D2", said)
    assert star.read(tmp_path / "r.star")["particles"].ints("rlnRandomSubset").tolist() == halves
