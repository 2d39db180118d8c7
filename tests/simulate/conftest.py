"""Simulated cohorts that several test files share."""

import pytest
from support.simulated import SMALL

from mime_tf.data import pickled
from mime_tf.simulate.simulation import simulate


@pytest.fixture(scope="session")
def default():
    """A cohort of the paper's shape."""
    return simulate(10_000, seed=5)


@pytest.fixture(scope="session")
def small():
    """A cohort of a few codes, as lists beside the Simulation."""
    cohort = simulate(1000, seed=2, **SMALL)
    return cohort, pickled.to_lists(cohort.store)
