from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="blog",
    version="1.0",
    package_dir={"": "src"},
    packages=find_packages("src"),
    install_requires=Path(__file__).with_name("needs.txt").read_text().split(),
)
