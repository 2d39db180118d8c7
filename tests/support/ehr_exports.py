"""Small exports of health records, written as Python rows that read at a glance, and their conversions.

Times are days since 1970-01-01. Diagnoses and procedures are SNOMED-CT, medications RxNorm, as in Synthea.
"""

import csv
import dataclasses
import datetime

import ibis
import numpy as np
import pyarrow as pa

from mime_tf.data import pickled
from mime_tf.ehr import conversion
from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.encode.features import Features
from mime_tf.ehr.engine import opened
from mime_tf.ehr.request import Request
from mime_tf.ehr.schema import SCHEMAS, Export

DAY = 86_400
SYSTEMS = {"dx": "SNOMED-CT", "rx": "RxNorm", "pr": "SNOMED-CT"}
_ARROW = {"string": pa.string(), "int64": pa.int64()}


@dataclasses.dataclass(frozen=True)
class ExportRows:
    """An export.

    Attributes:
        visits: (visit, patient, day).
        diagnoses: (visit, code), or (visit, code, day).
        orders: (visit, kind, code, reasons), or (visit, kind, code, reasons, day); reasons are a string of codes with
            blanks between them.
        patients: birth and death (days) and sex of patients; those of `visits` may be missing.
        names: dict from (kind, code) to a name.
    """

    visits: list
    diagnoses: list = ()
    orders: list = ()
    patients: dict = dataclasses.field(default_factory=dict)
    names: dict = dataclasses.field(default_factory=dict)

    def all_patients(self):
        """The patients with their attributes, in the order in which they are named."""
        return {patient: {} for _, patient, _ in self.visits} | self.patients

    def export(self):
        """The rows as the common tables of a source."""
        patients = [
            (patient, _seconds(attributes.get("birth")), attributes.get("sex"), _seconds(attributes.get("death")), None)
            for patient, attributes in self.all_patients().items()
        ]
        visits = [(visit, patient, _seconds(day), None) for visit, patient, day in self.visits]
        diagnoses = [(row[0], SYSTEMS["dx"], row[1], _seconds(_field(row, 2))) for row in self.diagnoses]
        orders = [
            (f"o{number}", row[0], row[1], SYSTEMS[row[1]], row[2], _seconds(_field(row, 4)))
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
        """Writes the rows as Synthea's CSV files, in which an order has at most one reason."""
        start, patient = {row[0]: row[2] for row in self.visits}, {row[0]: row[1] for row in self.visits}

        def day(row, index):
            return iso(start[row[0]] if _field(row, index) is None else row[index])

        def orders(kind):
            for row in self.orders:
                if row[1] == kind:
                    visit, code, reason = row[0], row[2], row[3]
                    named = code, self.names.get((kind, code), ""), reason, self.names.get(("dx", reason), "")
                    yield day(row, 4), "", patient[visit], visit, *named

        all_patients = self.all_patients().items()
        tables = {
            "patients": [
                ("Id", "BIRTHDATE", "DEATHDATE", "GENDER"),
                *((p, iso(a.get("birth"))[:10], iso(a.get("death")), a.get("sex", "")) for p, a in all_patients),
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
    """An Ibis table of one of the common tables; the last column of a row, whose it is, may be missing."""
    schema = pa.schema([(column, _ARROW[kind]) for column, kind in SCHEMAS[name].items()])
    rows = [(*row, None) if len(row) == len(schema) - 1 and "patient" in schema.names[-1:] else row for row in rows]
    return ibis.memtable(pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema))


def iso(day):
    """A day as Synthea writes a time, `""` for None."""
    epoch = datetime.datetime(1970, 1, 1)
    return "" if day is None else f"{epoch + datetime.timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"


def _field(row, index):
    """A field that a row may lack."""
    return row[index] if len(row) > index else None


def _seconds(day):
    return None if day is None else round(day * DAY)


def converted(rows, rules=None, **options):
    """Converts `ExportRows`, or an `Export`, on DuckDB; without `rules` all visits of all patients and no labels."""
    with opened() as engine:
        export = rows.export() if isinstance(rows, ExportRows) else rows
        return conversion.convert(engine, export, "test", Request(rules or Rules(target="none"), **options))


def visits_by_patient(cohort):
    """The visits of each patient of a `Conversion`, lists of (dx, rx codes, pr codes)."""
    code = {key: row["code"] for key, row in cohort.vocabulary.by_index.items()}
    visits = [
        [
            [(code["dx", dx], [code["rx", c] for c in rx], [code["pr", c] for c in pr]) for dx, rx, pr in visit]
            for visit in patient
        ]
        for patient in pickled.to_lists(cohort.store)
    ]
    return dict(zip(cohort.patients["patient_id"], visits, strict=True))


def only_visits(cohort):
    """The visits of the single patient of a `Conversion`."""
    (visits,) = visits_by_patient(cohort).values()
    return visits


def codes_by_kind(cohort):
    """The codes of each kind, in the order of their indices."""
    codes = {}
    for (kind, index), row in sorted(cohort.vocabulary.by_index.items()):
        assert len(codes.setdefault(kind, [])) == index == int(row["index"])
        codes[kind].append(row["code"])
    return codes


def features(dx, orders=()):
    """`Features` of tuples: dx of (row, v, start, dx, time), orders of (row, v, dx, code, time)."""

    def arrays(names, tuples):
        columns = np.array(tuples, np.int64).reshape(-1, len(names)).T
        return dict(zip(names, columns, strict=True))

    names = ("row", "v", "start", "dx", "time"), ("row", "v", "dx", "code", "time")
    return Features(arrays(names[0], dx), arrays(names[1], orders))
