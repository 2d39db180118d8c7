r"""Words that programs write where a value is missing: databases NULL or \N, R NA, pandas NaN, Python None, SAS a dot.

In times, identifiers, numbers and names each of them is a missing value. A code may be any of them, above all NA, and
`mime_tf.ehr.no_codes` decides about it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import; processes that read FHIR need the words alone
    import ibis

# In lower case, because their case differs from program to program.
CERTAIN = ("null", "(null)", "[null]", "\\n", "nan", "<na>", "nat", "none", ".", "#n/a")
DOUBTFUL = ("na", "n/a")
WORDS = (*CERTAIN, *DOUBTFUL)
_LONGEST = max(map(len, WORDS))


def as_null(text: "ibis.Value") -> "ibis.Value":
    """Returns text with null in place of the words for a missing value.

    Args:
        text: Ibis string expression, without surrounding blanks.
    """
    import ibis

    is_word = (text.length() <= _LONGEST) & text.lower().isin(WORDS)
    return ibis.ifelse(is_word, ibis.null("string"), text)
