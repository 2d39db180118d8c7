"""The items of TRIPOD+AI and the questions of PROBAST+AI, by number and topic; the words are this project's own.

TRIPOD+AI: Collins et al., BMJ 385 (2024) e078378, which has the text of the items. PROBAST+AI: Moons et al., BMJ 388
(2025) e082505; its questions are given here by domain, with no number, and shortened to a topic.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Item:
    """An item of a checklist.

    Attributes:
        key: number in the guideline, such as `"12c"`; of PROBAST+AI a name of this project, not shown.
        section: under which it is listed.
        topic: of the item.
        left: for a person to say.
    """

    key: str
    section: str
    topic: str
    left: str


def _of(section: str, *rows: tuple[str, str, str]) -> tuple[Item, ...]:
    return tuple(Item(key, section, topic, left) for key, topic, left in rows)


TRIPOD = (
    *_of(
        "Title and abstract",
        ("1", "title", "name the study: development or evaluation of a prediction model, in whom, of which outcome"),
        ("2", "abstract", "follow the abstract's own list of TRIPOD+AI"),
    ),
    *_of(
        "Introduction",
        ("3a", "health context and reasons", "why such a model, diagnostic or prognostic, and which models exist"),
        ("3b", "whom it is for, in which pathway", "who uses the score, for whom, and what is done by it"),
        ("3c", "known inequalities of health", "which groups are worse served today, as to this outcome"),
        ("4", "objectives", "whether the study develops, evaluates, or both"),
    ),
    *_of(
        "Methods: data",
        ("5a", "sources of data", "why these data, and whom they represent"),
        ("5b", "dates of the data", "the first day of the data, and the end of follow-up"),
        ("6a", "setting", "kind, number and place of the centres"),
        ("6b", "who was eligible", "reasons for the rules"),
        ("6c", "treatments", "treatments that change the outcome, and how they were handled"),
        ("7", "preparation of the data", "checks of quality, and whether they were alike in all groups"),
        ("8a", "outcome", "how and when it was assessed, why it and its horizon, and whether alike in all groups"),
        ("8b", "who assessed the outcome", "who recorded the codes, and with which training, if it takes judgement"),
        ("8c", "blinding to predictors", "whether whoever recorded the outcome knew the predictors"),
        ("9a", "choice of predictors", "why these, and what was left out before training"),
        ("9b", "definition of predictors", "how and when codes are recorded, and by whom"),
        ("9c", "who assessed predictors", "with which training, if they take judgement"),
        (
            "10",
            "sample size",
            "how it was settled, and whether it is enough; mime-tf report --data has Riley's criteria",
        ),
        ("11", "missing data", "what an absent code means here, and who is never recorded"),
    ),
    *_of(
        "Methods: analysis",
        ("12a", "use of the data", "whether sites, periods or patients divide the sets, and why"),
        ("12b", "form of predictors", "reasons"),
        ("12c", "kind of model, and all steps", "why this kind of model, and what else was tried"),
        ("12d", "differences between clusters", "hospitals or countries in the data, and how they were handled"),
        ("12e", "measures of performance", "which of them decide, and clinical thresholds"),
        ("12f", "updating of the model", "why, or why not"),
        ("12g", "how probabilities were computed", "the version of the code that was used elsewhere"),
        ("13", "imbalance of the classes", "reasons"),
        ("14", "fairness", "which groups, chosen why, and what was done for them"),
        ("15", "output and thresholds", "the threshold at which something is done, and why"),
        ("16", "training against evaluation", "differences in setting, eligibility, outcome and predictors"),
        ("17", "ethical approval", "the committee and its number, and consent or its waiver"),
    ),
    *_of(
        "Open science and involvement",
        ("18a", "funding", "who paid, and what part they had"),
        ("18b", "conflicts of interest", "of all authors"),
        ("18c", "protocol", "where it is, or that none was written"),
        ("18d", "registration", "register and number, or none"),
        ("18e", "sharing of data", "whether and how others get the data"),
        ("18f", "sharing of code", "where your own code is"),
        ("19", "patients and the public", "how they took part, or that they did not"),
    ),
    *_of(
        "Results",
        ("20a", "flow of participants", "follow-up, and a diagram"),
        (
            "20b",
            "characteristics",
            "predictors, treatments and missing values, by group; mime-tf report --data has a table",
        ),
        ("20c", "comparison with training's data", "distributions of predictors in each set of evaluation"),
        ("21", "participants and cases of each analysis", "those of any other analysis"),
        ("22", "the model itself", "where others get it, and limits on its use"),
        ("23a", "performance with intervals", "of the groups that matter"),
        ("23b", "performance by cluster", "by hospital or region, if there are several"),
        ("24", "results of updating", "the updated model and its performance"),
    ),
    *_of(
        "Discussion",
        ("25", "interpretation", "what the results mean, beside earlier studies, and for fairness"),
        ("26", "limitations", "sample, overfitting, missing data, representation, and what they do to the results"),
        ("27a", "poor or absent input", "what a user does with such a score"),
        ("27b", "what users have to do", "who enters what, and which knowledge it takes"),
        ("27c", "next steps", "where it may be applied, and what has to be studied before"),
    ),
)

_DEVELOPMENT, _EVALUATION = "PROBAST+AI, development: {}", "PROBAST+AI, evaluation: {}"

PROBAST = (
    *_of(
        _DEVELOPMENT.format("participants and data"),
        ("d_source", "suitable sources of data", "whether they suit the question"),
        ("d_eligible", "suitable rules of eligibility", "whether anybody is left out whom the model will meet"),
    ),
    *_of(
        _DEVELOPMENT.format("predictors"),
        ("d_alike", "predictors assessed alike in all", "differences between centres, and over time"),
        (
            "d_known_in_time",
            "predictors known when the model is used",
            "whether codes are entered days after the visit",
        ),
    ),
    *_of(
        _DEVELOPMENT.format("outcome"),
        ("d_outcome", "outcome defined suitably and alike in all", "how well the codes find the disease"),
        ("d_apart", "outcome without the predictors", "whether any predictor is a part of the outcome's definition"),
        ("d_interval", "suitable time between predictors and outcome", "whether the horizon suits the decision"),
    ),
    *_of(
        _DEVELOPMENT.format("analysis"),
        ("d_size", "enough participants", "whether it is"),
        ("d_missing", "participants left out, and missing data", "whether those who left differ"),
        ("d_imbalance", "imbalance handled with care for calibration", "nothing, unless you resampled the data"),
        ("d_overfitting", "overfitting handled", "whether flags were tried on test"),
        ("d_leakage", "no leakage between the sets", "patients under two ids, and codes that follow from the outcome"),
    ),
    *_of(
        _EVALUATION.format("participants and data"),
        (
            "e_source",
            "suitable sources of data, apart from training's",
            "whether these are the patients it is meant for",
        ),
    ),
    *_of(
        _EVALUATION.format("predictors and outcome"),
        ("e_same", "predictors and outcome as in training", "changes of coding between the sources"),
    ),
    *_of(
        _EVALUATION.format("analysis"),
        ("e_size", "enough participants with the outcome", "whether the intervals are narrow enough for the decision"),
        ("e_left_out", "all participants in the analysis", "reasons for those left out"),
        ("e_measures", "discrimination and calibration measured", "clinical usefulness, by the decision curve"),
        ("e_fair", "performance by group", "groups beside sex and age"),
    ),
)
