"""`spa pick manual`: the sitting behind the page, and the page in a browser (tests/web)."""

import json
import os
import signal
import threading
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="no starlette here: pip install 'spa[web]'")

from spa.io import star  # noqa: E402
from spa.testing import run_spa  # noqa: E402
from tests.pages import post  # noqa: E402


def tables(source: Path, picks: bool = True) -> Path:
    """The micrograph with three picks that have a score, a text and somebody's column."""
    found = star.read(source)
    name = found["micrographs"].text("rlnMicrographName")[0]
    table = star.Table.of(
        rlnMicrographName=[name] * 3, rlnCoordinateX=[50.0, 128.004, 206.0], rlnCoordinateY=[45.0] * 3,
        rlnAutopickFigureOfMerit=[1.25, 2.5, 3.5], userText=["a", "b", "c"], rlnOpticsGroup=[1] * 3,
    )  # fmt: skip
    out = source.with_name("given.star")
    star.write(found.with_block("particles", table) if picks else found, out)
    return out


def sit(start: Any, source: Path, changes: list[list[list[float]]], *more: object) -> star.Tables:
    """Run the job, make changes through its address, be done; what it prints."""
    job = start("pick", "manual", source, "-d", source.parent / "D", *more)
    for points in changes:
        assert post(job.address, "save", {"number": 0, "points": points}) == len(points)
    post(job.address, "done", None)
    assert job.ended() == 0, job.err.read_text()
    return star.read(job.out)


def test_untouched_picks_come_out_as_they_went_in(start: Any, tiny_micrograph: Path) -> None:
    given = tables(tiny_micrograph)
    before, after = star.read(given), sit(start, given, [])
    assert after["particles"] == before["particles"] and after["micrographs"] == before["micrographs"]
    assert "pick manual" in after.history[-1]


def test_added_and_moved_picks_have_what_a_hand_knows(start: Any, tiny_micrograph: Path) -> None:
    given = tables(tiny_micrograph)
    table = sit(start, given, [[[50, 45], [130, 46], [206, 45]], [[50, 45], [130, 46], [10.5, 20.25]]])["particles"]
    assert table.floats("rlnCoordinateX").tolist() == [50, 130, 10.5]
    assert table.text("rlnAutopickFigureOfMerit").tolist() == ["1.25", "-999", "-999"]
    assert table.text("userText").tolist() == ["a", "None", "None"]
    assert set(table.text("rlnOpticsGroup")) == {"1"}


def test_a_killed_job_loses_nothing_and_the_same_command_goes_on(start: Any, tiny_micrograph: Path) -> None:
    given = tables(tiny_micrograph, picks=False)
    job = start("pick", "manual", given, "-d", given.parent / "D")
    post(job.address, "save", {"number": 0, "points": [[1.5, 2.5], [3, 4]]})
    job.kill()
    assert not list((given.parent / "D").glob("*.part"))
    table = sit(start, given, [])["particles"]
    assert table.floats("rlnCoordinateX").tolist() == [1.5, 3] and table.floats("rlnCoordinateY").tolist() == [2.5, 4]


def test_ctrl_c_ends_it_with_130_and_what_was_saved_stays(start: Any, tiny_micrograph: Path) -> None:
    given = tables(tiny_micrograph, picks=False)
    job = start("pick", "manual", given, "-d", given.parent / "D")
    post(job.address, "save", {"number": 0, "points": [[7, 8]]})
    job.process.send_signal(signal.SIGINT)
    assert job.ended() == 130 and job.out.read_text() == "" and "Traceback" not in job.err.read_text()
    assert star.read(given.parent / "D" / "tiny_manualpick.star").blocks[""].floats("rlnCoordinateX").tolist() == [7]


def test_picks_of_relion_are_taken_up(start: Any, tiny_micrograph: Path) -> None:
    given = tables(tiny_micrograph)
    (given.parent / "D").mkdir()
    (given.parent / "D" / "tiny_manualpick.star").write_text(
        "# version 30001\n\ndata_\n\nloop_\n"
        "_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnClassNumber #3\n 11.0 12.0 -999\n"
    )
    assert sit(start, given, [])["particles"].floats("rlnCoordinateX").tolist() == [11]


def test_no_picks_at_all_is_status_65(start: Any, tiny_micrograph: Path) -> None:
    given = tables(tiny_micrograph, picks=False)
    job = start("pick", "manual", given, "-d", given.parent / "D")
    post(job.address, "done", None)
    assert job.ended() == 65 and "no picks" in job.err.read_text()


def test_the_port_is_the_one_that_is_asked_for(start: Any, tiny_micrograph: Path) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = tables(tiny_micrograph)
    job = start("pick", "manual", given, "-d", given.parent / "D", "--port", port, "--diameter", 90, "--lowpass", 15)
    assert f":{port}/" in job.address and f"ssh -N -L {port}:127.0.0.1:{port}" in job.err.read_text()
    with urllib.request.urlopen(job.address + "facts", timeout=10) as reply:
        facts = json.load(reply)
    assert facts["diameter"] == 90 and facts["lowpass"] == 15 and facts["counts"] == [3] and facts["ctf"]


@pytest.mark.parametrize("change", [
    None, [], {"number": 0}, {"number": 1, "points": []}, {"number": -1, "points": []}, {"number": True, "points": []},
    {"number": 0, "points": [[1]]}, {"number": 0, "points": [["a", 1]]}, {"number": 0, "points": [[1, None]]},
    {"number": 0, "points": [[1, 1e9]]}, {"number": "0", "points": []}, {"number": 0, "points": [[0, 0]] * 20_001},
])  # fmt: skip
def test_nonsense_changes_nothing(tiny_micrograph: Path, change: object) -> None:
    from spa.job.run import Run
    from spa.web.page import BadRequest
    from spa_plugins.pick_manual.sitting import Sitting

    sitting = Sitting.of(Run("pick manual", {"outdir": tiny_micrograph.parent}), star.read(tables(tiny_micrograph)))
    with pytest.raises(BadRequest):
        sitting.save(change)
    assert len(sitting.points[0]) == 3 and not list(tiny_micrograph.parent.glob("*_manualpick.star"))


def test_changes_at_once_leave_a_whole_file(tiny_micrograph: Path) -> None:
    from spa.job.run import Run
    from spa_plugins.pick_manual.sitting import Sitting

    sitting = Sitting.of(Run("pick manual", {"outdir": tiny_micrograph.parent}), star.read(tables(tiny_micrograph)))
    changes = [{"number": 0, "points": [[n, n]] * n} for n in range(1, 20)]
    threads = [threading.Thread(target=sitting.save, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    points = star.read(tiny_micrograph.with_name("tiny_manualpick.star")).blocks[""].floats("rlnCoordinateX")
    assert len(points) == points[0] and np.array_equal(sitting.points[0][:, 0], points)


def test_picks_of_other_micrographs_are_refused(tiny_micrograph: Path) -> None:
    found = star.read(tables(tiny_micrograph))
    other = found["particles"].with_columns(rlnMicrographName=["x.mrc"] * 3)
    star.write(found.with_block("particles", other), tiny_micrograph.with_name("other.star"))
    result = run_spa("pick", "manual", tiny_micrograph.with_name("other.star"), "-d", tiny_micrograph.parent / "D")
    assert result.status == 65 and "x.mrc is not in data_micrographs" in result.stderr and os.linesep in result.stderr
