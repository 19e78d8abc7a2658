"""Settings of single servers: an export has one value for all of them, and names what it leaves out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.exports import Exported
from tests.unit.exports.test_platforms import documents

Make = Callable[..., Exported]
ONE = """
[hosts.a.app]
module = "shop.web:app"
domains = ["shop.example.com"]
[hosts.a.processes.worker]
command = "celery worker"
count = 3
[hosts.a.timers.clean]
command = "clean"
schedule = "daily"
[processes.worker]
command = "celery"
"""
TWO = f"{ONE}[hosts.b]\n"
OWN = """
[hosts.a]
[hosts.b.processes.mailer]
command = "mail"
[hosts.b.timers.report]
command = "x"
schedule = "daily"
"""


def texts(made: Exported) -> dict[str, str]:
    """Return the exported files in the top folder."""
    return {path.name: path.read_text() for path in made.folder.iterdir() if path.is_file() and path.name != "hosts.toml"}


def test_the_only_server_has_the_settings(exported: Make) -> None:
    made = exported(ONE)
    for name in ("docker", "compose", "procfile", "ecs", "cloudrun", "appengine"):
        assert "is left out" not in made.make(name)
    [compose] = documents(made.text("compose.yaml"))
    assert '"shop.web:app"' in made.text("Dockerfile")
    assert compose["services"]["worker"]["command"][2] == "exec celery worker"
    assert compose["services"]["worker"]["deploy"] == {"replicas": 3}
    assert "timers (clean: " in made.text("compose.yaml") and "timers (clean)" not in made.text("compose.yaml")
    assert "domain-mappings create --service shop --domain shop.example.com" in made.text("cloudrun.yaml")


@pytest.mark.parametrize("name", ["docker", "ecs", "procfile", "azure-container-instances"])
def test_a_server_that_differs_is_named(exported: Make, name: str) -> None:
    made = exported(TWO)
    said = [line.partition(" is left out")[0] for line in made.make(name).splitlines() if "is left out" in line]
    assert said == [
        "hosts.a.app.module", "hosts.a.app.domains", "hosts.a.processes.worker.command", "hosts.a.processes.worker.count",
    ]  # fmt: skip
    assert "shop.web" not in "".join(texts(made).values())


def test_overlays_have_what_their_servers_have(exported: Make) -> None:
    said = exported(TWO).make("kubernetes")
    assert "hosts.a.app.module is left out" in said and "domains" not in said and "count" not in said


def test_processes_and_timers_of_one_server_are_in_each_export(exported: Make) -> None:
    made = exported(OWN)
    for name in ("compose", "procfile", "ecs", "azure-container-instances", "cloudrun", "appengine", "azure-app-service"):
        assert "is left out" not in made.make(name)
    found = {path: text for path, text in texts(made).items() if "mail" in text}
    assert set(found) == {
        "compose.yaml", "Procfile", "ecs.yaml", "cloudrun.yaml", "app.yaml",
        "azure-container-instances.bicep", "azure-app-service.bicep",
    }  # fmt: skip
    assert all("report" in text for text in found.values())


def test_the_variables_are_those_of_all_servers(exported: Make) -> None:
    tables = '[hosts.a.app]\nenv_file = "a.env"\n[hosts.b.app]\nenv_file = "b.env"\n'
    made = exported(tables, env_file="", files={"a.env": "ONE=c4nary\n", "b.env": "TWO=c4nary\nONE=c4nary\n"})
    assert "is left out" not in made.make("kubernetes")
    assert "The Secret shop-env with ONE, TWO." in made.text("kubernetes/base/kustomization.yaml")


OF_THE_IMAGE = "PORT=5000\nCOMMIT=x\nPATH=/evil\nHOME=/evil\nNO=1\nY=2\n"


def test_no_export_sets_a_variable_of_the_image(exported: Make) -> None:
    made = exported('[processes.worker]\ncommand = "celery"\n', files={"production.env": OF_THE_IMAGE})
    for name in ("kubernetes", "ecs", "cloudrun", "azure-container-instances", "compose"):
        made.make(name)
    tasks = [each for each in documents(made.text("ecs.yaml"))[0]["Resources"].values() if each["Type"].endswith("TaskDefinition")]
    for task in tasks:
        [container] = task["Properties"]["ContainerDefinitions"]
        assert [each["Name"] for each in container["Environment"] + container["Secrets"]] == ["WEB_CONCURRENCY", "NO", "Y"]
    [run] = documents(made.text("cloudrun.yaml"))
    assert [each["name"] for each in run["spec"]["template"]["spec"]["containers"][0]["env"]] == ["WEB_CONCURRENCY", "NO", "Y"]
    # These two give the app all of a file or Secret.
    assert documents(made.text("compose.yaml"))[0]["x-app"]["environment"] == {"PORT": "8000"}
    [deployment] = documents(made.text("kubernetes/base/deployment.yaml"))
    assert deployment["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "PORT", "value": "8000"}]


def test_compose_quotes_variables_that_are_words_of_yaml(exported: Make) -> None:
    settings = "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n    no: str\n    null: str\n    y: str\n"
    made = exported(env_file="", files={"settings.py": settings})
    made.make("compose")
    assert documents(made.text("compose.yaml"))[0]["x-app"]["environment"] == {"PORT": "8000", "NO": None, "NULL": None, "Y": None}


BALANCED = """
[balancer]
hosts = ["lb"]
backends = "production"
[processes.worker]
command = "celery"
[hosts.lb]
address = "10.0.0.1"
[hosts.a]
address = "10.0.0.2"
[hosts.b]
address = "10.0.0.3"
[groups]
production = ["a", "b"]
edge = ["lb"]
all = ["lb", "a", "b"]
"""


@pytest.mark.parametrize("name", ["docker", "compose", "procfile", "ecs", "kubernetes"])
def test_a_server_that_only_balances_has_nothing_of_the_app(exported: Make, name: str) -> None:
    made = exported(BALANCED, migrate="alembic upgrade head", domains=["shop.example.com"])
    assert "is left out" not in made.make(name) and "shop.balancer" not in "".join(texts(made).values())
    if name == "kubernetes":
        assert sorted(path.name for path in (made.folder / "kubernetes/overlays").iterdir()) == ["all", "production"]
        [overlay] = documents(made.text("kubernetes/overlays/all/kustomization.yaml"))
        assert {each["count"] for each in overlay["replicas"]} == {2}
    if name == "ecs":
        assert "alembic upgrade head" in made.text("ecs.yaml")
