"""Names that mean one file."""

from pathlib import Path

import pytest

from spa.model.filenames import namesakes, partners, titles


def test_a_path_from_here_and_from_the_root_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = str(tmp_path / "Mi cs" / "a.mrc")
    assert partners(["Mi cs/a.mrc", "./Mi cs/a.mrc"], [whole]) == {"Mi cs/a.mrc": whole, "./Mi cs/a.mrc": whole}
    assert partners([whole], ["Mi cs/a.mrc"]) == {whole: "Mi cs/a.mrc"}


def test_a_bare_name_is_the_only_one_that_it_ends() -> None:
    assert partners(["a.mrc", "b.mrc"], ["one/a.mrc", "one/b.mrc", "two/b.mrc"]) == {"a.mrc": "one/a.mrc"}


def test_an_exact_name_comes_first_and_another_folder_is_another_file() -> None:
    assert partners(["a.mrc"], ["one/a.mrc", "a.mrc"]) == {"a.mrc": "a.mrc"}
    assert partners(["two/a.mrc"], ["one/a.mrc"]) == {}


def test_titles_are_as_short_as_tells_files_apart() -> None:
    assert titles(["a/x.mrc", "b/y.mrc"]) == {"a/x.mrc": "x", "b/y.mrc": "y"}
    assert titles(["p/a/x.mrc", "p/b/x.mrc", "y.mrc"]) == {"p/a/x.mrc": "a/x", "p/b/x.mrc": "b/x", "y.mrc": "y"}
    assert titles(["a/x.mrc", "a/x.tif"]) == {"a/x.mrc": "a/x", "a/x.tif": "a/x"} and titles([]) == {}


def test_a_file_is_named_after_a_micrograph_with_words_behind_or_before() -> None:
    known = ["M/mic1.mrc", "M/mic12.mrc", "M/mic2_DW.mrc", "a_x.mrc", "a_y.mrc"]
    found = namesakes(
        ["boxes/mic1.box", "mic12_autopick", "123456789012345678901_mic1_patch_aligned.mrc", "mic2", "mic1_2", "mic",
         "a", "a_x"], known,
    )  # fmt: skip
    assert found == {
        "boxes/mic1.box": "M/mic1.mrc", "mic12_autopick": "M/mic12.mrc", "mic2": "M/mic2_DW.mrc", "a_x": "a_x.mrc",
        "123456789012345678901_mic1_patch_aligned.mrc": "M/mic1.mrc",
    }  # fmt: skip
