"""Installs the package: pip install . (pyproject.toml holds the metadata)."""

from setuptools import setup

setup()
