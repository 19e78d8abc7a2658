"""The jobs in examples/ci/: the published schemas, actionlint, and the rules that keep a server's key safe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

from selvedge.version import VERSION
from tests.support.paths import ROOT

FOLDER = ROOT / "examples/ci"
SCHEMAS = {"github.yml": "github-workflows", "gitea.yml": "github-workflows", "gitlab.yml": "gitlab-ci"}
ACTIONLINT = Path(sys.executable).with_name("actionlint")


def actionlint(*files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ACTIONLINT, "-no-color", *files], capture_output=True, text=True, check=False)


def matches_schema(file: Path, schema: str) -> bool:
    return CliRunner().invoke(check_jsonschema, ["--builtin-schema", f"vendor.{schema}", str(file)]).exit_code == 0


def test_every_example_has_a_schema() -> None:
    assert {path.name for path in FOLDER.glob("*.yml")} == SCHEMAS.keys()


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_file_follows_the_published_schema(name: str, tmp_path: Path) -> None:
    text = (FOLDER / name).read_text()
    assert matches_schema(FOLDER / name, SCHEMAS[name])
    # The schema of GitLab allows anything in a job whose name begins with a dot.
    copy = tmp_path / name
    named = text.replace("\n.selvedge:\n", "\nselvedge:\n  script: ls\n")
    copy.write_text(named)
    assert matches_schema(copy, SCHEMAS[name])
    copy.write_text(named.replace("runs-on: ubuntu-latest", "runs-on: []").replace("image: python:3.13", "image: 3"))
    assert not matches_schema(copy, SCHEMAS[name])


@pytest.mark.skipif(not ACTIONLINT.exists(), reason="its package has no program for this system")
def test_actionlint_has_nothing_to_say(tmp_path: Path) -> None:
    done = actionlint(FOLDER / "github.yml", FOLDER / "gitea.yml")
    assert done.returncode == 0, done.stdout
    broken = tmp_path / "broken.yml"
    broken.write_text((FOLDER / "github.yml").read_text().replace("secrets.DEPLOY_KEY", "secret.DEPLOY_KEY"))
    assert "undefined variable" in actionlint(broken).stdout


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_job_is_safe_with_its_secrets(name: str) -> None:
    text = (FOLDER / name).read_text()
    code = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert "ssh-keyscan" not in text and "StrictHostKeyChecking" not in text
    assert "trap 'ssh-agent -k >/dev/null; rm -f production.env' EXIT" in text
    # Text from outside, in the middle of a script, would run as shell.
    assert not [line for line in code if "${{" in line and not line.strip().startswith(("DEPLOY_KEY:", "APP_ENV:", "TASK:"))]
    assert f"selvedge-deploy=={VERSION}" in text
    assert text.count("--wait 600") == 2
    if name != "gitlab.yml":
        assert "permissions:\n  contents: read\n" in text and "persist-credentials: false" in text
        assert "cancel-in-progress: false" in text and "fetch-depth: 0" in text
    else:
        assert "resource_group: production" in text and 'GIT_DEPTH: "0"' in text
