"""Kernels are compiled when they are first called, once, whoever calls."""

import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import event

from spa import compiled
from spa.compiled import INNER, kernel


@numba.njit(**INNER)
def _twice(x):  # type: ignore[no-untyped-def]
    return x + x


def _doubled(values):  # type: ignore[no-untyped-def]
    for i in range(len(values)):
        values[i] = _twice(values[i])


def test_compiled_by_the_first_call_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made, compile_it = [], compiled._compiled

    def noted(function, signature, settings):  # type: ignore[no-untyped-def]
        made.append(signature)
        return compile_it(function, signature, settings)

    monkeypatch.setattr(compiled, "_compiled", noted)
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
    """Nor, where they are on disk already, what numba compiles with."""
    code = (
        "import sys\nfrom spa.motion.kernels import decimated\nimport numpy as np\n"
        "decimated(np.ones((8, 8), np.float32), np.ones(2, np.float32), 2)\n"
        "assert not {'scipy.linalg', 'numpy.ma'} & {*sys.modules}\n"
        "print('numba.np.arraymath' in sys.modules, 'numba.np.arrayobj' in sys.modules)\nimport scipy.linalg"
    )
    assert [_said(code, tmp_path) for _ in range(2)] == ["True True\n", "False False\n"]


def test_nor_for_one_that_is_on_disk_and_uses_functions_of_arrays(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom spa.picking.correlate import _keep\ntry: _keep()\nexcept TypeError: pass\n"
        "assert 'scipy.linalg' not in sys.modules\nprint('numba.np.arraymath' in sys.modules)"
    )
    assert [_said(code, tmp_path) for _ in range(2)] == ["True\n", "False\n"]


def test_what_is_compiled_and_what_is_kept_do_the_same(tmp_path: Path) -> None:
    code = (
        "import numpy as np\nfrom spa.motion.kernels import decimated\n"
        "image = np.random.default_rng(1).random((64, 64), np.float32)\n"
        "print(decimated(image, np.full(8, 0.125, np.float32), 2).sum())"
    )
    first, again = (_said(code, tmp_path) for _ in range(2))
    assert first == again != ""


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
