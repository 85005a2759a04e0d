"""The contract of a job, shown on a cheap one."""

import gc
import json
import os
import signal
from datetime import datetime
from pathlib import Path

import click
import pytest

from spa import __version__
from spa.errors import DataError
from spa.io import star
from spa.io.star import Table
from spa.job import options
from spa.job.log import sittings
from spa.job.run import Run, job
from spa.job.streams import with_history
from spa.testing import Result, run_command

CALLS: list[str] = []
TABLE = "data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnCtfMaxResolution #2\n" + "".join(
    f"{n:06d} {n}.5\n" for n in range(1, 7)
)


@click.command(name="toy")
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.seed
@click.option("--factor", default=2.0, help="Times.")
@click.option("--bad", multiple=True)
@click.option("--stop-after", default=0)
@click.option("--mask", type=options.INPUT_FILE)
@job("toy scale")
def toy(run: Run, star: str, output: str, factor: float, bad: tuple[str, ...], stop_after: int) -> None:
    tables = run.read(star)
    micrographs = tables["micrographs"]

    def work(row: int) -> dict[str, object]:
        name = micrographs.text("rlnMicrographName")[row]
        CALLS.append(name)
        if name in bad:
            raise DataError(f"{name}: row {row}: it is bad")
        file = run.outdir / f"{name}.txt"  # type: ignore[operator]
        file.write_text(str(factor))
        return {"file": str(file), "value": factor * micrographs.floats("rlnCtfMaxResolution")[row],
                "draw": run.rng(row).random()}  # fmt: skip

    rows, results = [], []
    for row, result in run.each(range(len(micrographs)), work, lambda row: micrographs.text("rlnMicrographName")[row]):
        rows.append(row)
        results.append(result)
        if stop_after and len(rows) == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)
    table = micrographs.take(rows).with_columns(
        spaValue=[r["value"] for r in results], spaDraw=[r["draw"] for r in results]
    )
    run.summary(f"{len(rows)} scaled")
    run.write(tables.with_block("micrographs", table), output)


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    CALLS.clear()


def call(*args: object, input: str = TABLE) -> Result:
    return run_command(toy, "-d", "out", *args, input=input)


def test_stdout_is_the_table_alone() -> None:
    result = call()
    assert result.status == 0, result.stderr
    assert result.stdout.startswith("#") and "_spaValue" in result.stdout
    assert result.stderr == "spa toy scale: 6 scaled\n"


def test_unknown_columns_and_text_go_through() -> None:
    Path("in.star").write_text(TABLE)
    assert call("in.star", "-o", "out.star").stdout == ""
    assert list(star.read("out.star")["micrographs"].text("rlnMicrographName")) == [f"{n:06d}" for n in range(1, 7)]


def test_history_grows_by_one_line_a_step_with_defaults_written_out() -> None:
    first = call().stdout
    history = [line for line in call(input=first).stdout.splitlines() if line.startswith("# spa: ")]
    assert len(history) == 2 and history[0] == history[1]
    words = "toy scale --outdir out --device cpu --seed 0 --factor 2.0 --stop-after 0 -"
    assert history[0] == f"# spa: {__version__} {words}"


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_bytes_do_not_depend_on_threads(threads: int) -> None:
    assert call("--threads", threads).stdout == call("--threads", 3).stdout


def test_seed_changes_draws() -> None:
    assert call().stdout == call("--seed", 0).stdout != call("--seed", 1).stdout


def test_record_says_what_ran() -> None:
    Path("in.star").write_text(TABLE)
    Path("mask.mrc").write_bytes(b"m")
    call("in.star", "--seed", 4, "--mask", "mask.mrc")
    record = json.loads(Path("out/job.json").read_text())
    assert record["state"] == "finished" and record["seed"] == 4 and record["options"]["factor"] == 2.0
    assert record["command"].startswith("spa toy scale --outdir out") and record["libraries"]["numpy"]
    assert record["inputs"]["in.star"]["size"] == len(TABLE) and len(record["inputs"]["mask.mrc"]["sha256"]) == 64


def test_one_bad_item_is_named_and_left_out() -> None:
    result = call("--bad", "000003")
    assert result.status == 1
    assert "left out: 000003: row 2: it is bad" in result.stderr and result.stderr.endswith("5 scaled; 1 left out\n")
    assert len(star.read(_file(result.stdout))["micrographs"]) == 5


def test_strict_stops_at_the_first() -> None:
    result = call("--bad", "000003", "--strict")
    assert result.status == 65 and result.stdout == "" and "spa toy scale: 000003" in result.stderr


def test_all_bad_is_bad_input() -> None:
    result = call(*(word for n in range(1, 7) for word in ("--bad", f"{n:06d}")))
    assert result.status == 65 and "none of 6" in result.stderr and result.stdout == ""


def test_resume_runs_only_what_is_missing_and_gives_the_same_bytes() -> None:
    whole = call().stdout
    CALLS.clear()
    Path("out/000004.txt").unlink()
    Path("out/000005.txt").write_text("other size")
    journal = Path("out/journal.jsonl")
    journal.write_bytes(journal.read_bytes()[:-9])  # killed in the middle of a line
    cut = json.loads(TABLE.splitlines()[-1].split()[0].lstrip("0"))
    assert call("--resume").stdout == whole
    assert {"000004", "000005"} <= set(CALLS) and len(CALLS) <= 3 and cut == 6


def test_resume_of_nothing_starts() -> None:
    assert call("--resume").status == 0


def test_resume_refuses_another_option_or_input_and_names_it() -> None:
    call()
    assert "--factor was 2.0 and is now 3.0" in call("--resume", "--factor", 3).stderr
    assert call("--resume", "--factor", 3).status == 65
    other = call("--resume", input=TABLE.replace("000001 1.5", "000001 1.6"))
    assert other.status == 65 and "input - is not what" in other.stderr
    assert call("--resume", "--threads", 1, "-q", "-o", "else.star").status == 0


