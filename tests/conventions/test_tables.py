"""The form of our tables is RELION 5's, and RELION itself reads them."""

import io
import re
import shutil
import subprocess

import numpy as np
import pytest

from spa.io import star


def document() -> star.Tables:
    rng = np.random.default_rng(0)
    optics = star.Table.of(
        rlnOpticsGroupName="opticsGroup1", rlnOpticsGroup=1, rlnVoltage=300.0, rlnSphericalAberration=2.7,
        rlnAmplitudeContrast=0.1, rlnImagePixelSize=1.5, rlnImageSize=64, rlnImageDimensionality=2,
    )  # fmt: skip
    particles = star.Table.of(
        rlnImageName=[f"{n + 1:06d}@a.mrcs" for n in range(20)], rlnOpticsGroup=1, rlnMicrographName="000012",
        rlnDefocusU=rng.uniform(1e4, 2e4, 20), rlnDefocusV=rng.uniform(1e4, 2e4, 20), rlnOriginXAngst=1e-9,
        rlnAngleRot=rng.uniform(-180, 180, 20), spaScore=rng.normal(size=20),
    )  # fmt: skip
    return star.Tables({"optics": optics, "particles": particles}, ["0.1.0 made by a test"])


def test_blocks_have_relions_form() -> None:
    stream = io.StringIO()
    star.write(document(), stream)
    text = stream.getvalue()
    assert text.startswith("# spa: 0.1.0 made by a test\n")
    block = r"\n# version 50001\n\ndata_(\w+)\n\nloop_ \n((?:_\w+ #\d+ \n)+)((?:[^\s#].*\n)+)\n"
    found = re.findall(block, text)
    assert [name for name, _, _ in found] == ["optics", "particles"]
    for _, labels, rows in found:
        numbers = [int(number) for number in re.findall(r"#(\d+)", labels)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert {len(row.split()) for row in rows.splitlines()} == {len(numbers)}


def test_relion_reads_and_keeps_what_we_write(tmp_path) -> None:
    program = shutil.which("relion_star_handler")
    if program is None:
        pytest.skip("no relion_star_handler here")
    ours, theirs = tmp_path / "ours.star", tmp_path / "theirs.star"
    star.write(document(), ours)
    command = [program, "--i", str(ours), "--o", str(theirs), "--select", "rlnDefocusU", "--minval", "0"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    back = star.read(theirs)
    for block, table in document().blocks.items():
        assert len(back[block]) == len(table)
        assert set(back[block].columns) == set(table.columns)
        for name in table.columns:
            if "Name" in name:
                assert back[block].listed(name) == table.listed(name)
            else:
                np.testing.assert_allclose(back[block].floats(name), table.floats(name), rtol=1e-4, atol=1e-6)
