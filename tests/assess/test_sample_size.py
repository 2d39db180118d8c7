"""Sample size by the criteria of Riley et al., held against the paper's example and the definitions they come from."""

import numpy as np
import pytest
import statsmodels.api as sm

from mime_tf.assess.sample_size import cox_snell_r2, largest_r2, sample_size
from mime_tf.assess.scores import Scores


def test_the_papers_example_of_pre_eclampsia():
    """30 parameters, 5% cases, an R2 of 0.05: the paper asks for 5249 women."""
    size = sample_size(30, 0.05, 0.05)
    assert (size.overall_risk, size.shrinkage, size.needed) == (73, 5249, 5249)
    assert largest_r2(0.05) == pytest.approx(0.33, abs=0.005)


def test_each_size_is_the_least_that_meets_its_criterion():
    parameters, prevalence, r2 = 12, 0.3, 0.2
    size = sample_size(parameters, prevalence, r2)

    def half_width(n):
        return 1.96 * np.sqrt(prevalence * (1 - prevalence) / n)

    def shrinkage(n):
        """Expected shrinkage at n patients: solves n (S - 1) log(1 - r2 / S) = parameters for S by bisection."""
        low, high = r2 + 1e-9, 1 - 1e-12
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if n * (middle - 1) * np.log(1 - r2 / middle) > parameters else (low, middle)
        return low

    def error(n):
        logs = -0.508 + 0.259 * np.log(prevalence) + 0.504 * np.log(parameters) - 0.544 * np.log(n)
        return np.exp(logs)

    largest = 1 - (prevalence**prevalence * (1 - prevalence) ** (1 - prevalence)) ** 2
    optimistic = r2 / (r2 + 0.05 * largest)
    for n, meets in (
        (size.overall_risk, lambda n: half_width(n) <= 0.05),
        (size.prediction_error, lambda n: error(n) <= 0.05),
        (size.shrinkage, lambda n: shrinkage(n) >= 0.9),
        (size.optimism, lambda n: shrinkage(n) >= optimistic),
    ):
        assert meets(n) and not meets(n - 1)


def test_what_is_not_defined_is_nan():
    size = sample_size(31, 0.1, -0.02)
    assert np.isnan([size.prediction_error, size.shrinkage, size.optimism, size.needed]).all()
    assert size.overall_risk == 139  # 1.96 squared / 0.0025 * 0.09


def test_cox_snell_r2_is_that_of_statsmodels():
    stream = np.random.default_rng(5)
    x = stream.normal(size=300)
    labels = (stream.random(300) < 1 / (1 + np.exp(-x))).astype(int)
    fit = sm.GLM(labels, sm.add_constant(x), family=sm.families.Binomial()).fit()
    assert cox_snell_r2(Scores(labels, fit.fittedvalues)) == pytest.approx(fit.pseudo_rsquared("cs"), abs=1e-6)
    assert cox_snell_r2(Scores(labels, 1 - fit.fittedvalues)) < 0
