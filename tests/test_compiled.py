"""Kernels are compiled when they are first called, once, whoever calls."""

import gc
import os
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import event

from spa import compiled
from spa.compiled import INNER, elf, inner, kept, kernel, later, machine, pages, words


@numba.njit(**INNER)
def _twice(x):  # type: ignore[no-untyped-def]
    return x + x


def _doubled(values):  # type: ignore[no-untyped-def]
    for i in range(len(values)):
        values[i] = _twice(values[i])


def test_compiled_by_the_first_call_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made, compile_it = [], compiled._ready

    def noted(function, signature, settings):  # type: ignore[no-untyped-def]
        made.append(signature)
        return compile_it(function, signature, settings)

    monkeypatch.setattr(compiled, "_ready", noted)
    call = kernel("void(f4[::1])")(_doubled)
    assert not made
    rows = np.ones((8, 3), np.float32)
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(call, rows))
    assert made == ["void(f4[::1])"]
    assert (rows == 2).all()


def test_what_does_not_match_the_signature_is_refused() -> None:
    call = kernel("void(f4[::1])")(_doubled)
    with pytest.raises(TypeError, match="No matching definition"):
        call(np.ones(3, np.float64))


def _said(code: str, kept: Path) -> str:
    """What a process of its own prints, whose kernels are kept in a folder."""
    words = {**os.environ, "NUMBA_CACHE_DIR": str(kept)}
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=words).stdout


def test_no_linear_algebra_is_loaded_for_them(tmp_path: Path) -> None:
    """Nor, where they are on disk already, numba, nor LLVM on x86-64."""
    code = (
        "import sys\nfrom spa.motion.smaller import decimated\nimport numpy as np\n"
        "decimated(np.ones((8, 8), np.float32), np.ones(2, np.float32), 2)\n"
        "assert not {'scipy.linalg', 'numpy.ma'} & {*sys.modules}\n"
        "print('numba' in sys.modules, 'llvmlite' in sys.modules)\nimport scipy.linalg"
    )
    assert [_said(code, tmp_path) for _ in range(2)] == ["True True\n", f"False {not pages.here()}\n"]


def test_nor_for_one_that_is_on_disk_and_uses_functions_of_arrays(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom spa.picking.correlate import _keep\ntry: _keep()\nexcept TypeError: pass\n"
        "assert 'scipy.linalg' not in sys.modules\nprint('numba.np.arraymath' in sys.modules)"
    )
    assert [_said(code, tmp_path) for _ in range(2)] == ["True\n", "False\n"]


def test_what_is_compiled_and_what_is_kept_do_the_same(tmp_path: Path) -> None:
    code = (
        "import numpy as np\nfrom spa.motion.smaller import decimated\n"
        "image = np.random.default_rng(1).random((64, 64), np.float32)\n"
        "print(decimated(image, np.full(8, 0.125, np.float32), 2).sum())"
    )
    first, again = (_said(code, tmp_path) for _ in range(2))
    assert first == again != ""


@inner
def _half(x):  # type: ignore[no-untyped-def]
    return x / 2


@later
def _quarter():  # type: ignore[no-untyped-def]
    return numba.njit(**{**INNER, "cache": False})(lambda x: x / 4)


@kernel("f8(u1[:, ::1], f4[::1], i4[:, :, ::1], f8, i8, f4, f8[::1])")
def _all_kinds(a, b, c, real, whole, small, out):  # type: ignore[no-untyped-def]
    out[0], out[1], out[2] = a.shape[0], a.shape[1], c.shape[2]
    out[3], out[4] = c[1, 0, 2], np.sqrt(_half(real))
    out[5], out[6] = b[whole], small
    return _quarter(real) + a[1, 2]


def _given() -> list:  # type: ignore[type-arg]
    return [np.arange(6, dtype=np.uint8).reshape(2, 3), np.arange(4, dtype=np.float32),
            np.arange(24, dtype=np.int32).reshape(2, 3, 4), 8.0, 3, np.float32(0.25), np.zeros(7)]  # fmt: skip


def test_code_that_is_kept_takes_arrays_and_numbers_of_every_kind() -> None:
    given = _given()
    assert _all_kinds(*given) == 7.0
    assert given[-1].tolist() == [2, 3, 4, 14, 2, 3, 0.25]


@pytest.mark.parametrize(
    "place, other",
    [(0, np.zeros((2, 3), np.int8)), (0, np.zeros(6, np.uint8)), (1, np.zeros(8, np.float32)[::2]),
     (2, np.zeros((4, 3, 2), np.int32).T), (0, [[0]]), (3, np.zeros(2))],
)  # fmt: skip
def test_code_that_is_kept_refuses_what_it_was_not_made_for(place: int, other: object) -> None:
    given = _given()
    given[place] = other
    with pytest.raises(TypeError):
        _all_kinds(*given)
    with pytest.raises(TypeError, match="6 arguments for 7"):
        _all_kinds(*_given()[:-1])


def test_signatures_that_are_understood() -> None:
    known = ["void(f4[::1])", "f8(u1[:, ::1], i8, c8[:,:,::1])", "i8( f4 ,f4[:,::1])"]
    others = ["void(f4[:])", "void(b1, i8)", "b1(i8)", "void(c8)", "void(f4[:, :])", "void(f4[::1, :])", "f4[::1](i8)"]
    assert [words.understood(one) for one in known + others] == [True] * 3 + [False] * 7


