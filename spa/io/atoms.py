"""Atoms of a PDB or mmCIF file (plain or .gz), through gemmi."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from spa.errors import DataError, ReadError, missing


@dataclass(frozen=True)
class Atoms:
    """Positions (n, 3) x y z in angstroms; B-factors in square angstroms; occupancies; element of each as an index.

    elements: their symbols, upper case. scattering: (elements, 2, 5), a and b of ``f(k) = sum a exp(-b k^2 / 4)``
    for electrons, f in angstroms (Peng et al., Acta Cryst. A52 (1996) 257).
    """

    positions: np.ndarray
    bfactors: np.ndarray
    occupancies: np.ndarray
    kinds: np.ndarray
    elements: tuple[str, ...]
    scattering: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)


def read(path: str | Path, assembly: str | None = None, chains: Collection[str] = ()) -> Atoms:
    """Atoms of the first model without waters; ``assembly`` names a biological assembly to build (None: as it is);
    ``chains``: of these alone.

    MissingInput, ReadError or DataError (no such assembly or chain, no atoms, coordinates that are not numbers).
    """
    if not Path(path).is_file():
        raise missing(path)
    try:
        structure = gemmi.read_structure(str(path))
    except (RuntimeError, ValueError, OSError) as error:
        raise ReadError(f"{path}: not a PDB or mmCIF file that can be read: {_line(error)}") from error
    if len(structure) == 0:
        raise DataError(f"{path}: no atoms in it")
    if assembly is not None:
        _build(structure, assembly, path)
    structure.remove_waters()
    if chains:
        _keep(structure[0], chains, path)
    return _arrays(structure[0], path)


def _line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


def _build(structure: gemmi.Structure, assembly: str, path: str | Path) -> None:
    names = [one.name for one in structure.assemblies]
    if assembly not in names:
        raise DataError(f"{path}: no assembly {assembly!r} in it (it has {', '.join(names) or 'none'})")
    structure.transform_to_assembly(assembly, gemmi.HowToNameCopiedChain.Short)


def _keep(model: gemmi.Model, chains: Collection[str], path: str | Path) -> None:
    there = [chain.name for chain in model]
    for name in chains:
        if name not in there:
            raise DataError(f"{path}: no chain {name!r} in it (it has {', '.join(dict.fromkeys(there))})")
    for name in set(there) - set(chains):
        model.remove_chain(name)


def _arrays(model: gemmi.Model, path: str | Path) -> Atoms:
    sites = [site.atom for site in model.all()]
    if not sites:
        raise DataError(f"{path}: no atoms in it")
    values = np.array([(*atom.pos.tolist(), atom.b_iso, atom.occ) for atom in sites])
    if not np.isfinite(values).all():
        raise DataError(f"{path}: an atom has a coordinate, B-factor or occupancy that is not a number")
    symbols, kinds = np.unique([atom.element.name.upper() for atom in sites], return_inverse=True)
    elements = tuple(map(str, symbols))
    scattering = np.array([_factors(element, path) for element in elements])
    return Atoms(values[:, :3], values[:, 3], values[:, 4], kinds, elements, scattering)


def _factors(element: str, path: str | Path) -> list[list[float]]:
    symbol = gemmi.Element(element)
    known = symbol.c4322 if symbol.atomic_number else None
    if known is None:
        raise DataError(f"{path}: no electron scattering factors for the element {element!r}")
    return [known.a, known.b]
