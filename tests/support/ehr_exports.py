"""Small exports of health pickled, written as Python rows that read at a glance, and what `convert` makes of them.

Times are days since 1970-01-01. Diagnoses and procedures are SNOMED-CT, medications RxNorm, as in Synthea.
"""

import csv
import dataclasses
import datetime

import ibis
import numpy as np
import pyarrow as pa

from mime_tf.data import pickled
from mime_tf.ehr import conversion, engine
from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.schema import SCHEMAS, Export

DAY = 86_400
SYSTEMS = {"dx": "SNOMED-CT", "rx": "RxNorm", "pr": "SNOMED-CT"}
_ARROW = {"string": pa.string(), "int64": pa.int64()}


@dataclasses.dataclass(frozen=True)
class Rows:
    """An export.

    Attributes:
        visits: (visit, patient, day).
        diagnoses: (visit, code), or (visit, code, day).
        orders: (visit, kind, code, reasons), or (visit, kind, code, reasons, day); reasons are a string of codes with
            blanks between them.
        patients: dict from a patient to a dict of birth and death (days) and sex; those of `visits` need not be there.
        names: dict from (kind, code) to a name.
    """

    visits: list
    diagnoses: list = ()
    orders: list = ()
    patients: dict = dataclasses.field(default_factory=dict)
    names: dict = dataclasses.field(default_factory=dict)

    def people(self):
        """The patients with what is known of them, in the order in which they are named."""
        return {patient: {} for _, patient, _ in self.visits} | self.patients

    def export(self):
        """The rows as a source would give them to `convert`."""
        patients = [
            (patient, _seconds(known.get("birth")), known.get("sex"), _seconds(known.get("death")), None)
            for patient, known in self.people().items()
        ]
        visits = [(visit, patient, _seconds(day), None) for visit, patient, day in self.visits]
        diagnoses = [(row[0], SYSTEMS["dx"], row[1], _seconds(_at(row, 2))) for row in self.diagnoses]
        orders = [
            (f"o{number}", row[0], row[1], SYSTEMS[row[1]], row[2], _seconds(_at(row, 4)))
            for number, row in enumerate(self.orders)
        ]
        reasons = [
            (f"o{number}", SYSTEMS["dx"], code) for number, row in enumerate(self.orders) for code in row[3].split()
        ]
        names = [(kind, SYSTEMS[kind], code, name) for (kind, code), name in self.names.items()]
        return Export(
            table("patients", patients),
            table("visits", visits),
            table("diagnoses", diagnoses),
            table("orders", orders),
            table("reasons", reasons),
            table("names", names),
        )

    def write_synthea(self, folder):
        """Writes the rows as Synthea's CSV files; an order has one reason at most there."""
        start, patient = {row[0]: row[2] for row in self.visits}, {row[0]: row[1] for row in self.visits}

        def day(row, place):
            return iso(start[row[0]] if _at(row, place) is None else row[place])

        def orders(kind):
            for row in self.orders:
                if row[1] == kind:
                    visit, code, reason = row[0], row[2], row[3]
                    named = code, self.names.get((kind, code), ""), reason, self.names.get(("dx", reason), "")
                    yield day(row, 4), "", patient[visit], visit, *named

        people = self.people().items()
        tables = {
            "patients": [
                ("Id", "BIRTHDATE", "DEATHDATE", "GENDER"),
                *((p, iso(who.get("birth"))[:10], iso(who.get("death")), who.get("sex", "")) for p, who in people),
            ],
            "encounters": [("Id", "START", "PATIENT"), *((visit, iso(day), p) for visit, p, day in self.visits)],
            "conditions": [
                ("START", "STOP", "PATIENT", "ENCOUNTER", "CODE", "DESCRIPTION"),
                *((day(r, 2), "", patient[r[0]], *r[:2], self.names.get(("dx", r[1]), "")) for r in self.diagnoses),
            ],
            "medications": [_ORDERS, *orders("rx")],
            "procedures": [_ORDERS, *orders("pr")],
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name, lines in tables.items():
            with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(lines)
        return folder


_ORDERS = ("START", "STOP", "PATIENT", "ENCOUNTER", "CODE", "DESCRIPTION", "REASONCODE", "REASONDESCRIPTION")


def table(name, rows):
    """An Ibis table of one of the common tables."""
    schema = pa.schema([(column, _ARROW[kind]) for column, kind in SCHEMAS[name].items()])
    return ibis.memtable(pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema))


def iso(day):
    """A day as Synthea writes a time, `""` for None."""
    epoch = datetime.datetime(1970, 1, 1)
    return "" if day is None else f"{epoch + datetime.timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"


def _at(row, place):
    return row[place] if len(row) > place else None


def _seconds(day):
    return None if day is None else round(day * DAY)


def converted(rows, rules=None, **asked):
    """Converts `Rows`, or an `Export`, on DuckDB; without `rules` all visits of all patients and no labels."""
    with engine.opened() as place:
        export = rows.export() if isinstance(rows, Rows) else rows
        return conversion.convert(place, export, "test", conversion.Request(rules or Rules(target="none"), **asked))


def shown(made):
    """What a `Conversion` shows of each row: dict from a patient to visits, lists of (dx, rx codes, pr codes)."""
    code = {place: row["code"] for place, row in made.vocabulary.by_index.items()}
    visits = [
        [
            [(code["dx", dx], [code["rx", c] for c in rx], [code["pr", c] for c in pr]) for dx, rx, pr in visit]
            for visit in patient
        ]
        for patient in pickled.to_lists(made.store)
    ]
    return dict(zip(made.patients["patient_id"], visits, strict=True))


def one(made):
    """What a `Conversion` of a single patient shows."""
    (visits,) = shown(made).values()
    return visits


def vocabulary(made):
    """dict from a kind to the codes in the order of their indices."""
    found = {}
    for (kind, index), row in sorted(made.vocabulary.by_index.items()):
        assert len(found.setdefault(kind, [])) == index == int(row["index"])
        found[kind].append(row["code"])
    return found


def features(dx, orders=()):
    """`Features` of tuples: dx of (row, v, start, dx, time), orders of (row, v, dx, code, time)."""
    from mime_tf.ehr.encode.features import Features

    def arrays(names, tuples):
        columns = np.array(tuples, np.int64).reshape(-1, len(names)).T
        return dict(zip(names, columns, strict=True))

    names = ("row", "v", "start", "dx", "time"), ("row", "v", "dx", "code", "time")
    return Features(arrays(names[0], dx), arrays(names[1], orders))
