"""The mode `related`: codes in families, and risk of linked pairs that the families of both codes decide.

`world` has the codes, `patients` draws records, `risk` scores them, and `hierarchy` is the table of the families.
"""
