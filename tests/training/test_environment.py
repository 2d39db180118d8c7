"""Environment variables of TensorFlow that commands set."""

import os

import pytest

from mime_tf.terminal import environment


@pytest.mark.parametrize("cores, threads", [(1, "1"), (2, "1"), (7, "3"), (16, "8")])
def test_one_operation_gets_half_of_the_cores(monkeypatch, cores, threads):
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(environment, "cores", lambda: cores)
    environment.prepare()
    assert os.environ == {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_NUM_INTRAOP_THREADS": threads}


def test_variables_that_the_user_has_set_stay(monkeypatch):
    given = {"TF_CPP_MIN_LOG_LEVEL": "0", "TF_NUM_INTRAOP_THREADS": "5"}
    monkeypatch.setattr(os, "environ", dict(given))
    environment.prepare()
    assert os.environ == given


def test_cores_where_the_system_does_not_tell_which_may_be_used(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert environment.cores() == 3
