"""Overlaps are looked for where a table says where particles are, and cost nothing elsewhere."""

import subprocess
import sys

import numpy as np

from spa.model.overlaps import linked


def test_particles_are_linked_through_others() -> None:
    places = np.array([[0, 0, 0], [0, 80, 0], [0, 160, 0], [1, 80, 0], [0, 400, 0]], float)
    cluster = linked(places, 100)
    assert cluster[0] == cluster[1] == cluster[2]
    assert len({cluster[0], cluster[3], cluster[4]}) == 3


def test_jobs_of_particles_load_no_neighbour_search() -> None:
    code = "import sys, spa.job.particles\nassert not {'scipy.spatial', 'scipy.sparse.linalg'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
