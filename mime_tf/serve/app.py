"""The HTTP application: scores, health, and CDS Hooks; every error is JSON, and none shows a record."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

import mime_tf
from mime_tf.errors import InputError
from mime_tf.serve import hooks
from mime_tf.serve.forms import Health, Patients, Score, Scores
from mime_tf.serve.model import ServedModel

# Bytes of a request's body; a record of FHIR may be long.
MOST_BYTES = 50_000_000
_MOST_ERRORS = 10  # told of one request


def create_app(model: ServedModel) -> FastAPI:
    """Returns the application of a model.

    Args:
        model: the model; it is called from several threads.
    """
    app = FastAPI(
        title="mime_tf",
        version=mime_tf.__version__,
        description=f"Scores of {model.name}: {model.predicts}.",
        responses={422: {"description": "not of the right form: `error` says where and what would be right"}},
    )
    app.add_middleware(_LimitedBody)
    app.add_exception_handler(RequestValidationError, _wrong_form)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(InputError, _wrong_input)

    @app.get("/health", summary="State of the server")
    def health() -> Health:
        return Health(status="ok", predicts=model.predicts, model=model.name, reads=list(model.reads))

    @app.post("/predict", summary="Scores of patients")
    def predict(body: Patients) -> Scores:
        predictions = model.score(body.patients)
        columns = (predictions.probabilities, predictions.dropped, predictions.empty)
        scores = [
            Score(probability=float(probability), dropped_codes=int(dropped), empty=bool(empty))
            for probability, dropped, empty in zip(*columns, strict=True)
        ]
        return Scores(predicts=model.predicts, scores=scores)

    app.include_router(hooks.router(model))
    return app


def place(location: Sequence[Any]) -> str:
    """Returns where an error is, such as `patients.0.visits.1.0.dx`."""
    return ".".join(str(part) for part in location if part != "body")


def _wrong_form(request: Request, error: RequestValidationError) -> JSONResponse:
    """Says where a body has a wrong form and what would be right, but not what was found: it is part of a record."""
    found = error.errors()
    told = [": ".join(filter(None, [place(each["loc"]), each["msg"]])) for each in found[:_MOST_ERRORS]]
    more = [f"and {len(found) - len(told):,} more"] if len(found) > len(told) else []
    return JSONResponse({"error": "; ".join(told + more)}, 422)


def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"error": str(error.detail)}, error.status_code, headers=error.headers)


def _wrong_input(request: Request, error: InputError) -> JSONResponse:
    return JSONResponse({"error": str(error)}, 422)


class _LimitedBody:
    """Refuses a body of more than `MOST_BYTES`, whatever its length header says."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope, receive, send):
        taken = 0

        async def limited():
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BYTES:
                raise HTTPException(413, f"more than {MOST_BYTES:,} bytes; send fewer patients at a time")
            return message

        await self.app(scope, limited, send)
