#!/bin/sh
# From a Synthea export to a trained model and its AUC, as docs/example_heart_failure.md explains:
#
#     sh examples/heart_failure.sh EXPORT OUTPUT [OUTCOME [FLAG ...]]
#
# EXPORT is a folder of Synthea's CSV files, OUTCOME a diagnosis code (default: 88805009, heart failure). Flags are
# those of train.py and come after the ones below. Started again, it resumes where it was stopped.
set -eu

if [ $# -lt 2 ]; then
    echo "usage: sh examples/heart_failure.sh EXPORT OUTPUT [OUTCOME [FLAG ...]]" >&2
    exit 2
fi
from=$1
to=$2
outcome=${3:-88805009}
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
    shift
    echo "== $design" >&2
    "$python" "$root/train.py" "$to/$design/cohort" "$to/runs/$design/" "$to/runs/$design/mime" \
        --folds=5 --valid_fraction=0.2 --num_iter=2000 --eval_period=20 --patience=10 \
        --dx_emb_size=64 --rx_emb_size=64 --pr_emb_size=64 --dxobj_emb_size=64 --visit_emb_size=64 --rnn_size=64 \
        --notensorboard "$@" >>"$to/runs.txt"
}

mkdir -p "$to"
convert case_control_540 --design case_control --observation_days 540
convert case_control --design case_control
convert cohort_5_years --prediction_at random --horizon_days 1825
for design in case_control_540 case_control cohort_5_years; do
    train "$design" "$@"
done
"$python" "$root/examples/yardsticks.py" "$to/runs/case_control_540/" "$to/runs/case_control/" \
    "$to/runs/cohort_5_years/" >"$to/results.txt"
cat "$to/results.txt"
