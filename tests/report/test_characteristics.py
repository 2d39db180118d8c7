"""The table of characteristics, the sample size and the differences between groups of a report, by hand."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
from support.whole_runs import write_cohort

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.sample_size import largest_r2
from mime_tf.assess.scores import Scores
from mime_tf.data.cohort import Cohort
from mime_tf.report.inputs import Settings
from mime_tf.report.sections import characteristics, sample_size, subgroups

ROWS = 14
SEX = ["F"] * 6 + ["M"] * 5 + ["X", "Y", ""]
SETS = {"train": np.arange(0, 8), "valid": np.arange(8, 10), "test": np.arange(10, 13)}  # row 13 is in no set


@pytest.fixture
def table(tmp_path):
    """A row is of label 1 if it is even; row i has i % 3 + 1 visits of two codes each."""
    patients = [[[[0, [1], []]]] * (row % 3 + 1) for row in range(ROWS)]
    write_cohort(tmp_path / "c", patients, [1 - row % 2 for row in range(ROWS)])
    columns = {
        "sex": SEX,
        "age": ["", *(str(row) for row in range(1, ROWS))],
        "prediction_time": [f"{2000 + row}-05-01T00:00:00Z" for row in range(ROWS)],
    }
    with open(tmp_path / "patients.csv", "w", newline="") as file:
        csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    data = characteristics.describe(Cohort.open(tmp_path / "c"), SETS, "r0s0")
    return data, {row.name: dict(zip(data.groups, row.cells, strict=True)) for row in data.rows}


def test_counts_by_outcome_and_set(table):
    data, cells = table
    assert data.groups == ["all", "label 1", "label 0", "train", "valid", "test"]
    assert cells["rows (% of all)"] == {
        "all": ("13", "100.0%"), "label 1": ("7", "53.8%"), "label 0": ("6", "46.2%"),
        "train": ("8", "61.5%"), "valid": ("2", "15.4%"), "test": ("3", "23.1%"),
    }  # fmt: skip
    assert cells["label 1 (%)"]["test"] == ("2", "66.7%") and cells["label 1 (%)"]["all"] == ("7", "53.8%")


def test_words_that_few_have_are_counted_together(table):
    _, cells = table
    assert cells["sex F (% of known)"]["all"] == ("6", "46.2%") and cells["sex M (% of known)"]["test"] == (
        "1",
        "33.3%",
    )
    assert cells["sex other (% of known)"]["all"] == ("2", "15.4%")  # X and Y
    assert cells["sex other (% of known)"]["valid"] == ("0", "0.0%")
    assert "sex not known (%)" not in cells  # row 13 is in no set


def test_medians_and_quartiles(table):
    data, cells = table
    assert cells["age, years, median (quartiles)"]["all"] == ("6.5", "3.8 to 9.2")  # of 1 to 12
    assert cells["age not known (%)"]["label 1"] == ("1", "14.3%")
    assert cells["year of the prediction time, median (quartiles)"]["valid"] == ("2008.5", "2008.2 to 2008.8")
    assert cells["visits per row, median (quartiles)"]["test"] == ("2", "1.5 to 2.5")  # 2, 3 and 1
    assert cells["codes per row, median (quartiles)"]["test"] == ("4", "3 to 5")
    assert data.without == ["follow-up"]


def test_a_cohort_without_a_table_says_so(tmp_path):
    write_cohort(tmp_path / "c", [[[[0, [], []]]]] * 4, [0, 1, 0, 1])
    sets = {"train": np.array([0, 1]), "valid": np.array([2]), "test": np.array([3])}
    data = characteristics.describe(Cohort.open(tmp_path / "c"), sets, "r0s0")
    assert data.without == ["age", "sex", "calendar time", "follow-up"]
    assert [row.name.split(",")[0] for row in data.rows] == [
        "rows (% of all)",
        "label 1 (%)",
        "visits per row",
        "codes per row",
    ]


def test_needs_are_of_each_count_at_both_r2():
    test = Scores([1, 0, 0, 0], [0.9, 0.1, 0.1, 0.1])
    data = sample_size.describe("r0s0", [1, 0, 0], [1, 0] * 10, {"codes": 30, "pairs": 900}, test)
    assert (data.rows, data.cases, data.prevalence) == (3, 1, 0.5)
    assert [(need.counted, need.size.parameters) for need in data.needs] == [("codes", 30), ("pairs", 900)] * 2
    assert data.needs[0].r2 == pytest.approx(0.15 * 0.75) and data.largest_r2 == pytest.approx(largest_r2(0.5))
    r2 = 1 - (0.25 * 0.75**3) ** (2 / 4) / (0.9**4) ** (2 / 4)
    assert data.needs[2].r2 == pytest.approx(r2, abs=1e-6)
    assert data.needs[1].size.shrinkage == pytest.approx(30 * data.needs[0].size.shrinkage, rel=0.01)


def test_groups_are_compared_at_the_first_alert_rate():
    """80 patients in pairs of a man and a woman; a quarter is alerted, of whom all are men."""
    women = np.arange(80) % 2 == 1
    scores = Scores([1, 1, 0, 0] * 20, np.where(women, 0.1, np.where(np.arange(80) < 40, 0.9, 0.2)))
    test = SimpleNamespace(rows=np.arange(80), scores=scores)
    detailed = SimpleNamespace(name="r0s0", results=SimpleNamespace(test=test))
    settings = Settings(alert_rates=(0.25, 0.5), bootstrap=Bootstrap(0))
    groups = {"sex": {"F": women, "M": ~women}}
    inputs = SimpleNamespace(cohort=object(), groups=groups, detailed=detailed, settings=settings, progress=None)
    data = subgroups.gather(inputs).data
    of = {each.measure: each for each in data.differences}
    assert data.alert_rate == 0.25 and of["sensitivity"].threshold == 0.9
    assert (of["sensitivity"].group, of["sensitivity"].reference) == ("M", "F")
    assert of["sensitivity"].difference.value == 0.5 and of["false_positive_rate"].difference.value == 0.5
