"""What every test may use."""

from pathlib import Path

import pytest

pytest_plugins = ["spa.testing"]

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and simulated data sets; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data here")
    return SHARED
