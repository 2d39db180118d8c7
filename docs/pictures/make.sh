#!/usr/bin/env bash
# Makes report.png and timeline.png anew, from a simulated example: docs/pictures/make.sh
# Needs the packages of requirements-dev.txt, and Chromium as $CHROMIUM (default: chromium). It takes some minutes.
set -euo pipefail
pictures=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$pictures/../..

export PYTHONPATH=$root
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" # so that the pages name files without a folder

screenshot() { # PAGE WIDTH HEIGHT NAME
    "${CHROMIUM:-chromium}" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir=chromium \
        --window-size="$2,$3" --screenshot="$4" "file://$work/$1" 2>chromium.log
    # A palette of 128 colors keeps a picture below 200 kB.
    "$python" - "$4" "$pictures/$4" <<'END'
import sys
from PIL import Image

Image.open(sys.argv[1]).convert("RGB").quantize(128).save(sys.argv[2], optimize=True)
END
}

"$python" -m mime_tf simulate --patients 4000 --mean_visits 8 --num_dx 60 --num_rx 40 --num_pr 120 --effect 4 \
    --pair_effect 0.7 --seed 1 --output hf.parquet
"$python" "$root/train.py" hf.parquet hf_ hf --split_seeds=0 --test_fraction=0.2 --valid_fraction=0.2 --num_iter=1500 \
    --patience=5 --dx_emb_size=48 --rx_emb_size=48 --pr_emb_size=48 --dxobj_emb_size=48 --visit_emb_size=48 --rnn_size=48 \
    --notensorboard
title="Simulated heart failure"
"$python" -m mime_tf report --model hf_r0s0 --data hf.parquet --output report.html --title "$title"
# The patient of label 1 in the test set with the highest score.
patient=$(sort -t, -k3,3gr hf_r0s0/predictions_test.csv | awk -F, '$2 == 1 { print $1; exit }')
"$python" -m mime_tf explain --model hf_r0s0 --data hf.parquet --patient "$patient" --output timeline.html \
    --title "$title"

# Of the report the picture shows the answers in short and the curves.
hidden="#cohort, #characteristics, #sample_size, #linkage, nav, .facts"
sed "s|</head>|<style>$hidden { display: none !important }</style></head>|" report.html >short.html
screenshot short.html 1000 1450 report.png
screenshot timeline.html 1000 1250 timeline.png
