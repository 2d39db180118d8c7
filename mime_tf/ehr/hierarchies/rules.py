"""Code systems in which the first characters of a code say what it belongs to: ICD-10, ICD-9-CM and ATC.

The names of chapters are this project's own words. Names of categories and of ATC's groups are licensed, and not here.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_SYSTEMS = {
    "icd10": ("icd10", "icd10cm", "icd10gm", "icd10category"),
    "icd9": ("icd9", "icd9cm", "icd9category"),
    "atc": ("atc", "atc1", "atc2", "atc3", "atc4"),
}
_RULE_OF = {system: rule for rule, systems in _SYSTEMS.items() for system in systems}

# First categories of the chapters, in the order of the alphabet, with their ranges and names. Ranges are those of
# ICD-10 and of ICD-10-CM together.
_ICD10 = (
    ("A00", "A00-B99", "infections and parasites"),
    ("C00", "C00-D49", "neoplasms"),
    ("D50", "D50-D89", "blood and immune mechanism"),
    ("E00", "E00-E90", "endocrine, nutrition and metabolism"),
    ("F00", "F00-F99", "mental and behavioural"),
    ("G00", "G00-G99", "nervous system"),
    ("H00", "H00-H59", "eye"),
    ("H60", "H60-H95", "ear"),
    ("I00", "I00-I99", "circulation"),
    ("J00", "J00-J99", "respiration"),
    ("K00", "K00-K95", "digestion"),
    ("L00", "L00-L99", "skin"),
    ("M00", "M00-M99", "muscles, bones and connective tissue"),
    ("N00", "N00-N99", "kidneys, urinary tract and genitals"),
    ("O00", "O00-O9A", "pregnancy and childbirth"),
    ("P00", "P00-P96", "perinatal period"),
    ("Q00", "Q00-Q99", "congenital"),
    ("R00", "R00-R99", "symptoms and findings"),
    ("S00", "S00-T98", "injury and poisoning"),
    ("U00", "U00-U99", "special purposes"),
    ("V00", "V00-Y99", "external causes"),
    ("Z00", "Z00-Z99", "contacts with health services"),
)
_ICD9 = (
    ("001", "001-139", "infections and parasites"),
    ("140", "140-239", "neoplasms"),
    ("240", "240-279", "endocrine, nutrition, metabolism and immunity"),
    ("280", "280-289", "blood"),
    ("290", "290-319", "mental"),
    ("320", "320-389", "nervous system and senses"),
    ("390", "390-459", "circulation"),
    ("460", "460-519", "respiration"),
    ("520", "520-579", "digestion"),
    ("580", "580-629", "kidneys, urinary tract and genitals"),
    ("630", "630-679", "pregnancy and childbirth"),
    ("680", "680-709", "skin"),
    ("710", "710-739", "muscles, bones and connective tissue"),
    ("740", "740-759", "congenital"),
    ("760", "760-779", "perinatal period"),
    ("780", "780-799", "symptoms and findings"),
    ("800", "800-999", "injury and poisoning"),
    ("E00", "E000-E999", "external causes"),
    ("V01", "V01-V91", "contacts with health services"),
)
_ICD10_CODE = re.compile(r"([A-Z][0-9][0-9A-Z])(?:\.?[0-9A-Z]*)[†*+!]?")
_ICD9_CODE = re.compile(r"([0-9]{3}|V[0-9]{2})(?:\.?[0-9]{0,2})|(E[0-9]{3})(?:\.?[0-9]?)")
_ATC_CODE = re.compile(r"[A-DGHJLMNPRSV](?:[0-9]{2}(?:[A-Z](?:[A-Z](?:[0-9]{2})?)?)?)?")
_ATC_LENGTHS = {4: 5, 3: 4, 2: 3, 1: 1}  # characters of a level's code; level 5, the substance, is the code itself


class Parent(NamedTuple):
    """An ancestor by a rule.

    Attributes:
        system: what it is, such as `icd10-category`.
        code: its code.
        steps: its level above the code's system.
        name: its name, or "".
    """

    system: str
    code: str
    steps: int
    name: str


def rule_of(system: str) -> str | None:
    """Returns the rule for the codes of a system, or None.

    >>> rule_of("ICD-10-CM"), rule_of("ATC"), rule_of("ICD-10-PCS")
    ('icd10', 'atc', None)
    """
    return _RULE_OF.get(re.sub(r"[^a-z0-9]", "", system.lower()))


def parents(kind: str, system: str, code: str) -> Iterator[Parent]:
    """Yields the ancestors that a code's beginning gives, none if its system has no rule or it is no code of it.

    Args:
        kind: `"dx"`, `"rx"` or `"pr"`; procedures of ICD-9-CM have another form of code, and no rule.
        system: the code's system.
        code: the code, with or without a dot.
    """
    rule, text = rule_of(system), code.strip().upper()
    if rule == "atc" and _ATC_CODE.fullmatch(text):
        for steps, (level, length) in enumerate(_ATC_LENGTHS.items(), start=1):
            if len(text) >= length:
                yield Parent(f"atc-{level}", text[:length], steps, "")
    if rule == "icd10" and kind == "dx" and (match := _ICD10_CODE.fullmatch(text)):
        yield from _category_and_chapter("icd10", match[1], _ICD10)
    if rule == "icd9" and kind == "dx" and (match := _ICD9_CODE.fullmatch(text)):
        yield from _category_and_chapter("icd9", match[1] or match[2], _ICD9)


def _category_and_chapter(rule, category, chapters):
    yield Parent(f"{rule}-category", category, 1, "")
    inside = [chapter for chapter in chapters if chapter[0] <= category]
    if inside:
        _, chapter, name = inside[-1]
        yield Parent(f"{rule}-chapter", chapter, 2, name)
