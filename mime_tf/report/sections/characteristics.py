"""Section: who the patients are, by outcome and by set; the first table of most papers."""

import dataclasses

import numpy as np

from mime_tf.data.known_codes import count_codes
from mime_tf.errors import InputError
from mime_tf.report.section import Section
from mime_tf.runs.population import summary

FOLLOW_UP = "follow_up_days"


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        name: of the characteristic, with the kind of its cells.
        cells: list of pairs of str, one per group: a count and its share, or a median and its quartiles.
    """

    name: str
    cells: list


@dataclasses.dataclass(frozen=True)
class CharacteristicsData:
    """Data of the section.

    Attributes:
        split: str, name of the split whose sets are shown.
        groups: list of str, the names of the columns.
        rows: list of Row.
        without: list of str, characteristics that are not known.
    """

    split: str
    groups: list
    rows: list
    without: list


def gather(inputs):
    """Returns the section; its data are CharacteristicsData."""
    title = "Characteristics of the patients"
    if inputs.cohort is None:
        return Section("characteristics", title, reason="Characteristics need the cohort: --data.")
    from mime_tf.scoring import prediction  # loads TensorFlow

    try:
        split = prediction.split_of(inputs.fitted, inputs.cohort)
    except InputError as error:
        return Section("characteristics", title, reason=f"The sets can't be made again: {error}")
    sets = {name: np.sort(getattr(split, name).rows) for name in ("train", "valid", "test")}
    data = describe(inputs.cohort, sets, inputs.detailed.name)
    return Section("characteristics", title, data)


def describe(cohort, sets, name):
    """Describes the rows of sets, together, by label and by set.

    Args:
        cohort: `mime_tf.data.cohort.Cohort` with labels.
        sets: dict from the name of a set to its rows, int64 arrays without a common row.
        name: of the split.

    Returns:
        CharacteristicsData.
    """
    everybody = np.sort(np.concatenate(list(sets.values())))
    labels = cohort.labels
    by_label = {f"label {label}": everybody[labels[everybody] == label] for label in (1, 0)}
    groups = {"all": everybody, **by_label, **sets}
    table = cohort.attributes.columns if cohort.attributes else {}
    rows = [Row("rows (% of all)", [_share(len(group), len(everybody)) for group in groups.values()])]
    rows.append(Row("label 1 (%)", [_share(int(labels[group].sum()), len(group)) for group in groups.values()]))
    rows += _of_columns(table, everybody, groups)
    store = cohort.store
    codes, _ = count_codes(store, None)
    for title, counts in (("visits", store.visit_counts), ("codes", codes)):
        rows.append(Row(f"{title} per row, median (quartiles)", [_median(counts[group]) for group in groups.values()]))
    named = {"age": "age", "sex": "sex", "prediction_time": "calendar time", FOLLOW_UP: "follow-up"}
    without = [title for column, title in named.items() if not any(table.get(column, ()))]
    return CharacteristicsData(name, list(groups), rows, without)


def _of_columns(table, everybody, groups):
    """Yields the rows of age, sex, calendar time and follow-up, as far as the table has them as such."""
    titles = {"age": "age, years", FOLLOW_UP: "follow-up, days"}
    for column in ("age", "sex", "prediction_time", FOLLOW_UP):
        if column not in table:
            continue
        values = np.array(table[column], object)
        of_all = summary(values[everybody].tolist())
        known = {name: [value for value in values[rows].tolist() if value] for name, rows in groups.items()}
        if "years" in of_all:
            years = {name: np.array([int(value[:4]) for value in each]) for name, each in known.items()}
            yield Row("year of the prediction time, median (quartiles)", list(map(_median, years.values())))
        elif "quartiles" in of_all and column in titles:
            numbers = (np.array(each, float) for each in known.values())
            yield Row(f"{titles[column]}, median (quartiles)", list(map(_median, numbers)))
        elif "values" in of_all:
            for word in of_all["values"]:
                rare = {value for value in known["all"] if value not in of_all["values"]} | {word}
                own = rare if word == "other" else {word}
                counts = [(sum(value in own for value in each), len(each)) for each in known.values()]
                yield Row(f"{column} {word} (% of known)", [_share(*count) for count in counts])
        missing = [len(rows) - len(known[name]) for name, rows in groups.items()]
        if any(missing):
            yield Row(f"{column} not known (%)", [_share(count, len(rows)) for count, rows in
                                                     zip(missing, groups.values(), strict=True)])  # fmt: skip


def _share(count, total):
    return (f"{count:,}", f"{count / total:.1%}") if total else ("–", "")


def _median(numbers):
    if not len(numbers):
        return "–", ""
    low, median, high = (f"{round(value, 1):g}" for value in np.percentile(numbers, [25, 50, 75]))
    return median, f"{low} to {high}"
