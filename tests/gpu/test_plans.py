"""Plans of transforms are kept while they are used, and given back after that."""

from types import SimpleNamespace
from typing import Any

from spa.gpu.libraries import PLANS, Plain

QUIET = ("cufftSetAutoAllocation", "cufftMakePlanMany64", "cufftSetStream")


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
