"""A patient's record from a bundle of FHIR, by the reader and the linkage of `mime-tf convert`."""

import json
import os
import tempfile
import threading
import time
from typing import Any

from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.serve.model import ServedModel


class BundleReader:
    """Turns bundles into cohorts of one patient, with the codes of a model.

    Orders are linked, codes rolled up and visits chosen as for the training cohort, by the convert.json in the run; a
    run without one takes `convert`'s defaults. Each bundle goes through DuckDB in a scratch folder, one at a time.

    Args:
        model: the model, whose vocabulary.csv names the codes.
    """

    def __init__(self, model: ServedModel):
        self.fitted = model.fitted
        self._lock = threading.Lock()

    def read(self, bundle: dict[str, Any]) -> Cohort | None:
        """Returns the patient's record up to now; None where it has no visit with a diagnosis.

        Raises:
            InputError: it is no FHIR R4 bundle of one patient, or the run lacks what reading one needs.
        """
        from mime_tf.ehr import conversion, engine
        from mime_tf.ehr.design.candidates import NobodyLeftError
        from mime_tf.ehr.encode import output
        from mime_tf.ehr.sources.fhir import read as fhir

        request = self._request()
        patients = {
            entry["resource"].get("id")
            for entry in bundle.get("entry", ())
            if isinstance(entry, dict)
            and isinstance(entry.get("resource"), dict)
            and entry["resource"].get("resourceType") == "Patient"
        }
        if len(patients) != 1:
            raise InputError(f"bundle: has {len(patients)} patients; must have one")
        with self._lock, tempfile.TemporaryDirectory(prefix="mime_tf_serve") as folder:
            path = os.path.join(folder, "bundle.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(bundle, file)
            try:
                with engine.opened("duckdb", scratch=folder) as opened:
                    export = fhir.read(opened, path, processes=1)
                    converted = conversion.convert(opened, export, "bundle", request)
            except NobodyLeftError:
                return None
            except InputError as error:
                raise InputError(str(error).replace(path, "bundle")) from error
            cohort_folder = os.path.join(folder, "cohort")
            output.write(cohort_folder, converted, {"arguments": {}, "rules": {}, "versions": {}})
            cohort = Cohort.open(os.path.join(cohort_folder, output.PREFIX), labelled=False)
            _ = cohort.vocabulary, cohort.attributes, cohort.visit_days  # read before the folder goes
            return cohort

    def _request(self):
        """Returns the options of the conversion."""
        from mime_tf.ehr.design.rules import Rules
        from mime_tf.ehr.request import Request

        fitted = self.fitted
        if fitted.vocabulary is None:
            raise InputError(f"{fitted.folder}: has no vocabulary.csv; bundles of FHIR need the names of the codes")
        origin = fitted.subject.origin
        arguments, design = ({}, {}) if origin is None else (origin.arguments, origin.rules)
        for name in ("groups", *(("hierarchy",) if arguments.get("roll_up") else ())):
            if arguments.get(name):
                raise InputError(
                    f"{fitted.folder}: its cohort was made with the option {name} and a file, which a run does not "
                    "hold; bundles of FHIR can't be read for it"
                )
        # The gap of a case-control design lies between prediction time and outcome, and takes no visits.
        names = ("observation_days", "gap_days") if design.get("design") == "cohort" else ("observation_days",)
        window = {name: design[name] for name in names if design.get(name)}
        today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))  # so that today's visit counts
        return Request(
            rules=Rules(target="none", prediction_at=f"date:{today}", **window),
            vocabulary=fitted.vocabulary,
            keep_unknown=True,  # so that scoring counts them
            unlinked=arguments.get("unlinked", "drop"),
            infer_share=arguments.get("infer_share", 0.5),
            roll_up=_roll_up(arguments.get("roll_up")),
            roll_up_missing=arguments.get("roll_up_missing", "stay"),
        )


def _roll_up(text):
    from mime_tf.ehr.hierarchies import roll_up

    return roll_up.parse(text) if text else {}
