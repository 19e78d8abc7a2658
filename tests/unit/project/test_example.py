"""The parts of the sample app that need none of its packages; tests/hosts tests the whole app on sandbox servers."""

import ast
import configparser
import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError

from tests.support.pages import File, read_page
from tests.support.paths import ROOT

HELLO = ROOT / "examples" / "hello"
FIELDS = ("GREETING", "ENVIRONMENT", "DATABASE_URL", "API_TOKEN", "APP_SHARED", "RELEASE", "COMMIT")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hello(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The app's settings module, loaded in an empty folder without its variables."""
    for name in FIELDS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("hello_settings", HELLO / "settings.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_settings_without_environment_are_local(hello: ModuleType, tmp_path: Path) -> None:
    settings = hello.Settings()
    assert (settings.release, settings.commit) == ("local", "unknown")
    assert settings.database_url is None
    assert settings.database_file == tmp_path.resolve() / "hello.sqlite3"


def test_settings_come_from_the_deployment(hello: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_SHARED", "/srv/a b%20?/shared")
    monkeypatch.setenv("RELEASE", COMMIT[:12])
    monkeypatch.setenv("COMMIT", COMMIT)
    monkeypatch.setenv("ENVIRONMENT", "")
    settings = hello.Settings()
    assert (settings.release, settings.commit) == (COMMIT[:12], COMMIT)
    assert settings.database_file == Path("/srv/a b%20?/shared/hello.sqlite3")
    assert settings.environment == "development", "an empty variable counts as not set"


def test_settings_never_show_a_secret(hello: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "hunter2")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@db/hello")
    settings = hello.Settings()
    assert settings.api_token.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    with pytest.raises(ValidationError) as refused:
        hello.Settings(api_token=["hunter2"])
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("release", "sentence"), [("local", "runs on your own computer"), (COMMIT[:12], "deployed this FastAPI app")]
)
def test_the_page_escapes_its_values(release: str, sentence: str) -> None:
    pages = Environment(loader=FileSystemLoader(HELLO / "templates"), autoescape=True, undefined=StrictUndefined)
    page = pages.get_template("home.html").render(
        message='<script>"&', version="1", environment="<b>", release=release, commit=COMMIT, visits=7, tool="Selvedge"
    )
    assert "<h1>&lt;script&gt;&#34;&amp;</h1>" in page
    assert "<b>" not in page
    assert sentence in page
    assert COMMIT in page
    assert "<dd>7</dd>" in page


def policies(source: str) -> dict[str, str]:
    """Return the constants of a module whose names end with POLICY."""
    constants = {ast.unparse(node.targets[0]): node.value for node in ast.parse(source).body if isinstance(node, ast.Assign)}
    return {name: ast.literal_eval(value) for name, value in constants.items() if name.endswith("POLICY")}


def test_the_policies_are_those_of_the_documentation() -> None:
    sent = policies((HELLO / "main.py").read_text(encoding="utf-8"))
    parts = read_page(ROOT / "docs/how-to/security-headers.md").parts
    texts = {part.path: part.text for part in reversed(parts) if isinstance(part, File)}
    assert policies(texts["main.py"]) == {"DOCS_POLICY": sent["DOCS_POLICY"]}
    assert tomllib.loads(texts["hosts.toml"])["nginx"]["csp"] == sent["POLICY"]
    assert "unsafe" not in sent["POLICY"] and "http" not in sent["POLICY"]


def test_page_names_only_files_that_exist() -> None:
    page = (HELLO / "templates" / "home.html").read_text(encoding="utf-8")
    named = re.findall(r'(?:src|href)="(static/[^"?]+)', page)
    assert len(named) == 3
    assert [name for name in named if not (HELLO / name).is_file()] == []


def test_requirements_are_pinned_and_leave_gunicorn_to_the_deployment() -> None:
    lines = (HELLO / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    assert [line for line in wanted if not re.fullmatch(r"[a-z0-9-]+==\d+(\.\d+)+", line)] == []
    names = {line.split("==")[0] for line in wanted}
    assert {"fastapi", "pydantic-settings", "sqlalchemy", "alembic", "websockets"} <= names
    assert not names & {"gunicorn", "uvicorn-worker"}


def test_alembic_takes_no_url_from_its_file() -> None:
    ini = configparser.ConfigParser(defaults={"here": str(HELLO)})
    ini.read(HELLO / "alembic.ini", encoding="utf-8")
    assert "sqlalchemy.url" not in ini["alembic"]
    assert (Path(ini["alembic"]["script_location"]) / "env.py").is_file()


def test_readme_names_every_setting(hello: ModuleType) -> None:
    readme = (HELLO / "README.md").read_text(encoding="utf-8")
    assert {name.upper() for name in hello.Settings.model_fields} == set(FIELDS)
    assert [name for name in FIELDS if f"`{name}`" not in readme] == []
