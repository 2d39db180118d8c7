"""Times that contradict each other. Their visits are kept as the export has them, and counted."""

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.seconds import DAY


def count(engine: Engine, visits: ibis.Table, patients: ibis.Table) -> dict[str, int]:
    """Returns the number of visits that can't be as they are recorded, by what is wrong.

    Days are compared, with a day of grace for time zones, because births, deaths and ends are dates in many exports.

    Args:
        engine: the tables' engine.
        visits: p, start, stop.
        patients: p, birth, death.
    """
    joined = visits.join(patients.select("p", "birth", "death"), "p")
    wrong = {
        "visits that start before the patient's birth": joined.start < joined.birth - DAY,
        "visits that start after the patient's death": joined.start >= joined.death + 2 * DAY,
        "visits that end before they start": joined.stop < joined.start - DAY,
    }
    sums = {f"n{number}": condition.sum() for number, condition in enumerate(wrong.values())}
    (counts,) = engine.arrow(joined.aggregate(**sums)).to_pylist()
    return {name: times for name, times in zip(wrong, counts.values(), strict=True) if times}
