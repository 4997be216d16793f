#!/usr/bin/env bash
# Builds sdist and wheel, and runs the quick start from the wheel in an empty environment of each
# backend, shortened to one epoch: `bash tests/wheel_quick_start.sh`. Wants the package `build`.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The wheel is built from the sdist: what the sdist lacks, the wheel lacks.
python -m build --outdir "$folder/dist" . > "$folder/build.log" || { cat "$folder/build.log"; exit 1; }
wheel=$(echo "$folder"/dist/*.whl)
ls -l "$folder/dist"

for backend in ${*:-tensorflow jax torch}; do
    echo "===== the wheel on $backend"
    python3 -m venv "$folder/$backend"
    more=()
    [ "$backend" = torch ] && more=(torch==2.13.0)  # a plain `torch` may be a CUDA build
    "$folder/$backend/bin/pip" install --quiet "$wheel[$backend,viz]" "${more[@]}"
    (
        cd "$folder"  # not the clone: what runs is what was installed
        export KERAS_BACKEND=$backend KERAS_HOME="$folder/keras-$backend" TF_CPP_MIN_LOG_LEVEL=2
        export PATH="$folder/$backend/bin:$PATH"
        KERAS_MAX_EPOCHS=1 keras-latent run mnist-transpose --dataset digits --epochs 1 \
            --out "$folder/run-$backend" | tail -n 12
        python - <<'PYTHON'
import numpy as np
from keras_latent import models

vbta = models.VBTA.from_preset("vbta_digits_transpose_sharp")  # the wheel brings its weights
print(vbta.translate(np.zeros((2, 8, 8, 1), "float32")).shape)
PYTHON
    )
    rm -rf "${folder:?}/$backend"
done
