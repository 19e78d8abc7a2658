"""Answers with the version of each package, and with the VALUE of each that has one: those of the repository."""

from importlib import import_module
from importlib.metadata import Distribution, distributions

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def packages() -> dict[str, str]:
    return {each.metadata["Name"]: shown(each) for each in distributions()}


def shown(package: Distribution) -> str:
    name = package.metadata["Name"].replace("-", "_")
    start = package.locate_file(f"{name}/__init__.py")
    own = start.is_file() and start.read_text().startswith("VALUE = ")
    return f"{package.version}, {import_module(name).VALUE}" if own else package.version
