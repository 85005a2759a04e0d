"""Which library transforms; plans are kept while they are used, and given back after that."""

from types import SimpleNamespace
from typing import Any

import pytest

from spa.errors import DeviceError
from spa.gpu.libraries import PLANS, Plain, chosen

QUIET = ("cufftSetAutoAllocation", "cufftMakePlanMany64", "cufftSetStream")


def test_what_is_said_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, said, wanted in ((True, "", "cupy"), (False, "", "ctypes"), (True, "ctypes", "ctypes")):
        monkeypatch.setattr("importlib.util.find_spec", lambda name, there=there: object() if there else None)
        monkeypatch.setenv("SPA_GPU_LIBRARIES", said)
        assert chosen() == wanted
    monkeypatch.setenv("SPA_GPU_LIBRARIES", "torch")
    with pytest.raises(DeviceError, match="it is cupy or ctypes"):
        chosen()


def test_as_many_as_are_allowed() -> None:
    made, gone = [], []

    def create(plan: Any) -> int:
        plan._obj.value = len(made)  # the first may be 0
        made.append(plan)
        return 0

    def destroy(plan: Any) -> int:
        gone.append(plan.value)
        return 0

    library = Plain.__new__(Plain)
    library._plans, library.stream = {}, None
    library.cufft = SimpleNamespace(cufftCreate=create, cufftDestroy=destroy, **dict.fromkeys(QUIET, lambda *_: 0))
    first = library.plan((8, 8), 1, 0)
    for batch in range(2, PLANS + 1):
        library.plan((8, 8), batch, 0)
    assert library.plan((8, 8), 1, 0) is first and len(made) == PLANS and not gone
    library.plan((8, 8), PLANS + 1, 0)
    assert gone == [1] and len(library._plans) == PLANS  # the one that was not used for longest
