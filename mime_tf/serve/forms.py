"""Forms of requests and answers; FastAPI checks them, and makes the OpenAPI page of them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mime_tf.regression.attributes import OLDEST

# Patients of one request; more are several requests.
MOST_PATIENTS = 1000

Code = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DxObject(_Form):
    """A diagnosis and the orders made because of it; codes as in the run's vocabulary.csv, or SYSTEM|CODE."""

    dx: Code
    rx: list[Code] = []
    pr: list[Code] = []


class Patient(_Form):
    """A patient's visits in the order of time, each a list of Dx-objects; and the other inputs of the model."""

    visits: list[list[DxObject]] = Field(min_length=1)
    age: float | None = Field(default=None, ge=0, le=OLDEST, description="years at the prediction time")
    sex: str | None = Field(default=None, max_length=100, description="as in the patients.csv of training")
    days_before: list[Annotated[int, Field(ge=0, le=100_000)]] | None = Field(
        default=None, description="whole days from each visit to the prediction time"
    )


class Patients(_Form):
    """Patients to score."""

    patients: list[Patient] = Field(min_length=1, max_length=MOST_PATIENTS)

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"patients": [{"visits": [[{"dx": "44054006", "rx": ["860975"]}], [{"dx": "59621000"}]]}]}]
        },
    )


class Score(BaseModel):
    """A patient's score."""

    probability: float = Field(description="of the outcome")
    dropped_codes: int = Field(description="codes that the model was not shown, because training did not hold them")
    empty: bool = Field(description="nothing is known of the patient: probability is the share of cases in training")


class Scores(BaseModel):
    """The scores, in the order of the patients."""

    predicts: str = Field(description="what the probability is of")
    scores: list[Score]


class Health(BaseModel):
    """State of the server."""

    status: str
    predicts: str
    model: str = Field(description="name of the fitted split's folder")
    reads: list[str] = Field(description="what the model reads beside visits: age and sex, days_before")


class HookRequest(BaseModel):
    """A call of CDS Hooks; what this service does not need is ignored, as the specification asks."""

    hook: str
    hookInstance: str  # noqa: N815 (CDS Hooks names it)
    context: dict[str, Any]
    prefetch: dict[str, Any] | None = None
