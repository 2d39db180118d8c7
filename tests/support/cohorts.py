"""Random cohorts for hypothesis, awkward on purpose.

A visit may be empty, a Dx-object may have no orders, a code may be repeated in an order list, a patient may have one
visit, whole visits and Dx-objects are repeated within a patient and between patients, and so are whole patients.
"""

from hypothesis import strategies as st

NUM_DX, NUM_RX, NUM_PR = 6, 5, 4
MAX_DX_PER_VISIT = 3


def _lists_of(pool, max_size, min_size=0):
    return st.lists(st.sampled_from(pool), min_size=min_size, max_size=max_size)


@st.composite
def cohorts(draw, min_patients=1, max_patients=8, max_visits=6):
    """Lists of patients, each a list of visits, each a list of `[dx, [rx ...], [pr ...]]`."""
    orders = st.lists(st.integers(0, NUM_RX - 1), max_size=4), st.lists(st.integers(0, NUM_PR - 1), max_size=3)
    dx_objects = st.tuples(st.integers(0, NUM_DX - 1), *orders).map(list)
    dx_object_pool = draw(st.lists(dx_objects, min_size=1, max_size=7))
    visit_pool = draw(st.lists(_lists_of(dx_object_pool, MAX_DX_PER_VISIT), min_size=1, max_size=7))
    patients = _lists_of(visit_pool, draw(st.integers(1, max_visits)), min_size=1)
    patient_pool = draw(st.lists(patients, min_size=1, max_size=max_patients))
    return draw(_lists_of(patient_pool, max_patients, min_patients))


def labelled(min_patients=1, max_patients=8):
    """Pairs of a cohort and its labels, 0 or 1 a patient."""
    return cohorts(min_patients, max_patients).flatmap(
        lambda patients: st.tuples(
            st.just(patients), st.lists(st.integers(0, 1), min_size=len(patients), max_size=len(patients))
        )
    )


def known_codes():
    """Dicts from a kind of code to the set of the known codes of that kind."""
    sizes = {"dx": NUM_DX, "rx": NUM_RX, "pr": NUM_PR}
    return st.fixed_dictionaries({kind: st.sets(st.integers(0, size - 1)) for kind, size in sizes.items()})


def keep_known(patients, known):
    """The patients without their unknown codes, as the authors' program drops them from valid and test."""
    return [
        [
            [
                [dx, [code for code in rx if code in known["rx"]], [code for code in pr if code in known["pr"]]]
                for dx, rx, pr in visit
                if dx in known["dx"]
            ]
            for visit in patient
        ]
        for patient in patients
    ]