def test_sigterm_stops_at_a_checkpoint_and_resume_goes_on() -> None:
    whole = call().stdout
    stopped = call("--stop-after", 2, "--threads", 1)
    assert stopped.status == 75 and "--resume" in stopped.stderr and stopped.stdout == ""
    assert json.loads(Path("out/job.json").read_text())["state"] == "unfinished"
    CALLS.clear()
    record = json.loads(Path("out/job.json").read_text())
    record["options"]["stop_after"] = 0
    Path("out/job.json").write_text(json.dumps(record))
    assert call("--resume").stdout == whole
    assert 0 < len(CALLS) < 6


def test_empty_and_missing_input() -> None:
    assert call(input="").status == 65
    assert call("nowhere.star").status == 66
    assert call("--mask", "nowhere.mrc").status == 66
    assert "nowhere.mrc: no such file" in call("--mask", "nowhere.mrc").stderr


def test_usage_and_device() -> None:
    assert run_command(toy, input=TABLE).status == 2
    assert call("--device", "tpu").status == 2
    cuda = call("--device", "cuda:0")
    assert cuda.status == 69 and "no CUDA kernels" in cuda.stderr


def test_several_devices_are_for_jobs_that_share_their_work() -> None:
    ran = []

    @click.command()
    @options.standard
    @job("toy", devices="one")
    def single(run: Run) -> None:
        ran.append(run.device)

    two = run_command(single, "--device", "cuda:0,1")
    assert two.status == 69 and "one device" in two.stderr and not ran
    assert run_command(single, "--device", "cuda:1").status == 0 and ran == ["cuda:1"]


def test_an_outdir_that_cannot_be_made() -> None:
    Path("file").write_text("")
    assert run_command(toy, "-d", "file/sub", input=TABLE).status == 73


def test_quiet() -> None:
    assert call("-q").stderr == ""


def _file(text: str) -> Path:
    path = Path("read_back.star")
    path.write_text(text)
    return path


def test_rng_depends_on_seed_and_keys_alone() -> None:
    first, second = Run("a b", {"seed": 3}), Run("a b", {"seed": 3})
    second.rng(9).random(100)
    assert first.rng(1, "x").random() == second.rng(1, "x").random()
    assert len({first.rng(*keys).random() for keys in [(1,), (2,), ("1",), (1, 2), (2, 1)]}) == 5


def test_history_is_kept_by_tables_without_a_change() -> None:
    tables = star.Tables({"a": Table.of(x=[1])}, ["one"])
    assert with_history(tables, "two").history == ["one", "two"] and tables.history == ["one"]


def test_two_loops_of_one_job_do_not_share_results(tmp_path: Path) -> None:
    for resume in (False, True):
        run = Run("a b", {"outdir": str(tmp_path), "resume": resume})
        first = list(run.each([1, 2], lambda item: item, str))
        second = list(run.each([1, 2], lambda item: -item, str))
        run.close()
        assert first == [(1, 1), (2, 2)] and second == [(1, -1), (2, -2)]


def test_an_item_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="micrograph 2 is there twice"):
        list(Run("a b", {}).each([1, 2, 2], lambda item: item, str, "micrograph"))


def test_a_fresh_run_forgets_the_state_of_another() -> None:
    call()
    state = Path("out/state.npz")
    state.write_text("of an earlier run")
    assert call("--resume").status == 0 and state.exists()
    assert call().status == 0 and not state.exists()


@pytest.mark.parametrize("name", ["-o", "-d"])
def test_an_empty_name_is_a_usage_error(name: str) -> None:
    result = call("in.star", name, "")
    assert result.status == 2 and "an empty name" in result.stderr


def test_a_place_where_the_table_cannot_go_is_said_before_any_work() -> None:
    result = call(_file(TABLE), "-o", "nowhere/t.star")
    assert result.status == 73 and "nowhere/t.star: cannot be written" in result.stderr
    assert not Path("out/journal.jsonl").exists()
    assert call(_file(TABLE), "-o", "out/t.star").status == 0


def test_log_keeps_what_was_said_and_what_it_took() -> None:
    call("--bad", "000003", "-q")
    (sitting,) = sittings(Path("out"))
    assert sitting["said"][0].startswith("left out: 000003") and sitting["said"][-1] == "5 scaled; 1 left out"
    assert sitting["status"] == "finished" and sitting["wall_seconds"] >= 0 and sitting["peak_bytes"] > 2**20
    assert datetime.fromisoformat(sitting["begun"]) <= datetime.fromisoformat(sitting["ended"])
    call("--bad", "000003", "--resume")
    with Path("out/log.jsonl").open("a") as file:
        file.write('{"said": "cut by a ki')
    first, second = sittings(Path("out"))
    assert first == sitting and second["status"] == "finished" and second["said"] == sitting["said"]
    call()
    assert len(sittings(Path("out"))) == 1  # a fresh run forgets the others
    call("--bad", "000003", "--strict")
    assert "000003" in sittings(Path("out"))[0]["status"]


def test_record_has_the_steps_that_the_table_came_through() -> None:
    call(input="# spa: 0.1.0 earlier job --option 3\n" + TABLE)
    history = json.loads(Path("out/job.json").read_text())["history"]
    assert history[0] == "0.1.0 earlier job --option 3" and len(history) == 2
    assert " toy scale --outdir out" in history[1]


def test_garbage_is_collected_again_when_the_work_begins() -> None:
    gc.disable()  # as the program does while it loads
    try:
        Run("a b", {}).begin()
        assert gc.isenabled() and gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.enable()
