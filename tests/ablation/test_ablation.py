"""Ablation of the links: the arms, their runs, the verdict, the command."""

import csv
import dataclasses
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from support.whole_runs import SIZES, environment, read_table

from mime_tf.__main__ import main
from mime_tf.ablation import ablate, forms, plots, study, tables
from mime_tf.ablation.progress import Progress
from mime_tf.ablation.verdict import direction, on_ancestors, on_links, on_mime, verdict
from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.comparison import Comparison, Estimate
from mime_tf.commands import ablate as command
from mime_tf.config import TrainConfig, train_config
from mime_tf.data import parquet, pickled, visit_days
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.runs.folder import PREDICTIONS
from mime_tf.simulate import simulation
from mime_tf.splits.split import eligible, make_split
from mime_tf.terminal.console import Console

WIDTHS = dict.fromkeys(SIZES, 4)
TINY = TrainConfig(
    **WIDTHS, num_iter=4, eval_period=2, batch_size=5, split_seeds=(0, 1), valid_fraction=0.3, jit_compile="off"
)
# The same for the command.
ARGUMENTS = [
    *("--width", "4", "--rnn_size", "4", "--num_iter", "4", "--eval_period", "2", "--batch_size", "5"),
    *("--split_seeds", "0,1", "--valid_fraction", "0.3", "--bootstrap", "20", "--jit_compile", "off"),
]


