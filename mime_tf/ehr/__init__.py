"""From an export of electronic health records to a cohort: the command `mime-tf convert`.

A reader in `sources` turns the export into common tables (`schema`), which `events` numbers and checks; `linkage` puts
orders into Dx-objects, `design` chooses patients, prediction times and labels, and `encode` writes the cohort.
`conversion` runs these steps in order, on the tables of an `engine`. Needs the extra `ehr`; nothing imports TensorFlow.
"""
