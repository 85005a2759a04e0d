"""`spa optics aberrations`: Beam tilt, trefoil, Cs, tetrafoil and anisotropic magnification."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job(
            "optics aberrations",
            "Beam tilt, trefoil, Cs, tetrafoil and anisotropic magnification.",
            "spa_plugins.optics_aberrations.command:aberrations",
        )
    ]
