"""Columns of age and sex."""

import numpy as np
import pytest

from mime_tf.data.patient_table import PatientTable
from mime_tf.errors import InputError
from mime_tf.regression.attributes import Attributes

TABLE = PatientTable(
    "p.csv",
    {
        "patient_id": list("abcdefgh"),
        "age": ["30", "50", " 40 ", "", "70.5", "20", "20", "20"],
        "sex": ["F", "M", "F", "", " F", "M", "M", "X"],
    },
)
TRAIN = np.array([0, 1, 2, 3, 4, 5, 6])


def test_values_by_hand():
    """Ages of training 30, 50, 40 alone: mean 40, deviation the root of 200 / 3; the sexes F and M are frequent."""
    assert Attributes.learn(TABLE, TRAIN).sexes.tolist() == ["F", "M"]
    attributes = Attributes.learn(TABLE, np.array([0, 1, 2, 3]))
    assert attributes.sexes.tolist() == []  # two of F, one of M, one of none: all below three
    deviation = (200 / 3) ** 0.5
    np.testing.assert_allclose(attributes.age, [40, deviation])
    np.testing.assert_allclose(attributes.matrix(TABLE, np.array([4, 3])), [[30.5 / deviation, 0], [0, 1]])
    assert attributes.names() == ["age, standardized", "age not known"]


def test_a_sex_of_its_own_column():
    attributes = Attributes.learn(TABLE, TRAIN)
    values = attributes.matrix(TABLE, np.array([4, 1, 3, 7]))
    assert values[:, 2:].tolist() == [[1, 0], [0, 1], [0, 0], [0, 0]]
    assert attributes.names()[2:] == ["sex F", "sex M"]
    assert len(attributes) == values.shape[1] == 4


def test_sex_not_known_is_a_value_if_it_is_frequent():
    table = PatientTable("p.csv", {"sex": ["", "", "", "F", "F", "F"]})
    attributes = Attributes.learn(table, np.arange(6))
    assert attributes.matrix(table, np.array([0, 5])).tolist() == [[1, 0], [0, 1]]
    assert attributes.names() == ["sex not known", "sex F"]


def test_one_sex_and_no_age_tell_nobody_apart():
    table = PatientTable("p.csv", {"age": [""] * 4, "sex": ["F"] * 4})
    assert Attributes.learn(table, np.arange(4)) is None
    assert Attributes.learn(PatientTable("p.csv", {"site": list("abcd")}), np.arange(4)) is None


def test_a_column_that_is_no_sex():
    """A model file may hold so many sexes, and no more."""
    texts = [str(value) for value in range(101)] * 3
    assert len(Attributes.learn(PatientTable("p.csv", {"sex": texts}), np.arange(302)).sexes) == 100
    with pytest.raises(InputError, match=r"^p.csv: column sex: found 101 different values; must be at most 100 that 3"):
        Attributes.learn(PatientTable("p.csv", {"sex": texts}), np.arange(303))


def test_equal_ages_are_not_divided_by_0():
    table = PatientTable("p.csv", {"age": ["50", "50", "60"]})
    attributes = Attributes.learn(table, np.array([0, 1]))
    assert attributes.matrix(table, np.array([0, 2])).tolist() == [[0, 0], [10, 0]]


@pytest.mark.parametrize("text", ["old", "inf", "nan", "-3", "60 years", "999"])
def test_an_age_that_is_no_number(text):
    table = PatientTable("p.csv", {"age": ["50", text]})
    with pytest.raises(InputError, match=f"p.csv: row 1, column age: found '{text}'; years from 0 to 150, or nothing"):
        Attributes.learn(table, np.array([0]))


def test_a_table_without_the_column():
    attributes = Attributes.learn(TABLE, TRAIN)
    with pytest.raises(InputError, match=r"other\.csv: no column age; found sex"):
        attributes.matrix(PatientTable("other.csv", {"sex": ["F"]}), np.array([0]))
    with pytest.raises(InputError, match=r"other\.csv: no column sex; found age"):
        attributes.matrix(PatientTable("other.csv", {"age": ["1"]}), np.array([0]))


def test_arrays_make_the_columns_again():
    attributes = Attributes.learn(TABLE, TRAIN)
    again = Attributes.from_arrays(attributes.arrays())
    rows = np.arange(8)
    np.testing.assert_array_equal(again.matrix(TABLE, rows), attributes.matrix(TABLE, rows))
    assert again.names() == attributes.names()
