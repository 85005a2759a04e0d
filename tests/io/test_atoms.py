"""Atoms of PDB and mmCIF files."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from spa.errors import DataError, MissingInput, ReadError
from spa.io import atoms

LINE = "ATOM  {0:5d}  {1:<3s} ALA A{0:4d}    {2:8.3f}{3:8.3f}{4:8.3f}{5:6.2f}{6:6.2f}          {7:>2s}\n"
BIOMT = """REMARK 350 BIOMOLECULE: 1
REMARK 350 APPLY THE FOLLOWING TO CHAINS: A
REMARK 350   BIOMT1   1  1.000000  0.000000  0.000000        0.00000
REMARK 350   BIOMT2   1  0.000000  1.000000  0.000000        0.00000
REMARK 350   BIOMT3   1  0.000000  0.000000  1.000000        0.00000
REMARK 350   BIOMT1   2 -1.000000  0.000000  0.000000        0.00000
REMARK 350   BIOMT2   2  0.000000 -1.000000  0.000000        0.00000
REMARK 350   BIOMT3   2  0.000000  0.000000  1.000000        0.00000
"""
WATER = "HETATM   90  O   HOH A  90       9.000   9.000   9.000  1.00  5.00           O\n"


def text() -> str:
    return BIOMT + LINE.format(1, "CA", 1, 2, 3, 0.5, 20, "C") + LINE.format(2, "N", -4, 5, 6, 1, 30, "N") + WATER


@pytest.fixture
def pdb(tmp_path: Path) -> Path:
    (tmp_path / "a.pdb").write_text(text() + "END\n")
    return tmp_path / "a.pdb"


def test_positions_and_the_rest_come_as_written_without_waters(pdb: Path) -> None:
    found = atoms.read(pdb)
    assert len(found) == 2
    assert np.allclose(found.positions, [[1, 2, 3], [-4, 5, 6]])
    assert np.allclose(found.bfactors, [20, 30]) and np.allclose(found.occupancies, [0.5, 1])
    assert [found.elements[kind] for kind in found.kinds] == ["C", "N"]


def test_scattering_at_zero_is_peng_s(pdb: Path) -> None:
    found = atoms.read(pdb)
    assert dict(zip(found.elements, found.scattering[:, 0].sum(1).round(3))) == {"C": 2.509, "N": 2.214}


def test_gzip_is_read(pdb: Path, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "b.pdb.gz", "wt") as stream:
        stream.write(pdb.read_text())
    assert np.array_equal(atoms.read(tmp_path / "b.pdb.gz").positions, atoms.read(pdb).positions)


def test_an_assembly_is_built(pdb: Path) -> None:
    found = atoms.read(pdb, assembly="1")
    assert np.allclose(sorted(found.positions.tolist()), sorted([[1, 2, 3], [-4, 5, 6], [-1, -2, 3], [4, -5, 6]]))


@pytest.mark.parametrize("name", ["1oel.pdb.gz", "1f2n.cif.gz"])
def test_public_models_are_read(shared_data: Path, name: str) -> None:
    assert len(atoms.read(shared_data / "models" / name)) > 1000


def test_faults_are_named(pdb: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="no such file"):
        atoms.read(tmp_path / "none.pdb")
    with pytest.raises(DataError, match="no assembly '7'"):
        atoms.read(pdb, assembly="7")
    (tmp_path / "empty.pdb").write_text("END\n")
    with pytest.raises(DataError, match="no atoms"):
        atoms.read(tmp_path / "empty.pdb")
    (tmp_path / "bad.cif").write_text("this is no CIF\n")
    with pytest.raises(ReadError, match="bad.cif"):
        atoms.read(tmp_path / "bad.cif")
    (tmp_path / "x.pdb").write_text(LINE.format(1, "X", 0, 0, 0, 1, 10, "X"))
    with pytest.raises(DataError, match="scattering factors"):
        atoms.read(tmp_path / "x.pdb")
