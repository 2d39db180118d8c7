"""The parts of a model card that are the same for every run, as `str.format` templates."""

SUMMARY = """\
Given a patient's visits so far, the model gives the probability of the outcome that label 1 stood for in the data it
was trained on. The run records neither the outcome nor how far ahead it looks: {fill}

What a run knows is filled in. What only people know is marked {fill}: do not use the model where that is missing."""

USE = """\
- Intended use, users and the decision that the probability informs: {fill}
- For patients like those it was trained on, prepared in the same way: the same code systems, the same way of linking
  orders to diagnoses, the same point in time.
- Not as the only ground of a decision about a patient, and not for an outcome other than that of its labels.
- Not for data that do not record which diagnosis led to which order."""

CALLS = """\
With TensorFlow, without this package; the folder is the one that this card lies in:

```python
import json
import tensorflow as tf

served = tf.saved_model.load("FOLDER")  # keep it as long as its signatures are in use
patient = {patient}
text = json.dumps(patient, ensure_ascii=False)
served.signatures["json"](patients=tf.constant([text]))

served.signatures["serving_default"](
    {codes},
)
```

The first answered, as tensors: `{answer}`. The second is the same patient by the numbers of the codes.

With TensorFlow Serving, where this folder is `models/mime/1`:

```sh
docker run -p 8501:8501 -v "$PWD/models/mime:/models/mime" -e MODEL_NAME=mime tensorflow/serving
curl http://localhost:8501/v1/models/mime:predict -d {curl_json}
curl http://localhost:8501/v1/models/mime:predict -d {curl_codes}
```

`json` takes one text a patient: visits in the order of time, at least one; a visit is a list of Dx-objects and may be
empty; `rx` and `pr` may be left out. A code is its name in the vocabulary, or `SYSTEM|CODE`, which is needed where
two systems have the code.
`serving_default` takes int32 tensors: `dx` [B, T, D], `rx` [B, T, D, R], `pr` [B, T, D, P], filled up with -1, and
`visits` [B], how many of the T visits a patient has."""

LIMITS = """\
- Trained on orders that are linked to diagnoses. Where a source links them differently, or not at all, the results
  above do not hold.
- The probability depends on the share of label 1 in training. In a case-control sample that share was chosen, and the
  probability is then no risk: recalibrate it, or use it to rank.
- The model reads the order of visits and not the time between them, and neither age, sex nor measurements.
- What it learned is association. That a code raises the probability does not say that it causes the outcome.
- Valid chose the iteration, so its results flatter. Test is of the same source and time as training."""

PEOPLE = """\
- Who made the model, who answers for it, and how to reach them: {fill}
- The outcome, its definition in codes, how far ahead it is predicted, and from which point in time: {fill}
- Who was included and who was not; how representative that is: {fill}
- How orders were linked to diagnoses, and how often no diagnosis was found: {fill}
- Consent, ethics approval and terms of the data: {fill}
- The threshold or alert rate in use, and what follows from an alert: {fill}
- Validation in the place of use, in subgroups, and by whom: {fill}
- Known harms and how they are watched for; when to retrain or switch off: {fill}
- Approval as a medical device, if it is needed: {fill}"""

CITATION = """\
```bibtex
@inproceedings{choi2018mime,
  title     = {{MiME}: Multilevel Medical Embedding of Electronic Health Records for Predictive Healthcare},
  author    = {Choi, Edward and Xiao, Cao and Stewart, Walter F. and Sun, Jimeng},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {31},
  year      = {2018}
}
```"""
