"""The other exports: hostile values arrive unchanged, secrets do not, and what a platform has not is named."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from invoke.vendor import yaml  # type: ignore[attr-defined]
from ruamel.yaml import YAML

from selvedge.config.procfile import parse_procfile
from selvedge.exports.kubernetes import resource_name
from selvedge.project.quoting import bicep_quote, yaml_quote, yaml_word
from tests.support.exports import APP, HOSTILE, TABLES, Exported, repository

Make = Callable[..., Exported]
EXPORTS = {
    "docker": ["Dockerfile", ".dockerignore"],
    "compose": ["compose.yaml"],
    "procfile": ["Procfile"],
    "appengine": ["app.yaml", ".gcloudignore"],
    "cloudrun": ["cloudrun.yaml"],
    "ecs": ["ecs.yaml"],
    "azure-app-service": ["azure-app-service.bicep", "azure-app-service.bicepparam"],
    "azure-container-instances": ["azure-container-instances.bicep", "azure-container-instances.bicepparam"],
}
class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined]
    """YAML 1.1, with CloudFormation's tags as pairs of tag and value."""


def _tagged(loader: Any, suffix: str, node: Any) -> tuple[str, Any]:
    return suffix, node.value if isinstance(node, yaml.ScalarNode) else loader.construct_sequence(node)


Loader.add_multi_constructor("!", _tagged)


def documents(text: str) -> list[Any]:
    """Return the documents of a YAML text: as YAML 1.1 reads them, which must be as YAML 1.2 does."""
    found = list(yaml.load_all(text, Loader=Loader))
    if "!Ref" not in text:
        assert found == list(YAML(typ="safe", pure=True).load_all(text))
    return found


def texts(value: Any) -> Iterator[str]:
    """Yield all strings in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def all_files(made: Exported) -> dict[str, str]:
    listed = subprocess.run(["git", "ls-files", "--others"], cwd=made.folder, capture_output=True, text=True, check=True).stdout
    own = ("hosts.toml", "production.env", "requirements.txt", "main.py")
    return {path: made.text(path) for path in listed.splitlines() if path not in own}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A repository with all exports of hostile settings. No test changes it."""
    with pytest.MonkeyPatch.context() as patch:
        made = repository(tmp_path_factory.mktemp("hostile"), TABLES, **APP)
        patch.chdir(made.folder)
        for name in [*EXPORTS, "kubernetes"]:
            made.make(name)
    return made


def test_each_export_writes_its_files_and_nothing_the_second_time(exported: Make) -> None:
    made = exported(TABLES, **APP)
    for name, paths in EXPORTS.items():
        assert made.make(name).splitlines()[: len(paths)] == [f"written    {path}" for path in paths]
        assert made.make(name).splitlines()[: len(paths)] == [f"unchanged  {path}" for path in paths]
    first = made.make("kubernetes").splitlines()
    assert all(line.startswith(("written    kubernetes/", "timers.odd is left out")) for line in first)
    assert not [line for line in made.make("kubernetes").splitlines() if line.startswith(("written", "updated", "deleted"))]


def test_no_secret_is_in_any_export(hostile: Exported) -> None:
    found = all_files(hostile)
    assert len(found) > 20
    assert not [path for path, text in found.items() if "c4nary" in text]
    named = [path for path, text in found.items() if "SECRET_KEY" in text]
    tops = {path.split("/")[0] for path in named}
    assert tops >= {"Dockerfile", "cloudrun.yaml", "ecs.yaml", "kubernetes", "app.yaml", "Procfile"}


def test_hostile_commands_arrive_unchanged(hostile: Exported) -> None:
    doubled = HOSTILE.replace("$", "$$")
    for path, text in all_files(hostile).items():
        if path.endswith((".yaml", ".yml")):
            values = [value for document in documents(text) for value in texts(document)]
            wanted = HOSTILE if path == "ecs.yaml" else doubled
            commanded = path.endswith(("ecs.yaml", "compose.yaml", "migrate.yaml", "processes.yaml", "timers.yaml"))
            assert (wanted in values) == commanded, path
    assert hostile.text("azure-container-instances.bicep").count(f"\n            {bicep_quote(HOSTILE)}\n") == 2


