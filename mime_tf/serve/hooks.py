"""CDS Hooks 2.0: a service that gets a patient's record as a FHIR bundle when a chart is opened, and answers a card.

The specification is at https://cds-hooks.hl7.org. The record comes as prefetch: this service asks no server for data.
"""

import uuid
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from mime_tf.serve.bundles import BundleReader
from mime_tf.serve.forms import HookRequest
from mime_tf.serve.model import ServedModel

HOOK, SERVICE, RECORD = "patient-view", "mime-tf", "record"
_SUMMARY = 140  # most characters of a summary, by the specification


def router(model: ServedModel) -> APIRouter:
    """Returns the routes of CDS Hooks: discovery, and the service."""
    routes, reader = APIRouter(prefix="/cds-services", tags=["CDS Hooks"]), BundleReader(model)

    @routes.get("", summary="Discovery")
    def discover() -> dict[str, Any]:
        return {
            "services": [
                {
                    "hook": HOOK,
                    "id": SERVICE,
                    "title": "mime_tf",
                    "description": f"Probability by {model.name}: {model.predicts}.",
                    "prefetch": {RECORD: "Patient/{{context.patientId}}/$everything"},
                }
            ]
        }

    @routes.post(f"/{SERVICE}", summary="Card of a patient")
    def card(call: HookRequest) -> dict[str, Any]:
        if call.hook != HOOK:
            raise HTTPException(400, f"hook: must be {HOOK}")
        bundle = (call.prefetch or {}).get(RECORD)
        if not isinstance(bundle, dict):
            raise HTTPException(412, f"prefetch.{RECORD}: must be the patient's record, a FHIR R4 bundle")
        cohort = reader.read(bundle)
        if cohort is None:
            return {"cards": []}
        return {"cards": [_card(model, model.score_cohort(cohort))]}

    return routes


def _card(model, predictions):
    probability, empty = float(predictions.probabilities[0]), bool(predictions.empty[0])
    codes, dropped = int(predictions.codes[0]), int(predictions.dropped[0])
    if empty:
        summary = "No score: the model knows none of this patient's codes"
        detail = f"The record has {codes:,} codes, of which training held none."
    else:
        summary = f"{probability:.1%}: {model.predicts}"
        detail = f"The model was shown {codes - dropped:,} of the {codes:,} codes of the record."
    return {
        "uuid": str(uuid.uuid4()),
        "summary": summary if len(summary) <= _SUMMARY else f"{summary[: _SUMMARY - 1]}…",
        "indicator": "info",
        "detail": f"{detail} A probability for people to weigh, and no advice.",
        "source": {"label": f"mime_tf, {model.name}"},
    }
