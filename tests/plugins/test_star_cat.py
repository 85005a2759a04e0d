"""`spa star cat`: several documents as one."""

import io

import pytest

from spa.io import star
from spa.testing import run_spa


def document(groups: str, rows: str, optics: str = "", particles: str = "") -> str:
    return (
        f"# spa: 0.1.0 made {rows[:2]}\ndata_optics\nloop_\n"
        f"_rlnOpticsGroupName\n_rlnOpticsGroup\n_rlnVoltage\n{optics}{groups}\n"
        f"data_particles\nloop_\n_rlnImageName\n_rlnOpticsGroup\n{particles}{rows}\n"
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.star").write_text(document("x 1 300\ny 2 200\n", "1@a 1\n2@a 2\n"))
    (tmp_path / "b.star").write_text(document("y 1 200\nx 5 100\n", "1@b 1\n2@b 5\n"))
    return tmp_path


def tables(result) -> star.Tables:
    assert result.status == 0, result.stderr
    return star.read(io.StringIO(result.stdout))


def test_one_document_goes_through(folder) -> None:
    out = tables(run_spa("star", "cat", "a.star", cwd=folder))
    assert out.blocks == star.read(folder / "a.star").blocks
    assert tables(run_spa("star", "cat", input=(folder / "a.star").read_text())).blocks == out.blocks


def test_groups_that_agree_become_one_and_others_new_numbers(folder) -> None:
    out = tables(run_spa("star", "cat", "a.star", "b.star", cwd=folder))
    assert out["optics"].text("rlnOpticsGroupName").tolist() == ["x", "y", "x_2"]
    assert out["optics"].ints("rlnOpticsGroup").tolist() == [1, 2, 3]
    assert out["optics"].ints("rlnVoltage").tolist() == [300, 200, 100]
    assert out["particles"].ints("rlnOpticsGroup").tolist() == [1, 2, 2, 3]
    assert out["particles"].text("rlnImageName").tolist() == ["1@a", "2@a", "1@b", "2@b"]


def test_every_row_keeps_its_optics(folder) -> None:
    def voltages(table: star.Tables) -> list[int]:
        of = dict(zip(table["optics"].ints("rlnOpticsGroup").tolist(), table["optics"].ints("rlnVoltage").tolist()))
        return [of[group] for group in table["particles"].ints("rlnOpticsGroup").tolist()]

    both = tables(run_spa("star", "cat", "b.star", "a.star", cwd=folder))
    assert voltages(both) == voltages(star.read(folder / "b.star")) + voltages(star.read(folder / "a.star"))


def test_a_document_with_itself_has_its_optics_once(folder) -> None:
    out = tables(run_spa("star", "cat", "a.star", "-", input=(folder / "a.star").read_text(), cwd=folder))
    assert (len(out["optics"]), len(out["particles"])) == (2, 4)
    assert len(out.history) == 2


def test_columns_that_differ_are_refused_or_filled(folder) -> None:
    (folder / "c.star").write_text(document("x 1 300\n", "1@c 1 7\n", particles="_rlnClassNumber\n"))
    result = run_spa("star", "cat", "a.star", "c.star", cwd=folder)
    assert (result.status, result.stdout) == (65, "")
    assert "only c.star: data_particles has rlnClassNumber; --fill VALUE" in result.stderr
    out = tables(run_spa("star", "cat", "a.star", "c.star", "--fill", 0, cwd=folder))
    assert out["particles"].text("rlnClassNumber").tolist() == ["0", "0", "7"]


def test_optics_columns_that_differ_are_refused_or_filled(folder) -> None:
    (folder / "c.star").write_text(document("0.1 x 1 300\n", "1@c 1\n").replace("loop_\n", "loop_\n_rlnBeamTiltX\n", 1))
    result = run_spa("star", "cat", "a.star", "c.star", cwd=folder)
    assert result.status == 65
    assert "a.star: data_optics has no rlnBeamTiltX" in result.stderr
    assert len(tables(run_spa("star", "cat", "a.star", "c.star", "--fill", 0, cwd=folder))["optics"]) == 3


def test_relion_3_0_and_5_together(folder) -> None:
    old = "data_\nloop_\n_rlnImageName\n_rlnVoltage\n1@o 300\n"
    out = tables(run_spa("star", "cat", "a.star", "-", input=old, cwd=folder))
    assert out["particles"].ints("rlnOpticsGroup").tolist() == [1, 2, 3]


def test_a_block_columns_and_unique_rows(folder) -> None:
    out = tables(run_spa("star", "cat", "a.star", "b.star", "--unique", "rlnOpticsGroup", cwd=folder))
    assert out["particles"].text("rlnImageName").tolist() == ["1@a", "2@a", "2@b"]
    columns = "_rlnVoltage,rlnOpticsGroup"
    out = tables(run_spa("star", "cat", "a.star", "--block", "optics", "--columns", columns, cwd=folder))
    assert list(out.blocks) == ["optics"]
    assert out["optics"].columns == ["rlnVoltage", "rlnOpticsGroup"]
    assert run_spa("star", "cat", "a.star", "--columns", ",", cwd=folder).status == 65


def test_optics_here_and_none_there_is_an_error(folder) -> None:
    result = run_spa("star", "cat", "a.star", "-", input="data_particles\nloop_\n_rlnImageName\n1@o\n", cwd=folder)
    assert result.status == 65
    assert "standard input: no data_optics in it" in result.stderr


def test_lists_of_values_must_agree() -> None:
    one, two = "data_general\n_rlnX 1\n", "data_general\n_rlnX 2\n"
    from spa.errors import DataError
    from spa_plugins.star_tools.merge import merged

    assert merged([star.read(io.StringIO(one))] * 2)["general"].simple
    with pytest.raises(DataError, match="differs"):
        merged([star.read(io.StringIO(one)), star.read(io.StringIO(two))])
