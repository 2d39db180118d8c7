"""Refit: one model fitted to all patients of a run, with the choices of its splits.

No patient is left to measure it on: its performance is taken to be that of the splits. docs/decisions/0035-refit.md has
the rules.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from mime_tf.regression import yardsticks
from mime_tf.regression.choice import Choice
from mime_tf.regression.linear import Linear
from mime_tf.runs import writing
from mime_tf.runs.folder import NETWORKS
from mime_tf.runs.refit import REFIT
from mime_tf.runs.results import read_metrics
from mime_tf.splits.everyone import everyone
from mime_tf.splits.split import Split
from mime_tf.training.blend_model import BlendModel
from mime_tf.training.network_refit import NetworkRefit
from mime_tf.training.work import Work


def refit(work: Work) -> None:
    """Fits the model and writes it into the folder of the refit, unless it is finished.

    Args:
        work: the run, whose splits are all finished.

    Raises:
        InputError: a training loss was not a finite number, or the results of a split are damaged.
    """
    record, plan, cohort = work.record, work.plan, work.cohort
    folder = record.refit_folder
    if read_metrics(folder) is not None:
        work.console.note(f"{folder}: finished before")
        return
    split = everyone(plan.store, plan.labels, plan.rows)
    split = split if plan.attributes is None else split.with_attributes(plan.attributes)
    work.configuration(plan.config.split_numbers[0]).write(folder)
    writing.write_subject(folder, cohort, plan.rows, split)
    writing.write_codes(folder, work.sizes, split.known)
    writing.write_names(folder, cohort)
    work.console.note(f"{folder}: fitting {len(split.train):,} patients, all of the run, as its splits have chosen")
    chosen = [read_metrics(path) or {} for path in record.folders]
    fit = _fit_blend if plan.config.blend else _fit_network
    facts = fit(work, folder, split, chosen)
    names = [os.path.basename(path) for path in record.folders]
    writing.write_metrics(folder, facts | {REFIT: {"splits": names}})


def _fit_network(work: Work, folder: str, split: Split, chosen: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Fits the network for the median of the splits' best numbers of updates."""
    (fitter,) = work.fitters
    iteration = _median([metrics["iteration"] for metrics in chosen], fitter.config.eval_period)
    refit = NetworkRefit(folder, split, work.cohort, fitter, work.console)
    refit.run(iteration, work.plan.config.random_seed, work.plan.config.split_numbers[0])
    return {"iteration": iteration}


def _fit_blend(work: Work, folder: str, split: Split, chosen: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Fits the parts that the splits give a weight, and gives each the mean of its weights."""
    parts = [metrics["parts"] for metrics in chosen]
    weights = np.mean([[part["weight"] for part in of_split] for of_split in parts], axis=0)
    bias = float(np.mean([metrics["bias"] for metrics in chosen]))
    has_regression = len(weights) > len(work.fitters)
    networks: dict[tuple[int, int], str] = {}
    facts = [{"name": part["name"], "weight": float(weight)} for part, weight in zip(parts[0], weights, strict=True)]
    iterations = []
    for kind in range(len(work.fitters)):
        if weights[kind] > 0 or not has_regression:  # beside a regression, networks of weight 0 are left out
            iteration, folders = _fit_kind(work, folder, split, kind, [of_split[kind] for of_split in parts])
            facts[kind]["iteration"] = iteration
            iterations.append(iteration)
            networks |= {(kind, member): path for member, path in enumerate(folders)}
    regression = None
    if has_regression:
        regression = _fit_regression(work, split, [Choice.from_record(of_split[-1]["choice"]) for of_split in parts])
        facts[-1]["name"] = f"regression ({regression.choice()})"
    model = BlendModel(work.fitters, work.plan.config.members, work.sizes, work.beside)
    writing.write_model(folder, model.of(networks, regression, weights, bias))
    return {"iteration": round(float(np.mean(iterations))) if iterations else 0, "parts": facts, "bias": bias}


def _fit_kind(
    work: Work, folder: str, split: Split, kind: int, parts: Sequence[dict[str, Any]]
) -> tuple[int, list[str]]:
    """Fits the networks of a kind, the part of each split; returns their number of updates, and their folders."""
    config, fitter = work.plan.config, work.fitters[kind]
    used = [part for part in parts if part["weight"] > 0] or parts
    iteration = _median([count for part in used for count in part["iterations"]], fitter.config.eval_period)
    folders = [os.path.join(folder, NETWORKS, f"k{kind}m{member}") for member in range(config.members)]
    for member, path in enumerate(folders):
        (seed,) = np.random.SeedSequence([config.random_seed, kind, member]).generate_state(1)
        network = NetworkRefit(path, split, work.cohort, fitter, work.console)
        network.run(iteration, int(seed), config.split_numbers[0], kind, member)
    return iteration, folders


def _fit_regression(work: Work, split: Split, choices: Sequence[Choice]) -> Linear:
    """Fits the regression as most of the splits have chosen."""
    choice = Choice.of_most(choices)
    lineage = yardsticks.lineage_of(work.cohort) if choice.ancestors else None
    patients = split.train.store, work.plan.labels, split.train.rows
    beside_codes = work.beside.attributes, work.cohort.attributes
    return choice.fit(*patients, *beside_codes, lineage, work.plan.config.split_numbers[0])


def _median(iterations: Sequence[int], period: int) -> int:
    """Returns the median of numbers of updates as a multiple of the evaluation period, at least one.

    >>> _median([100, 150, 400, 450], 50), _median([], 100)
    (300, 100)
    """
    return period * max(round(float(np.median(iterations)) / period), 1) if iterations else period
