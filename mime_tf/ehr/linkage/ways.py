"""The words of linkage: what may become of orders without a reason, and how an order found its diagnosis."""

UNLINKED = ("drop", "null", "single", "infer")

# How an order found its diagnosis, the closest first; the number is `how`.
HOW = (
    "linked in the same visit",
    "carried from an earlier diagnosis",
    "reason recorded later only",
    "reason never recorded",
    "inferred",
    "given to the visit's only diagnosis",
    "given to the reserved diagnosis",
)
SAME, EARLIER, LATER, NEVER, INFERRED, SINGLE, RESERVED = range(len(HOW))
NOT_LINKED = "unlinked"

# The diagnosis of orders without a reason, under `unlinked="null"`: its number, and its row in a vocabulary.
RESERVED_DX = -1
RESERVED_CONCEPT = {"system": "mime_tf", "code": "no-reason", "display": "no reason given"}