def test_a_file_that_is_not_whole_or_made_of_something_else_is_compiled_again(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom spa.motion.kernels import gained\nimport numpy as np\n"
        "out = np.zeros((2, 2), np.float32)\ngained(np.full((2, 2), 3, np.uint8), out + 2, out)\n"
        "print(out.sum(), 'numba' in sys.modules)"
    )
    assert _said(code, tmp_path) == "24.0 True\n"
    (file,) = tmp_path.rglob("*.code")
    whole = file.read_bytes()
    others = whole.replace(b'"made_of": "', b'"made_of": "not ', 1)
    assert others != whole
    turned = bytes(255 - x for x in whole[-30:-21])
    for broken in (b"", whole[:-9], whole[:-30] + turned + whole[-21:], b"{}\n", others):
        file.write_bytes(broken)
        assert [_said(code, tmp_path) for _ in range(2)] == ["24.0 True\n", "24.0 False\n"]


def test_code_that_needs_what_the_process_lacks_is_not_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kept, "_there", lambda needs: False)
    call = kernel("void(f4[::1])")(_doubled)
    values = np.ones(3, np.float32)
    call(values)
    assert (values == 2).all()


def test_kernels_of_refinements_have_nothing_of_numbas_own_compiled(tmp_path: Path) -> None:
    """Its min, int and empty are functions, each compiled for its types like any other, in a tenth of a second."""
    code = (
        "from numba.core import event\nfrom spa.search.exhaustive import _best_in_tiles, _best_shift\n"
        "from spa.search.likelihood import _sum\nfrom spa.volume import insert, scatter, slices\n"
        "from spa.image import amx\n"
        "note = event.RecordingListener()\nevent.register('numba:compile', note)\n"
        "tiled = [_best_in_tiles] * amx.there()\n"  # its instructions are unknown to other processors
        "for kernel in *tiled, _best_shift, _sum, insert._divided, scatter.scatter, slices._gather:\n"
        "    try: kernel()\n    except TypeError: pass\n"
        "print(*{one.data['dispatcher'].py_func.__module__ for _, one in note.buffer})"
    )
    made = _said(code, tmp_path).split()
    assert "spa.volume.cells" in made
    assert not [name for name in made if not name.startswith("spa.")]


def test_no_garbage_is_looked_for_meanwhile() -> None:
    seen: list[bool] = []

    class Note(event.Listener):  # type: ignore[misc]
        def on_start(self, event: event.Event) -> None:
            seen.append(gc.isenabled())

        def on_end(self, event: event.Event) -> None: ...

    with event.install_listener("numba:compile", Note()):
        kernel("void(f4[::1])", cache=False)(_doubled)(np.ones(3, np.float32))
    assert seen and not any(seen)
    assert gc.isenabled()


def _adds(values, constants):  # type: ignore[no-untyped-def]
    for i in range(len(values)):
        values[i] = np.sin(values[i]) * constants[i % len(constants)] + (0.1, 0.7, 0.3)[i % 3]


_SIGNATURE = "void(f8[::1], f8[::1])"
_SETTINGS = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "no_rewrites": True, "_nrt": False}


@pytest.mark.skipif(not pages.here(), reason="no x86-64, or no Linux")
def test_code_is_loaded_without_llvm_as_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    code, _ = machine.code_of(_adds, _SIGNATURE, {**_SETTINGS, "cache": True}, "adds")
    found = []
    for there in (True, False):
        monkeypatch.setattr(pages, "here", lambda there=there: there)
        values = np.linspace(0, 9, 1000)
        address = kept._address(*kept._laid_out(code, "adds"), "adds")
        words.caller("adds", _SIGNATURE, address)(values, np.array([2.0, 3.0]))
        found.append(values)
    assert (found[0] == found[1]).all()
    assert found[0][:2] == pytest.approx([0.1, np.sin(9 / 999) * 3 + 0.7])


@pytest.mark.skipif(not pages.here(), reason="no x86-64, or no Linux")
def test_code_that_is_not_understood_is_left_to_llvm() -> None:
    code, _ = machine.code_of(_adds, _SIGNATURE, {**_SETTINGS, "cache": True}, "adds")
    with pytest.raises(elf.NotUnderstood, match="no other in it"):
        elf.linked(code, "other")
    with pytest.raises(elf.NotUnderstood, match="object file"):
        elf.linked(code[:18] + b"\xb7\x00" + code[20:], "adds")  # AArch64
    other = bytearray(code)
    (start,) = struct.unpack_from("<Q", code, 40)
    each, count = struct.unpack_from("<HH", code, 58)
    for number in range(count):
        _, kind, _, _, offset, size = struct.unpack_from("<IIQQQQ", code, start + number * each)
        if kind == 4:
            for entry in range(offset, offset + size, 24):
                other[entry + 8] = 2  # relative to where it stands, in 32 bits
    with pytest.raises(elf.NotUnderstood, match="kind 2"):
        elf.linked(bytes(other), "adds")