@pytest.mark.parametrize("name", ["yes", "null", "a-"])
def test_the_name_of_the_app_may_be_a_word_of_yaml(exported: Make, name: str) -> None:
    made = exported(TABLES, **APP, name=name)
    for export in [*EXPORTS, "kubernetes"]:
        made.make(export)
    for path, text in all_files(made).items():
        for document in documents(text) if path.endswith(".yaml") else []:
            named = [document.get("name"), (document.get("metadata") or {}).get("name")]
            assert all(isinstance(each, str) for each in named if each is not None), path


def test_the_procfile_has_a_line_for_each_process(hostile: Exported) -> None:
    text = hostile.text("Procfile")
    assert parse_procfile(text) == {"true": HOSTILE, "migrate": "celery beat"}
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [line.split(":")[0] for line in lines] == ["web", "release", "true", "migrate"]


def test_compose_has_all_parts(hostile: Exported) -> None:
    [found] = documents(hostile.text("compose.yaml"))
    assert set(found["services"]) == {"app", "migrate", "true", "migrate-process", "nginx", "postgres", "redis"}
    assert found["services"]["true"]["deploy"] == {"replicas": 2} and found["services"]["true"]["stop_signal"] == "SIGINT"
    assert found["services"]["app"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert found["x-app"]["env_file"] == ["production.env"]
    assert found["x-app"]["environment"]["DATABASE_URL"] == "postgresql://shop@/shop?host=/run/postgresql"
    assert found["services"]["nginx"]["ports"] == ["127.0.0.1:${HTTP_PORT:-8080}:80"]


def test_compose_waits_for_each_process(hostile: Exported) -> None:
    """`docker compose up --wait` fails if a service that keeps running has its health check disabled."""
    services = documents(hostile.text("compose.yaml"))[0]["services"]
    disabled = [name for name, each in services.items() if each.get("healthcheck", {}).get("disable")]
    assert disabled == ["migrate"] and services["migrate"]["restart"] == "no"


def test_compose_takes_the_variables_of_a_command_from_the_shell(exported: Make) -> None:
    settings = "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n    token: str\n"
    made = exported(env_file="", env_command="pass show shop", files={"settings.py": settings})
    made.make("compose")
    assert documents(made.text("compose.yaml"))[0]["x-app"]["environment"] == {"PORT": "8000", "TOKEN": None}


def test_kubernetes_has_an_overlay_for_each_group(hostile: Exported) -> None:
    found = {path: documents(text) for path, text in all_files(hostile).items() if path.startswith("kubernetes/")}
    odd = resource_name("shop-true")
    assert found["kubernetes/overlays/production/kustomization.yaml"][0]["replicas"] == [
        {"name": "shop", "count": 2}, {"name": odd, "count": 4}, {"name": "shop-migrate", "count": 1},
    ]  # fmt: skip
    staging = found["kubernetes/overlays/Staging_1/kustomization.yaml"][0]
    assert re.fullmatch(r"shop-staging-1-[0-9a-f]{6}", staging["namespace"])
    assert [each["count"] for each in staging["replicas"]] == [1, 2, 0]
    assert staging["configMapGenerator"][0]["literals"] == ["WEB_CONCURRENCY=7"]
    assert [each["target"]["kind"] for each in staging["patches"]] == ["Deployment", "CronJob"]
    assert "$patch: delete" in staging["patches"][1]["patch"]
    [ingress] = found["kubernetes/overlays/Staging_1/ingress.yaml"]
    assert ingress["spec"]["rules"][0]["host"] == "staging.example.com"


@pytest.mark.parametrize(
    ("path", "strip", "rule", "rewrites"),
    [
        ("/api", True, {"path": "/api(/|$)(.*)", "pathType": "ImplementationSpecific"}, True),
        ("/v1.0", True, {"path": r"/v1\.0(/|$)(.*)", "pathType": "ImplementationSpecific"}, True),
        ("/api", False, {"path": "/api", "pathType": "Prefix"}, False),
    ],
)
def test_kubernetes_takes_the_path_of_the_app_off(
    exported: Make, path: str, strip: bool, rule: dict[str, str], rewrites: bool
) -> None:
    text = f'[nginx]\npath = "{path}"\nstrip_path = {str(strip).lower()}\n'
    made = exported(text, domains=["a.example.com"], health="/health" if strip else f"{path}/health")
    made.make("kubernetes")
    [ingress] = documents(made.text("kubernetes/overlays/production/ingress.yaml"))
    assert ingress["spec"]["rules"][0]["http"]["paths"][0].items() >= rule.items()
    target = ingress["metadata"]["annotations"].get("nginx.ingress.kubernetes.io/rewrite-target")
    assert target == ("/$2" if rewrites else None)


@pytest.mark.parametrize(
    ("memory", "limits"),
    [
        ("75%", {"cpu": "1", "memory": "512Mi"}),
        ("4G", {"cpu": "1", "memory": "4Gi"}),
        ("4097M", {"cpu": "2", "memory": "4097Mi"}),
        ("16G", {"cpu": "4", "memory": "16Gi"}),
        ("32G", {"cpu": "8", "memory": "32Gi"}),
    ],
)
def test_cloud_run_has_as_many_processors_as_the_memory_needs(exported: Make, memory: str, limits: dict[str, str]) -> None:
    made = exported(memory_max=memory)
    made.make("cloudrun")
    [run] = documents(made.text("cloudrun.yaml"))
    assert run["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] == limits


def test_kubernetes_runs_processes_and_timers(hostile: Exported) -> None:
    processes = documents(hostile.text("kubernetes/base/processes.yaml"))[-2:]
    assert [each["spec"]["strategy"]["type"] for each in processes] == ["RollingUpdate", "Recreate"]
    container = processes[0]["spec"]["template"]["spec"]["containers"][0]
    assert container["lifecycle"]["preStop"]["exec"]["command"][2].startswith("kill -INT 1;")
    [timer] = [each for each in documents(hostile.text("kubernetes/base/timers.yaml")) if each]
    assert (timer["spec"]["schedule"], timer["spec"]["timeZone"]) == ("30 8 * * 1,2,3,4,5", "Europe/Berlin")
    assert "Left out: timers.odd: cron cannot say" in hostile.text("kubernetes/base/kustomization.yaml")


def test_kubernetes_deletes_files_that_it_does_not_need(exported: Make) -> None:
    made = exported(TABLES, **APP)
    made.make("kubernetes")
    (made.folder / "kubernetes/overlays/mine").mkdir()
    (made.folder / "kubernetes/overlays/mine/kustomization.yaml").write_text("resources: [../production]\n")
    edited = made.folder / "kubernetes/overlays/Staging_1/kustomization.yaml"
    edited.write_text(edited.read_text() + "# mine\n")
    made.settings(TABLES.replace('Staging_1 = ["c"]', "").partition("[timers.no]")[0] + "[hosts.a]\n")
    shown = made.make("kubernetes")
    assert "deleted    kubernetes/base/timers.yaml" in shown and "deleted    kubernetes/base/migrate.yaml" in shown
    assert "overlays/Staging_1" not in shown and (edited.parent / "namespace.yaml").exists() and edited.exists()
    assert (made.folder / "kubernetes/overlays/mine/kustomization.yaml").exists()


def test_the_health_check_is_a_command_where_statuses_differ(hostile: Exported, exported: Make) -> None:
    def probe(made: Exported) -> Any:
        [deployment] = documents(made.text("kubernetes/base/deployment.yaml"))
        return deployment["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]

    assert "[(200, 200), (300, 308)]" in probe(hostile)["exec"]["command"][2]
    compile(probe(hostile)["exec"]["command"][2], "probe", "exec")
    made = exported(health="/health?full=1")
    made.make("kubernetes", force=True)
    assert probe(made)["httpGet"]["path"] == "/health?full=1"


@pytest.mark.parametrize("name", [each for each in EXPORTS if each != "docker"])
def test_what_a_platform_has_not_is_named(hostile: Exported, name: str) -> None:
    """Timers that run on one server only, too."""
    text = hostile.text(EXPORTS[name][0])
    left_out = text.partition("Left out")[2].partition("\n\n")[0]
    named = {"procfile": "shared_paths", "compose": "hooks"}.get(name, "uploads")
    assert "no, odd" in left_out and named in left_out


@pytest.mark.parametrize("name", EXPORTS)
def test_metrics_notifications_and_limits_without_a_setting_are_named(hostile: Exported, name: str) -> None:
    left_out = hostile.text(EXPORTS[name][0]).partition("Left out")[2]
    assert {"[metrics]", "[notify]", "memory_max"} <= set(re.findall(r"\[\w+\]|memory_max", left_out))
    sends_another = ("ecs", "azure-app-service")
    assert ("Host header shop.example.com" in left_out) == (name in (*sends_another, "azure-container-instances"))


def test_the_memory_of_the_app_is_that_of_each_platform_with_such_a_setting(exported: Make) -> None:
    made = exported(memory_max="1300M", health_host="inner")
    for name in EXPORTS:
        made.make(name)
    [compose], [ecs], [engine] = (documents(made.text(path)) for path in ("compose.yaml", "ecs.yaml", "app.yaml"))
    task = ecs["Resources"]["WebTask"]["Properties"]
    assert compose["x-app"]["mem_limit"] == "1300m" and engine["instance_class"] == "F4"
    assert (task["Cpu"], task["Memory"], task["ContainerDefinitions"][0]["Memory"]) == ("512", "2048", 1300)
    assert "memoryInGB: json('1.3')\n" in made.text("azure-container-instances.bicep")
    assert "--memory 1300m" in made.text("Dockerfile") and "Host header inner" in made.text("cloudrun.yaml")


def test_the_apps_own_variables_come_before_those_of_services_in_compose(exported: Make) -> None:
    made = exported(TABLES, files={"production.env": 'DATABASE_URL="c4nary"\n'})
    made.make("compose")
    assert documents(made.text("compose.yaml"))[0]["x-app"]["environment"].keys() == {"PORT", "REDIS_URL"}


STRINGS = [HOSTILE, "", "yes", "1e3", "a\nb\r\x85\u2028c\x00\x7f", "\ud7ff\ufffe\U0010ffff", "- a: b #", "'", "\\"]


@pytest.mark.parametrize("value", STRINGS)
def test_a_string_of_yaml(value: str) -> None:
    assert documents(f"x: {yaml_quote(value)}\ny: [{yaml_quote(value)}]") == [{"x": value, "y": [value]}]
    assert documents(f"x: {yaml_word(value)}") == [{"x": value}]


@pytest.mark.parametrize("value", [HOSTILE, "", "a\nb\u2028", "${x}", "it's", "\\${", "$${a}"])
def test_a_string_of_bicep(value: str) -> None:
    """https://learn.microsoft.com/azure/azure-resource-manager/bicep/data-types#strings"""
    quoted = bicep_quote(value)
    inside = re.fullmatch(r"'((?:[^'\\\n$]|\$(?!\{)|\\['\\$]|\\u\{[0-9a-f]+\})*)'", quoted)
    assert inside, quoted
    escapes = re.compile(r"\\(?:u\{([0-9a-f]+)\}|(.))")
    assert escapes.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], inside[1]) == value


@pytest.mark.parametrize("text", ["shop", "shop-", "shop-" + "x" * 60, "Shop_1.x", "yes", "null"])
def test_the_names_of_resources(text: str) -> None:
    name = resource_name(text)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) and len(name) <= 52
    assert (name == text) == (text == "shop")
