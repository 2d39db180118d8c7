"""Account of a conversion, which `convert` leaves beside the cohort that it made from an EHR export."""

import dataclasses
import os
from typing import Any

from mime_tf.terminal import files

RULES, LINKAGE = "convert.json", "linkage.json"


@dataclasses.dataclass(frozen=True)
class Conversion:
    """The two files as they are, unchecked: they may be anyone's.

    Attributes:
        rules_path, linkage_path: of convert.json and linkage.json.
        rules: content of convert.json, which tells how patients and times were chosen, or None.
        linkage: content of linkage.json, which tells how orders were linked to diagnoses, or None.
    """

    rules_path: str
    linkage_path: str
    rules: Any
    linkage: Any

    @classmethod
    def read(cls, folder: str) -> "Conversion | None":
        """Returns the account in the folder of a cohort, or None where neither file is there.

        Raises:
            InputError: a file is not readable JSON.
        """
        rules_path, linkage_path = (os.path.join(folder, name) for name in (RULES, LINKAGE))
        rules, linkage = files.read_json(rules_path), files.read_json(linkage_path)
        return None if rules is None and linkage is None else cls(rules_path, linkage_path, rules, linkage)

    def write(self, folder: str) -> None:
        """Writes the files that there are into another folder, such as that of a fitted split."""
        for name, content in ((RULES, self.rules), (LINKAGE, self.linkage)):
            if content is not None:
                files.write_json(os.path.join(folder, name), content)