def patients(number=80, seed=0):
    return simulation.simulate(number, seed, mean_visits=3, num_dx=40, num_rx=20, num_pr=30, prevalence=0.4)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A cohort with names for its codes; a patient in four has 250 visits, which is too many."""
    folder = tmp_path_factory.mktemp("data")
    made = patients()
    lists = pickled.to_lists(made.store)
    for row in range(0, len(lists), 20):
        lists[row] = lists[row][:1] * 250
    parquet.write(folder / "c.parquet", pickled.from_lists(lists), made.labels)
    (folder / "vocabulary.csv").write_text(
        "kind,index,system,code,display\ndx,0,I,A,Gout\nrx,3,R,B,Aspirin\npr,2,P,C,Cast\npr,99,P,D,None has it\n"
    )
    return str(folder / "c.parquet")


@pytest.fixture(scope="module")
def done(data, tmp_path_factory):
    """A whole ablation by the command, in this process."""
    folder = tmp_path_factory.mktemp("made") / "ablation"
    code = main(["ablate", "--data", data, "--output", str(folder), *ARGUMENTS, "--train_ratios", "0.6"])
    assert code == 0
    return SimpleNamespace(folder=folder, report=json.loads((folder / "ablation.json").read_text()))


def refused(capsys, *argv):
    """The error line, which comes after the notes on runs that are finished."""
    assert main(["ablate", *map(str, argv)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    *notes, line = err.splitlines()
    assert all("finished" in note for note in notes), notes
    return line


def snapshot(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()}


# A whole ablation.


def test_all_arms_are_tested_on_the_patients_of_the_linked_cohort(done, data):
    read = Cohort.open(data)
    rows = eligible(read.store)
    assert 0 < len(rows) < len(read.store)
    for number in (0, 1):
        test = make_split(read.store, read.labels, rows, number, test_fraction=0.2, valid_fraction=0.3).test
        for arm in ("linked", "shuffled", "flat", "linked_aux"):
            table = read_table(done.folder / "runs" / f"{arm}_1" / f"r0s{number}" / "predictions_test.csv")
            assert [int(row["patient_id"]) for row in table] == sorted(test.rows.tolist())
            assert [int(row["label"]) for row in table] == read.labels[np.sort(test.rows)].tolist()


def test_values_are_those_that_the_runs_report(done):
    full = done.report["results"][-1]
    assert full["train_ratio"] == done.report["train_ratio"] == 1
    for arm in ("linked", "shuffled", "flat", "linked_aux"):
        for number, found in zip((0, 1), full["splits"][arm], strict=True):
            path = done.folder / "runs" / f"{arm}_1" / f"r0s{number}" / "metrics.json"
            metrics = json.loads(path.read_text())
            assert found["auc"] == pytest.approx(metrics["test_auc"])
            assert found["average_precision"] == pytest.approx(metrics["test_aucpr"])
    for arm, estimates in full["differences"].items():
        for metric, estimate in estimates.items():
            mean = {name: np.mean([split[metric] for split in full["splits"][name]]) for name in ("linked", arm)}
            assert estimate["value"] == pytest.approx(mean["linked"] - mean[arm])
            assert estimate["low"] <= estimate["high"]


def test_arms_differ_in_their_subject_and_in_nothing_else(done):
    flags = {path.parent.name: json.loads(path.read_text())["flags"] for path in done.folder.glob("runs/*/run.json")}
    assert set(flags) == {f"{arm}_{ratio}" for arm in ("linked", "flat", "linked_aux") for ratio in ("1", "0.6")} | {
        "shuffled_1"
    }
    for name, of_arm in flags.items():
        arm, _, ratio = name.rpartition("_")
        changed = {key for key, value in of_arm.items() if value != flags["linked_1"][key]}
        expected = {"flat": {"num_dx"}, "linked_aux": {"aux_lambda"}}.get(arm, set())
        assert changed == expected | ({"train_ratio"} if ratio == "0.6" else set()), name
        assert of_arm["aux_lambda"] == (0.1 if arm == "linked_aux" else 0)


def test_runs_are_ordinary_ones(done, capsys):
    """Their folders can be opened, and evaluated on the cohort of their form."""
    for arm, form in (("flat", "flat"), ("shuffled", "shuffled")):
        folder = str(done.folder / "runs" / f"{arm}_1" / "r0s1")
        source = str(done.folder / "cohorts" / form / "cohort.parquet")
        assert main(["evaluate", "--model", folder, "--data", source, "--bootstrap", "0"]) == 0
        row = done.report["results"][-1]["splits"][arm][1]
        assert f"ROC AUC                        {row['auc']:.4f}" in capsys.readouterr().out


def test_codes_keep_their_names(done, data):
    made = FittedSplit.open(done.folder / "runs" / "flat_1" / "r0s0")
    first_rx = int(Cohort.open(data).store.dx.max()) + 1
    rx = int(Cohort.open(data).store.rx.max()) + 1
    names = {index: row["display"] for (_, index), row in made.vocabulary.by_index.items()}
    assert names == {0: "Gout", first_rx + 3: "Aspirin", first_rx + rx + 2: "Cast"}
    assert len(FittedSplit.open(done.folder / "runs" / "shuffled_1" / "r0s0").vocabulary.rows) == 4


def test_the_table_has_a_row_for_each_number(done):
    with open(done.folder / "ablation.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == tables.COLUMNS
    keys = [tuple(row[name] for name in tables.COLUMNS[:-1]) for row in rows]
    assert len(keys) == len(set(keys)) == (7 + 6) * 2 * 2
    for row in rows:
        result = done.report["results"][0 if row["train_ratio"] == "0.6" else 1]
        split = done.report["splits"].index(int(row["split"]))
        assert float(row["value"]) == result["splits"][row["arm"]][split][row["metric"]]


def test_counts_and_settings_are_in_the_report(done, data):
    read = Cohort.open(data)
    rows = eligible(read.store)
    report = done.report
    assert (report["patients"], report["rows"], report["ones"]) == (len(rows), len(rows), read.labels[rows].sum())
    assert 0 < report["changed"] < 1
    assert set(report["dropped"]) == {"linked", "shuffled", "flat"}
    assert report["results"][0]["train_rows"] == [int(0.6 * count) for count in report["results"][1]["train_rows"]]
    assert report["settings"]["num_iter"] == 4
    for name in ("comparison.png", "learning_curve.png"):
        assert (done.folder / name).read_bytes().startswith(b"\x89PNG")


def test_dropped_codes_by_hand(done, data):
    read = Cohort.open(data)
    store, rows = read.store, eligible(read.store)
    total = kept = kept_flat = 0
    for number in (0, 1):
        split = make_split(store, read.labels, rows, number, test_fraction=0.2, valid_fraction=0.3)
        for row in split.test.rows:
            for visit in pickled.to_lists(store.select([row]))[0]:
                for dx, rx, pr in visit:
                    total += 1 + len(rx) + len(pr)
                    knows_dx, *orders = ([holds(split, *code) for code in codes] for codes in named(dx, rx, pr))
                    kept_flat += sum(knows_dx) + sum(map(sum, orders))
                    kept += 1 + sum(map(sum, orders)) if all(knows_dx) else 0
    assert done.report["dropped"]["linked"] == pytest.approx(1 - kept / total)
    assert done.report["dropped"]["flat"] == pytest.approx(1 - kept_flat / total)


def named(dx, rx, pr):
    return [("dx", dx)], [("rx", code) for code in rx], [("pr", code) for code in pr]


def holds(split, kind, code):
    return code < len(split.known[kind]) and split.known[kind][code]


def test_the_command_as_a_process_leaves_finished_runs_alone(done, data):
    """And without --train_ratios it takes the old learning curve away: that is not of these results."""
    runs = snapshot(done.folder / "runs")
    argv = [sys.executable, "-m", "mime_tf", "ablate", "--data", data, "--output", str(done.folder), *ARGUMENTS]
    ran = subprocess.run(argv, env=environment(), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("finished and left alone") == 4
    assert snapshot(done.folder / "runs") == runs
    report = json.loads((done.folder / "ablation.json").read_text())
    assert report["results"] == done.report["results"][1:]
    assert ran.stdout.splitlines()[-3:-1] == [report["verdict"]["links"], report["verdict"]["mime"]]
    assert f"shuffled: {report['changed']:.1%} of the orders lost their partner" in ran.stdout
    assert not (done.folder / "learning_curve.png").exists()


def test_other_flags_are_refused(done, data, capsys):
    before = snapshot(done.folder)
    line = refused(capsys, "--data", data, "--output", done.folder, *ARGUMENTS, "--learning_rate", "0.1")
    assert "learning_rate is 0.001 there, 0.1 now" in line and "--overwrite" in line
    line = refused(capsys, "--data", data, "--output", done.folder, *ARGUMENTS, "--seed", "1")
    path = done.folder / "cohorts" / "shuffled" / "cohort.parquet"
    assert f"{path}: of other data, thresholds or groups, or of another seed; give the same" in line
    line = refused(capsys, "--data", data, "--output", done.folder, *ARGUMENTS, "--max_threshold", "6")
    assert "cohort.parquet: of other data, thresholds or groups" in line
    assert snapshot(done.folder) == before


def test_predictions_of_other_patients_are_refused(done, data, capsys):
    path = done.folder / "runs" / "flat_1" / "r0s0" / PREDICTIONS["test"]
    content = path.read_text()
    first, _, *rest = content.splitlines(keepends=True)
    path.write_text("".join([first, *rest]))
    line = refused(capsys, "--data", data, "--output", done.folder, *ARGUMENTS)
    assert f"{path}: not the patients of test in this split; --overwrite starts anew" in line
    path.write_text(content)


def test_an_ablation_without_resamples_is_refused_before_training(data, tmp_path):
    with pytest.raises(InputError, match="bootstrap: found 0; must be at least 1"):
        ablate(TINY, data, tmp_path / "a", bootstrap=Bootstrap(0), console=Quiet())
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
def test_overwrite_redoes_all(data, tmp_path):
    """Without auxiliary tasks there is no arm for them."""
    first = ablate(TINY, data, tmp_path / "a", bootstrap=Bootstrap(5), console=Quiet())
    assert list(first.comparisons[1.0].means) == ["linked", "shuffled", "flat", "codes", "pairs", "boosting"]
    other = dataclasses.replace(TINY, learning_rate=0.1)
    again = ablate(other, data, tmp_path / "a", bootstrap=Bootstrap(5), overwrite=True, console=Quiet())
    for arm in ("linked", "shuffled", "flat"):
        assert again.comparisons[1.0].means[arm] != first.comparisons[1.0].means[arm]
    for arm in ("codes", "pairs", "boosting"):
        assert again.comparisons[1.0].means[arm] == first.comparisons[1.0].means[arm]


def test_the_recipe_is_an_arm_of_its_own(data, tmp_path, monkeypatch):
    """The recipe of this test is a regression alone, which takes no network."""
    monkeypatch.setattr(train_config, "RECIPE", {"blend": ("regression",), "width": "auto", "test_fraction": 0.1})
    done = ablate(TINY, data, tmp_path / "a", recipe=True, bootstrap=Bootstrap(5), console=Quiet())
    assert list(done.comparisons[1.0].means)[3] == "recipe"
    assert list(done.recipe.differences) == ["pairs", "boosting"]
    for number, split in enumerate(done.comparisons[1.0].splits["recipe"]):
        folder = tmp_path / "a" / "runs" / "recipe_1" / f"r0s{number}"
        metrics = json.loads((folder / "metrics.json").read_text())
        assert metrics["parts"][0]["name"].startswith("regression")
        assert metrics["test_auc"] == pytest.approx(split["auc"], abs=1e-6)
        # The division is that of the other arms, not the recipe's.
        assert len(read_table(folder / "predictions_test.csv")) == len(
            read_table(tmp_path / "a" / "runs" / "linked_1" / f"r0s{number}" / "predictions_test.csv")
        )
    sentence = verdict(done)["recipe"]
    assert "recipe" in sentence and done.best in ("pairs", "boosting") and study.ARMS[done.best] in sentence
    assert "recipe, less that of" in list(tables.lines(done))
    assert tables.report(done)["recipe"]["means"].keys() == {"recipe", "pairs", "boosting"}


class Quiet(Console):
    def note(self, text):
        pass

    line = progress = note


# Forms.


def test_association_is_that_of_the_links():
    made = patients(60)
    read = Cohort(made.store, made.labels)
    rows = eligible(made.store, association_threshold=0.2)
    assert 0 < len(rows) < 60
    made_forms = forms.make(read, TrainConfig(association_threshold=0.2))
    assert made_forms.patient_ids.tolist() == rows.tolist()
    for form in made_forms.forms.values():
        assert form.store.visits.tolist() == made.store.select(rows).visits.tolist()
        assert form.config.association_threshold == 0


def test_days_age_and_sex_are_those_of_the_patients_chosen(tmp_path):
    """They are beside every form, so that the arms of an ablation that reads them differ by their links alone."""
    lists = [[[[0, [], []]]], [[[1, [], []]]] * 5, [[[2, [], []]], []]]
    pickled.write(tmp_path / "c", lists, [0, 1, 0])
    visit_days.write(tmp_path / "visits.csv", pickled.from_lists(lists), np.array([9, 8, 7, 6, 5, 4, 3, 2]))
    (tmp_path / "patients.csv").write_text("place,sex,age\nx,F,60\ny,M,61\nz,,\n")
    made = forms.make(Cohort.open(str(tmp_path / "c")), TrainConfig(max_threshold=5))
    assert made.days.tolist() == [9, 3, 2]
    paths = forms.write(made, str(tmp_path / "forms"))
    for path in paths.values():
        written = Cohort.open(path)
        assert written.visit_days.tolist() == [9, 3, 2]
        assert written.attributes.columns == {"age": ["60", ""], "sex": ["F", ""]}


def test_groups_stay_on_one_side_and_are_resampled_together():
    made = patients(60)
    read = Cohort(made.store, made.labels, np.array([f"p{row // 2}" for row in range(60)], object))
    assert forms.make(read, TrainConfig()).groups is None
    assert forms.make(read, TrainConfig()).patient_ids.tolist() == read.patient_ids.tolist()
    made_forms = forms.make(read, TrainConfig(group_column="patient_id", batch_size=5))
    assert made_forms.patient_ids.tolist() == [row // 2 for row in range(60)]
    for form in study._splits(made_forms, 1.0).values():
        for split in form.splits.values():
            sides = [set(made_forms.patient_ids[getattr(split, name).rows]) for name in ("train", "valid", "test")]
            assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"init_from": "w.npz"}, "init_from: found w.npz; an ablation goes without"),
        ({"num_dx": 50}, "num_dx: found 50"),
        ({"eval_drop_remainder": True}, "eval_drop_remainder: found True"),
        ({"min_threshold": 150}, "no patient is left"),
    ],
)
def test_configs_that_forms_can_not_share(changes, says):
    made = patients(20)
    with pytest.raises(InputError, match=says):
        forms.make(Cohort(made.store, made.labels), TrainConfig(**changes))


def test_labels_all_alike_are_refused_before_training(tmp_path):
    made = patients(40)
    parquet.write(tmp_path / "c.parquet", made.store, np.zeros(40, int))
    says = r"train of split 0 at train_ratio 1: its 12 labels are all 0; both are needed"
    with pytest.raises(InputError, match=says):
        ablate(TINY, tmp_path / "c.parquet", tmp_path / "a", console=Quiet())
    assert not (tmp_path / "a").exists()


# The verdict.


def around(difference):
    """A difference with an interval of 0.02 to either side."""
    return Estimate(difference, difference - 0.02, difference + 0.02)


@pytest.mark.parametrize(
    ("regression", "mime", "opening"),
    [
        (0.1, 0.1, "The links help:"),
        (0.1, 0.01, "The links help a regression, but there is no evidence that they help MiME:"),
        (0.1, -0.1, "The links help a regression, but MiME is worse for them:"),
        (0.0, 0.1, "The links help MiME, but there is no evidence that they help a regression:"),
        (0.01, -0.01, "There is no evidence that the links help:"),
        (0.0, -0.1, "There is no evidence that the links help a regression, and MiME is worse for them:"),
        (-0.1, 0.1, "The links help MiME, but a regression is worse for them:"),
        (-0.1, 0.0, "There is no evidence that the links help MiME, and a regression is worse for them:"),
        (-0.1, -0.1, "The links do harm:"),
    ],
)
def test_verdict_on_links(regression, mime, opening):
    said = on_links(around(regression), around(mime))
    assert said.startswith(f"{opening} average precision of the regression on codes and pairs is ")
    assert said.count(".") - said.count("0.") == 1  # one sentence


def test_verdict_on_links_in_full():
    assert on_links(around(0.1), around(-0.01)) == (
        "The links help a regression, but there is no evidence that they help MiME: average precision of the "
        "regression on codes and pairs is 0.100 higher (95% interval of the difference +0.080 to +0.120) than that of "
        "codes alone, and of MiME as linked 0.010 lower (95% interval of the difference -0.030 to +0.010) than that "
        "with the links shuffled."
    )


def lead_over(**leads):
    """A comparison of linked MiME, of average precision 0.4; the ROC AUC says the opposite, and does not count."""
    differences = {arm: {"average_precision": around(lead), "auc": around(-lead)} for arm, lead in leads.items()}
    return Comparison({}, {"linked": {"average_precision": around(0.4)}}, differences)


@pytest.mark.parametrize(
    ("lead", "opening"),
    [
        (0.1, "MiME helps: "),
        (0.01, "There is no evidence that MiME helps: "),
        (-0.1, "MiME does not help, for a simpler model predicts better: "),
    ],
)
def test_verdict_on_mime_is_about_the_arm_that_is_named(lead, opening):
    said = on_mime(lead_over(pairs=-lead, boosting=lead), "boosting")
    assert said.startswith(f"{opening}as linked, average precision is 0.400, {abs(lead):.3f} ")
    assert said.endswith(
        "that of the best on valid of the other models that see the links (boosting, codes and pairs)."
    )


def test_the_best_yardstick_is_chosen_on_valid_among_those_that_see_links():
    """Codes alone have the least loss, and see no links; boosting is the worst on test."""
    losses = {"codes": (0.1, 0.1), "pairs": (0.2, 0.5), "boosting": (0.3, 0.3), "age_sex": (0.2, 0.2)}
    fits = {arm: [study.Yardstick("", loss, np.zeros(0)) for loss in of_arm] for arm, of_arm in losses.items()}
    assert study._best(fits) == "boosting"


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.001, 0.2, "better"),
        (0.0, 0.2, "alike"),
        (-0.1, 0.0, "alike"),
        (-0.1, -0.001, "worse"),
        (np.nan,) * 2 + ("alike",),
    ],
)
def test_direction_leaves_0_out(low, high, says):
    assert direction(Estimate(0.05, low, high)) == says


# Progress and refusals.


class Lines:
    def __init__(self):
        self.shown, self.notes = [], []
        self.progress, self.note = self.shown.append, self.notes.append


def test_progress_counts_all_runs():
    console = Lines()
    progress = Progress(console, runs=2, evaluations=4)
    progress.start("as linked")
    progress.note("devices")
    progress.progress("anything")
    progress.line("round:100")
    progress.start("flat")  # the rest of the first run was found finished
    progress.note("devices")
    progress.progress("anything")
    assert [line.partition(", about")[0] for line in console.shown] == [
        "as linked, run 1 of 2: 12% of all",
        "flat, run 2 of 2: 62% of all",
    ]
    assert all(line.endswith("to go") for line in console.shown)
    assert console.notes == ["devices"]
    progress.start("recipe")  # after the last of the runs that are counted
    progress.progress("r0s0: fitting the regression")
    assert console.shown[2] == "recipe: r0s0: fitting the regression"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--train_ratios", "0.5,1.5"], "train_ratios: found 1.5; must be more than 0 and at most 1"),
        (["--train_ratios", "0"], "train_ratios: found 0; must be more than 0"),
        (["--bootstrap", "0"], "bootstrap: found 0; must be 1 or more"),
        (["--seed", "-1"], "seed: found -1; must be 0 or more"),
        (["--width", "0"], "width: found 0; must be 1 or more"),
        (["--num_iter", "50"], "num_iter: found 50; must be at least eval_period, 100"),
        (["--split_seeds", "1,1"], "split_seeds: found (1, 1); must be one or more different seeds"),
        (["--test_fraction", "0.95"], "test_fraction: found 0.95"),
        (["--data", "nothing_there"], "nothing_there.seqs: can't be read"),
    ],
)
def test_wrong_arguments(argv, says, data, tmp_path, capsys):
    line = refused(capsys, "--data", data, "--output", tmp_path / "a", *argv)
    assert line.startswith(("mime-tf: ", "mime-tf ablate: ")) and says in line
    assert not (tmp_path / "a").exists()


def test_a_folder_with_other_things(data, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("mine")
    assert "has thesis.txt in it, which this command does not write" in refused(
        capsys, "--data", data, "--output", tmp_path, "--overwrite"
    )
    line = refused(capsys, "--data", data, "--output", tmp_path / "thesis.txt")
    assert "thesis.txt: is not a folder; a folder is written" in line
    line = refused(capsys, "--data", data, "--output", tmp_path / "thesis.txt" / "a")
    assert "can't be written" in line
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_missing_matplotlib_is_reported_at_once(monkeypatch, data, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    line = refused(capsys, "--data", data, "--output", tmp_path / "a")
    assert "needs the package matplotlib" in line
    assert not (tmp_path / "a").exists()


def test_help(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["ablate", "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    for part in (
        "examples:",
        "mime-tf ablate --data",
        "--train_ratios",
        *(f"--{name}" for name in command.OPTIONS),
    ):
        assert part in out


def test_every_arm_has_a_colour_and_a_marker():
    assert set(study.ARMS) == set(plots.COLOURS) == set(plots.MARKERS)


# A whole ablation of links that carry the risk.


@pytest.mark.slow
def test_links_that_carry_the_risk_are_found_to_help(tmp_path):
    made = simulation.simulate(4000, 0, pair_effect=1, mean_visits=4, num_dx=60, num_rx=30, num_pr=60)
    parquet.write(tmp_path / "c.parquet", made.store, made.labels)
    widths = dict.fromkeys(SIZES, 32)
    config = TrainConfig(
        **widths, num_iter=900, learning_rate=0.003, split_seeds=(0,), valid_fraction=0.1, test_fraction=0.3
    )
    ablation = ablate(config, tmp_path / "c.parquet", tmp_path / "a", bootstrap=Bootstrap(200), console=Quiet())
    comparison, said = ablation.comparisons[1.0], verdict(ablation)
    assert said["links"].startswith("The links help:")
    assert comparison.means["linked"]["auc"].value > 0.65
    for arm in ("shuffled", "flat", "codes"):
        assert comparison.means[arm]["auc"].value == pytest.approx(0.5, abs=0.07), arm
        assert comparison.differences[arm]["auc"].low > 0.05
    for arm in ("pairs", "boosting"):
        assert comparison.means[arm]["auc"].value > 0.75
    assert said["mime"].startswith("MiME does not help")


# A hierarchy beside the cohort.


def test_a_hierarchy_has_two_arms_and_a_sentence_of_its_own(tmp_path):
    """Families of related pairs decide the risk; the arms of MiME are too small to say anything."""
    argv = ["simulate", "--mode", "related", "--pair_effect", "1", "--patients", "900", "--output"]
    argv += [str(tmp_path / "c.parquet"), "--num_dx", "40", "--num_rx", "20", "--mean_visits", "4"]
    assert main(argv) == 0
    config = dataclasses.replace(TINY, split_seeds=(0,), aux_lambda=0.0)
    ablation = ablate(config, tmp_path / "c.parquet", tmp_path / "a", bootstrap=Bootstrap(20), console=Quiet())
    means = {arm: estimates["auc"].value for arm, estimates in ablation.comparisons[1.0].means.items()}
    assert means["pairs_ancestors"] > max(means["pairs"], means[study.SHUFFLED]) + 0.02
    assert list(ablation.ancestors.differences) == ["pairs", study.SHUFFLED]
    assert list(verdict(ablation)) == ["links", "mime", "ancestors"]


@pytest.mark.parametrize(
    ("gain", "opening"),
    [
        (0.1, "The hierarchy helps"),
        (0.01, "There is no evidence that the hierarchy helps"),
        (-0.1, "The hierarchy does harm"),
    ],
)
def test_verdict_on_a_hierarchy(gain, opening):
    leads = {"pairs": gain, study.SHUFFLED: 0.05}
    differences = {arm: {"average_precision": around(lead), "auc": around(-lead)} for arm, lead in leads.items()}
    said = on_ancestors(Comparison({}, {}, differences))
    assert said.startswith(f"{opening}: average precision of the regression on pairs and ancestors is {abs(gain):.3f} ")
    assert said.endswith(
        "and 0.050 higher (95% interval of the difference +0.030 to +0.070) than that with ancestors of other codes."
    )
