"""Words of linkage: policies for orders without a reason, and the origins of links."""

# Policies for orders without a reason (`--unlinked`); `mime_tf.ehr.linkage.link.link` explains them.
WITHOUT_REASON = ("drop", "null", "single", "infer")

# Where the diagnosis of a link comes from, the closest origin first; a link holds its index.
ORIGINS = (
    "linked in the same visit",
    "carried from an earlier diagnosis",
    "reason recorded later only",
    "reason never recorded",
    "inferred",
    "given to the visit's only diagnosis",
    "given to the reserved diagnosis",
)
SAME_VISIT, EARLIER, LATER, NEVER, INFERRED, ONLY_DIAGNOSIS, RESERVED = range(len(ORIGINS))
NOT_LINKED = "unlinked"

# Number of the diagnosis of orders without a reason under the policy "null"; `RESERVED_CONCEPT` is its name.
RESERVED_DX = -1
