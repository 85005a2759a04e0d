"""What every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from spa.job.threads import ONE

os.environ.update(dict.fromkeys(ONE, "1"))  # as in jobs; more of them mostly wait, and burn the time

# how long an example takes says how busy the machine is, not whether the law holds
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

pytest_plugins = ["spa.testing", "tests.pages"]

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and simulated data sets; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data here")
    return SHARED


@pytest.fixture(scope="session")
def micrograph():
    """A function that makes a micrograph with planted rings: structure seen through a CTF, over shot noise and haze."""
    import numpy as np

    from spa.image.ctf import Lens, ctf

    def made(u, v, angle=0.0, phase_shift=0.0, lens=None, pixel_size=1.4, size=1536, signal=0.3,
             bfactor=60.0, seed=0):  # fmt: skip
        """(size, size) float32; ``signal`` is the power of structure over shot noise before the envelope."""
        rng, lens = np.random.default_rng(seed), lens or Lens(300.0, 2.7, 0.1)
        ky, kx = np.meshgrid(np.fft.fftfreq(size, pixel_size), np.fft.rfftfreq(size, pixel_size), indexing="ij")
        k = np.hypot(kx, ky)
        structure = np.sqrt(signal * (1 + 15 * np.exp(-k / 0.02)) * np.exp(-bfactor * k**2 / 2))
        haze = np.sqrt(1 + 3 * np.exp(-k / 0.02) - 0.5 * k)
        white = [np.fft.rfft2(rng.standard_normal((size, size))) for _ in range(2)]
        seen = structure * ctf(lens, kx, ky, u, v, angle, phase_shift) * white[0] + haze * white[1]
        return np.fft.irfft2(seen, s=(size, size)).astype(np.float32)

    return made


@pytest.fixture(params=["emulated", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest):
    """What kernels run on: the emulated device (tests.gpu.emulated), and a card where there is one (-m gpu)."""
    from spa.errors import DeviceError
    from spa.gpu.device import open_device
    from tests.gpu import emulated, software

    if request.param == "emulated":
        if not emulated.there():
            pytest.skip("no g++ here: kernels cannot be emulated")
        return emulated.device()
    software.used()
    try:
        return open_device("cuda")
    except DeviceError as error:
        pytest.skip(str(error))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch):
    """An emulated card, which jobs with --device cuda run on; it counts its launches."""
    from tests.gpu import emulated

    if not emulated.there():
        pytest.skip("no g++ here: kernels cannot be emulated")
    made = emulated.Emulated()
    monkeypatch.setattr("spa.gpu.device._driver", lambda number, name: made)
    return made
