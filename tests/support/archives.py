"""Model files written again, as a stranger might."""

import json
import zipfile


def rewrite(path, config=None, more=(), weights=None):
    """Writes a model's archive again with another configuration, weights or more members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if config:
        content = json.loads(members["config.json"])
        members["config.json"] = json.dumps(config(content) or content).encode()
    if weights is not None:
        members["model.weights.h5"] = weights(members["model.weights.h5"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (members | dict(more)).items():
            archive.writestr(name, content)
