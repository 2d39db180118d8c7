"""Installs the package: pip install ."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent


def requirements(name):
    """Returns the lines of a requirements file that name a package."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and line[0] not in "#-"]


def version():
    """Returns the version that the package states, without importing it."""
    text = (HERE / "mime_tf" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE).group(1)


EXTRAS = {name: requirements(f"requirements-{name}.txt") for name in ("ehr", "report", "spark", "gpu", "dev")}
EXTRAS["dev"] += EXTRAS["ehr"] + EXTRAS["report"] + EXTRAS["spark"]

setup(
    name="mime-tf",
    version=version(),
    description="MiME (multilevel medical embedding of electronic health records) for TensorFlow 2 and Keras 3",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=find_packages(include=["mime_tf", "mime_tf.*"]),
    package_data={"": ["*.j2", "*.css"]},
    python_requires=">=3.10",
    install_requires=requirements("requirements.txt"),
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["mime-tf = mime_tf.__main__:main"]},
    keywords="electronic health records, EHR, medical embedding, MiME, Keras, TensorFlow",
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Console",
        "Intended Audience :: Healthcare Industry",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Medical Science Apps.",
    ],
)
