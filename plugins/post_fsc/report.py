"""The curves as tables, as the EMDB's XML, and in words."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from spa.io.star import Table, Tables
from spa.volume.agreement import SURE
from spa.volume.fsc import MARGIN, Curves, band, crossing, resolution_at

GOLD, HALF = 0.143, 0.5
OTHERS = {"loose": ("spaResolutionLoose", "spaFourierShellCorrelationLoose"),
          "tight": ("spaResolutionTight", "spaFourierShellCorrelationTight")}  # fmt: skip
WIDE = 0.8  # of a band: such shells have too few coefficients to say anything
NOTHING = 3  # shells: a curve that falls below 0.5 there has resolved nothing, whatever halves share beyond
TIGHT = 0.15  # correlation of random phases at the resolution that is reported


@dataclass(frozen=True)
class Report:
    """Curves of two half maps, and the files that they come from."""

    curves: Curves
    box: int
    pixel_size: float
    half1: str
    half2: str
    mask: str
    mask_fraction: float
    free: np.ndarray  # (shells,) independent coefficients under the mask
    others: dict[str, np.ndarray] = field(default_factory=dict)  # curves under other masks
    agreement: float = np.inf  # of the whole half maps, in standard errors

    @property
    def nothing(self) -> bool:
        """Whether the halves agree no better than noise does, or than halves of noise that share a start."""
        return self.agreement < SURE or crossing(self.curves.corrected, HALF, self.free) <= NOTHING

    @cached_property
    def band(self) -> np.ndarray:
        """(2, shells) where 95 of 100 corrected curves lie."""
        return band(self.curves.corrected, self.free)

    @cached_property
    def wide(self) -> np.ndarray:
        """(shells,) bool: those of so few independent coefficients that the curve may lie nearly anywhere."""
        return self.band[1] - self.band[0] > WIDE

    @property
    def shell(self) -> int:
        """Where the corrected curve falls below 0.143."""
        return crossing(self.curves.corrected, GOLD, self.free)

    @property
    def known(self) -> bool:
        """Whether the shells that end the curve have coefficients enough to say where it ends."""
        return not self.wide[self.shell]

    def between(self) -> tuple[float, float]:
        """Angstroms where the lower and the upper edge of the band fall below 0.143."""
        edges = np.where(self.wide, self.curves.corrected, self.band)
        low, high = (resolution_at(edge, GOLD, self.box, self.pixel_size, self.free) for edge in edges)
        return low, high

    def named(self) -> dict[str, np.ndarray]:
        """The curves by the names they have in words and figures."""
        c = self.curves
        return {"corrected": c.corrected, "masked": c.masked, **self.others, "spherical": c.spherical,
                "unmasked": c.unmasked, "phases randomised": c.randomised}  # fmt: skip

    def resolutions(self, level: float = GOLD) -> dict[str, float]:
        """Resolution in angstroms by curve, random phases left out."""
        return {name: resolution_at(curve, level, self.box, self.pixel_size, self.free)
                for name, curve in self.named().items() if name != "phases randomised"}  # fmt: skip

    def line(self) -> str:
        """The figure that matters, with its mask."""
        gold, half = self.resolutions(), self.resolutions(HALF)
        if self.nothing:
            return f"no resolution: the half maps agree no better than noise does (FSC corrected, mask {self.mask})"
        low, high = self.between()
        within = f"95%: {low:.2f} to {high:.2f}" if self.known else "95%: not known"
        others = "".join(f"{name} {gold[name]:.2f}, " for name in self.others)
        return (
            f"{gold['corrected']:.2f} A (FSC 0.143, corrected, mask {self.mask}), {within}; "
            f"{half['corrected']:.2f} A at 0.5; masked {gold['masked']:.2f}, {others}"
            f"spherical {gold['spherical']:.2f}, unmasked {gold['unmasked']:.2f} A; "
            f"phases randomised from {self.randomised_from:.2f} A"
        )

    @property
    def randomised_from(self) -> float:
        """Resolution in angstroms where the random phases begin."""
        return self.box * self.pixel_size / self.curves.randomised_from

    def warnings(self) -> list[str]:
        """What a user should look into."""
        gold, found = self.resolutions(), []
        if self.nothing:
            return ["nothing is resolved"]
        shell = self.shell
        if not self.known:
            found.append(
                f"at {gold['corrected']:.2f} A shells have {self.free[shell]:.0f} independent coefficients in the mask "
                "(copies by symmetry count once): too few to say where the curve ends"
            )
        if gold["corrected"] > gold["unmasked"]:
            found.append("the corrected resolution is worse than the unmasked one: the mask cuts into the particle")
        if shell >= self.curves.randomised_from + MARGIN and self.curves.randomised[shell] > TIGHT:
            found.append(
                f"random phases still correlate by {self.curves.randomised[shell]:.2f} under the mask at "
                f"{gold['corrected']:.2f} A: it is too tight or too hard, widen its soft edge"
            )
        if shell < self.curves.randomised_from + MARGIN and gold["corrected"] < gold["unmasked"]:
            found.append(
                f"at {gold['corrected']:.2f} A phases are not random yet (from {self.randomised_from:.2f} A): there "
                "the curve is not corrected for the mask"
            )
        if shell == self.box // 2:
            found.append(f"the curve never falls below 0.143: the resolution is limited by the pixel size "
                         f"({self.pixel_size:g} A)")  # fmt: skip
        return found


def tables_of(report: Report) -> Tables:
    """data_general and data_fsc with RELION's names (as in its postprocess.star)."""
    shells = np.arange(report.box // 2 + 1)
    frequency = shells / (report.box * report.pixel_size)
    frequency[0] = 1 / 999.0  # as RELION writes it
    gold, c = report.resolutions(), report.curves
    low, high = report.between()
    final = report.box * report.pixel_size if report.nothing else gold["corrected"]
    general = Table.pairs(
        rlnFinalResolution=final, rlnUnfilteredMapHalf1=report.half1, rlnUnfilteredMapHalf2=report.half2,
        rlnMaskName=report.mask, rlnRandomiseFrom=report.randomised_from,
        spaMaskFraction=report.mask_fraction, spaResolutionHalf=report.resolutions(HALF)["corrected"],
        spaResolutionMasked=gold["masked"], spaResolutionSpherical=gold["spherical"],
        spaResolutionUnmasked=gold["unmasked"], spaResolutionLow=low, spaResolutionHigh=high,
        **{OTHERS[name][0]: gold[name] for name in report.others},
    )  # fmt: skip
    curve = Table.of(
        rlnSpectralIndex=shells, rlnResolution=frequency, rlnAngstromResolution=1 / frequency,
        rlnFourierShellCorrelationCorrected=c.corrected, rlnFourierShellCorrelationUnmaskedMaps=c.unmasked,
        rlnFourierShellCorrelationMaskedMaps=c.masked,
        rlnCorrectedFourierShellCorrelationPhaseRandomizedMaskedMaps=c.randomised,
        spaFourierShellCorrelationSpherical=c.spherical,
        spaFourierShellCorrelationLow=report.band[0], spaFourierShellCorrelationHigh=report.band[1],
        **{OTHERS[name][1]: curve for name, curve in report.others.items()},
    )  # fmt: skip
    return Tables({"general": general, "fsc": curve})


def emdb_xml(report: Report) -> str:
    """The corrected curve as the EMDB takes it at deposition: fsc (title, xaxis, yaxis) of coordinates of x and y."""
    frequency = np.arange(report.box // 2 + 1) / (report.box * report.pixel_size)
    points = "".join(
        f"  <coordinate>\n    <x>{x:.6f}</x>\n    <y>{y:.6f}</y>\n  </coordinate>\n"
        for x, y in zip(frequency[1:], report.curves.corrected[1:])
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<fsc title="Fourier shell correlation, corrected for the mask" '
    return f'{head}xaxis="Resolution (A-1)" yaxis="Correlation Coefficient">\n{points}</fsc>\n'
