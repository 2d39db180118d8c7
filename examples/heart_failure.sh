#!/bin/sh
# From a Synthea export to trained models and their AUC, as docs/example_heart_failure.md explains:
#
#     sh examples/heart_failure.sh EXPORT OUTPUT [OUTCOME [FLAG ...]]
#
# EXPORT is a folder of Synthea's CSV files, OUTCOME a diagnosis code (default: 88805009, heart failure). Flags are
# those of train.py for both models, MiME and the recipe, and come after the ones below. Started again, it resumes where
# it was stopped. The variable DESIGNS chooses from the three designs.
set -eu

if [ $# -lt 2 ]; then
    echo "usage: sh examples/heart_failure.sh EXPORT OUTPUT [OUTCOME [FLAG ...]]" >&2
    exit 2
fi
from=$1
to=$2
outcome=${3:-88805009}
designs=${DESIGNS:-case_control_540 case_control cohort_5_years}
if [ $# -gt 2 ]; then shift 3; else shift 2; fi

root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python}
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH

convert() {
    design=$1
    shift
    echo "== $design" >&2
    "$python" -m mime_tf convert --source synthea --input "$from" --output "$to/$design" --overwrite \
        --outcome "$outcome" "$@" >"$to/$design.txt"
    cat "$to/$design.txt"
}

train() {
    design=$1
    model=$2
    shift 2
    echo "== $design, $model" >&2
    "$python" "$root/train.py" "$to/$design/cohort" "$to/runs/$design/${model}_" "$to/runs/$design/$model" \
        --folds=5 --valid_fraction=0.2 --notensorboard "$@" >>"$to/runs.txt"
}

mkdir -p "$to"
for design in $designs; do
    case $design in
        case_control_540) convert "$design" --design case_control --observation_days 540 ;;
        case_control) convert "$design" --design case_control ;;
        cohort_5_years) convert "$design" --prediction_at random --horizon_days 1825 ;;
        *)
            echo "DESIGNS: found $design; must be case_control_540, case_control or cohort_5_years" >&2
            exit 2
            ;;
    esac
done
for design in $designs; do
    train "$design" mime --num_iter=2000 --eval_period=20 --patience=10 --width=64 "$@"
    train "$design" recipe --recipe "$@"
done
for design in $designs; do
    "$python" "$root/examples/yardsticks.py" "$to/runs/$design/mime_" "$to/runs/$design/recipe_"
done >"$to/results.txt"
cat "$to/results.txt"
