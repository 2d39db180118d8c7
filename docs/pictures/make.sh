#!/usr/bin/env bash
# Makes report.png and timeline.png anew, from a small simulated example: docs/pictures/make.sh
# Needs the package with its extra "report", and Chromium as $CHROMIUM (default: chromium).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export PYTHONPATH=$PWD/../..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
cohort=$work/cohort.parquet
sizes=$(printf -- ' --%s=48' dx_emb_size rx_emb_size pr_emb_size dxobj_emb_size visit_emb_size rnn_size)

screenshot() { # PAGE WIDTH HEIGHT NAME
    "${CHROMIUM:-chromium}" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/chromium" \
        --window-size="$2,$3" --screenshot="$work/$4" "file://$1" 2>"$work/chromium.log"
    # A palette of 128 colors keeps a picture below 200 kB.
    "$python" -c 'import sys; from PIL import Image; Image.open(sys.argv[1]).convert("RGB").quantize(128).save(sys.argv[2], optimize=True)' \
        "$work/$4" "$4"
}

"$python" -m mime_tf simulate --patients 3000 --seed 1 --mean_visits 8 --pair_effect 0.5 --effect 3 --output "$cohort"
# shellcheck disable=SC2086
"$python" ../../train.py "$cohort" "$work/run_" "$work/run" --num_iter=1500 --split_seeds=0 --test_fraction=0.2 --valid_fraction=0.2 \
    --eval_period=50 --patience=6 --aux_lambda=0.01 --notensorboard $sizes
"$python" -m mime_tf report --model "$work/run_r0s0" --data "$cohort" --output "$work/report.html"
# The patient with the highest score among those of label 1 in the test set.
patient=$(sort -t, -k3,3gr "$work/run_r0s0/predictions_test.csv" | awk -F, '$2 == 1 { print $1; exit }')
"$python" -m mime_tf explain --model "$work/run_r0s0" --data "$cohort" --patient "$patient" --output "$work/timeline.html"
screenshot "$work/report.html" 1000 1250 report.png
screenshot "$work/timeline.html" 1000 900 timeline.png
