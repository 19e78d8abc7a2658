"""The Dockerfile: what it installs, for each way to list packages, and how it quotes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.errors import ConfigError
from selvedge.project.render import template
from tests.support.exports import HOSTILE, Exported

Make = Callable[..., Exported]
PACKAGE = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["fastapi"]\n'
NAMES = "[project.optional-dependencies]\nserver = []\n[dependency-groups]\nprod = []\n"
BUILT = PACKAGE + '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
WORKSPACE = 'version = 1\n[manifest]\nmembers = [\n "shop",\n]\n[[package]]\nname = "shop"\nsource = { editable = "backend" }\n'
CASES = {
    "requirements": ({}, {}, ['["requirements.txt", "/src/"]', "uv pip install --requirement requirements.txt"]),
    "included requirements": (
        {"requirements.txt": "-r more/base.txt\n-c limits.txt\n", "more/base.txt": "fastapi\n", "limits.txt": "fastapi<1\n"}, {},
        ['["limits.txt", "requirements.txt", "/src/"]', '["more/base.txt", "/src/more/"]', "--requirement requirements.txt"],
    ),
    "local requirements": (
        {"requirements.txt": "-r base.txt\n", "base.txt": "-e ./libs/common\n"}, {}, [". /src/", "uv pip install"],
    ),
    "another file": (
        {"requirements/prod.txt": "fastapi\n"}, {"requirements": "requirements/prod.txt"},
        ['["requirements/prod.txt", "/src/requirements/"]', "--requirement requirements/prod.txt"],
    ),
    "pyproject": (
        {"requirements.txt": "", "pyproject.toml": PACKAGE + NAMES}, {"requirements": "pyproject.toml", "extras": ["server"]},
        ['["pyproject.toml", "/src/"]', "uv pip install --requirement pyproject.toml --extra server"],
    ),
    "package": (
        {"pyproject.toml": BUILT}, {"requirements": "pyproject.toml"},
        ['["pyproject.toml", "/src/"]', "uv pip install --requirement pyproject.toml", ". /src/", "uv pip install --no-deps ."],
    ),
    "dynamic": (
        {"pyproject.toml": BUILT.replace('dependencies = ["fastapi"]', 'dynamic = ["dependencies"]')},
        {"requirements": "pyproject.toml"}, [". /src/", "--requirement pyproject.toml", "uv pip install --no-deps ."],
    ),
    "uv": (
        {"pyproject.toml": PACKAGE + NAMES, "uv.lock": "version = 1\n"}, {"dependency_groups": ["prod"]},
        ['["pyproject.toml", "uv.lock", "/src/"]', "--frozen --inexact --no-editable --no-dev --group prod --no-install-project",
         ". /src/", "uv sync --frozen --inexact --no-editable --no-dev --group prod"],
    ),
    "a member of a workspace": (
        {"pyproject.toml": '[tool.uv.workspace]\nmembers = ["backend"]\n', "uv.lock": WORKSPACE, "backend/pyproject.toml": PACKAGE,
         "backend/main.py": ""}, {"root": "backend"},
        ['["pyproject.toml", "uv.lock", "/src/"]', '["backend/pyproject.toml", "/src/backend/"]', "uv sync", ". /src/", "uv sync"],
    ),
    "poetry": (
        {"pyproject.toml": PACKAGE + NAMES, "poetry.lock": ""}, {"extras": ["server"], "dependency_groups": ["prod"]},
        ['["poetry.lock", "pyproject.toml", "/src/"]', "poetry export --output /tmp/requirements.txt --extras server --with prod",
         "uv pip install --requirement /tmp/requirements.txt"],
    ),
    "poetry with a folder": (
        {"pyproject.toml": PACKAGE, "poetry.lock": '[package.source]\ntype = "directory"\n'}, {}, [". /src/", "poetry export"],
    ),
    "pdm": (
        {"pyproject.toml": PACKAGE + NAMES, "pdm.lock": '[metadata]\ngroups = ["default", "server", "prod"]\n'},
        {"extras": ["server"], "dependency_groups": ["prod"]},
        ['["pdm.lock", "pyproject.toml", "/src/"]', "pdm export --prod --group server >/tmp/requirements.txt && PDM_IGNORE"],
    ),
    "pipenv": (
        {"Pipfile": "", "Pipfile.lock": '{"_meta": {"sources": [{"name": "pypi", "url": "https://x"}]}}'}, {},
        ['["Pipfile.lock", "Pipfile", "/src/"]', "categories packages >/tmp/requirements.txt && sed -i '/^-i /d'"],
    ),
    "locks in a folder": (
        {"sub/pyproject.toml": PACKAGE, "sub/poetry.lock": ""}, {"requirements": "sub/poetry.lock"},
        ['["sub/poetry.lock", "sub/pyproject.toml", "/src/sub/"]', "poetry --directory sub export --output /tmp/requirements.txt"],
    ),
    "pylock": (
        {"pylock.toml": 'lock-version = "1.0"\npackages = []\n'}, {}, ['["pylock.toml", "/src/"]', "--requirement pylock.toml"],
    ),
    "settings of uv": (
        {"pyproject.toml": "[tool.uv]\n", "uv.toml": ""}, {},
        ['["requirements.txt", "uv.toml", "pyproject.toml", "/src/"]', "uv pip install --requirement requirements.txt"],
    ),
    "settings of uv above the app": (
        {"uv.toml": "", "backend/requirements.txt": "fastapi\n"}, {"root": "backend"},
        ['["backend/requirements.txt", "/src/backend/"]', '["uv.toml", "/src/"]', "--requirement requirements.txt"],
    ),
    "setup.py": (
        {"setup.py": ""}, {"requirements": "setup.py"}, [". /src/", "--requirement setup.py", "uv pip install --no-deps ."],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_packages_come_before_the_code(exported: Make, name: str) -> None:
    """Of the files that list packages, the layers before the code have all, and if possible no others."""
    files, app, expected = CASES[name]
    made = exported(files=files, **app)
    made.make("docker")
    layers = made.text("Dockerfile").partition("WORKDIR")[2].partition("COPY . /app/")[0]
    lines = re.findall(r"^(?:COPY|    (?:&& )?)(.*?)(?: \\\\)?$", layers, re.MULTILINE)
    steps = [each.strip() for each in lines if "uv pip install gunicorn" not in each]
    assert [want in step for want, step in zip(expected, steps, strict=False)] == [True] * len(expected), steps
    rest = steps[len(expected) :]
    assert not [each for each in rest if each.startswith("[")], "another file than expected comes first"


LOCAL = [
    "-e ./libs", "-elibs/common", "--find-links=wheels", "-i ./simple", "--extra-index-url=file:///src/simple",
    "common @ libs/common", "common[a] @ file:libs/common", "common-1.0-py3-none-any.whl ; sys_platform == 'linux'",
    "common.tar.gz --hash=sha256:ab",
    "${HERE}/x",
]  # fmt: skip
ELSEWHERE = [
    "a @ git+ssh://git@host.example/a.git@main", "a @ https://me:pw@host.example/a.whl", "git+https://host.example/a#egg=a",
    "a # ./x.whl", "--index-url https://host.example/simple", "a==1 \\\n    --hash=sha256:ab", "a[b]==1 ; python_version < '3.9'",
    "--only-binary=:all:",
]  # fmt: skip


@pytest.mark.parametrize("line", [*LOCAL, *ELSEWHERE])
def test_a_line_that_needs_other_files_of_the_repository(exported: Make, line: str) -> None:
    made = exported(files={"requirements.txt": f"fastapi\n{line}\n"})
    made.make("docker")
    assert ("\nCOPY . /src/\n" in made.text("Dockerfile")) == (line in LOCAL)


def test_included_requirements_may_be_utf_16(exported: Make) -> None:
    made = exported(files={"base.txt": "six\n"})
    (made.folder / "requirements.txt").write_bytes("-r base.txt\n".encode("utf-16"))
    made.make("docker")
    assert 'COPY ["base.txt", "requirements.txt", "/src/"]' in made.text("Dockerfile")


SCM = """
[project]
name = "shop"
dynamic = ["version"]
[build-system]
requires = ["setuptools-scm"]
build-backend = "setuptools.build_meta"
"""


@pytest.mark.parametrize("requirements", ["pyproject.toml", "requirements.txt"])
def test_a_version_from_git_needs_git_in_the_first_stage_only(exported: Make, requirements: str) -> None:
    made = exported(files={"pyproject.toml": SCM}, requirements=requirements)
    made.make("docker")
    text = made.text("Dockerfile")
    assert ".git" not in made.text(".dockerignore").splitlines()
    # What setuptools has made on your machine, it would take for the code.
    assert {"**/*.egg-info", "**/build/lib"} <= set(made.text(".dockerignore").splitlines())
    assert "git -C /src update-index" in text and "rm -rf /app/.git" in text
    assert text.index("update-index") < text.index("uv pip install --no-deps .")


STATIC = BUILT.replace("[project]", '[project]\ndescription = "A web shop for vcs fans"\nkeywords = ["scm"]')


@pytest.mark.parametrize(("path", "text", "wanted"), [
    ("pyproject.toml", STATIC, False),
    ("pyproject.toml", STATIC + "[tool.mypy]\nexclude = 'versioneer'\n", False),
    ("pyproject.toml", SCM.replace("setuptools-scm", "hatch-vcs>=0.4"), True),
    ("pyproject.toml", SCM.replace("setuptools-scm", "pdm-backend") + '[tool.pdm.version]\nsource = "scm"\n', True),
    ("pyproject.toml", '[tool.poetry]\nversion = "0"\n[build-system]\nrequires = ["poetry-dynamic-versioning>=1,<2"]\n', True),
    ("setup.cfg", "[metadata]\ndescription = for vcs fans\n[options]\npackages = a\n", False),
    ("setup.cfg", "[options]\nsetup_requires =\n  setuptools\n  pbr>=6\n", True),
    ("setup.py", "setup(use_scm_version=True)\n", True),
    ("setup.py", "setup(description='for vcs fans')  # not versioneer\n", False),
])  # fmt: skip
def test_only_a_tool_that_computes_versions_needs_git(exported: Make, path: str, text: str, wanted: bool) -> None:
    made = exported(files={"pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "x"\n', path: text})
    made.make("docker")
    assert ("git -C /src" in made.text("Dockerfile")) == wanted
    assert (".git" in made.text(".dockerignore").splitlines()) == (not wanted)


@pytest.mark.parametrize("name", CASES)
def test_packages_of_the_repository_are_built_again(exported: Make, name: str) -> None:
    """uv would take what it built of the folder for an older commit, or for another app."""
    files, app, _ = CASES[name]
    made = exported(files=files, **app)
    made.make("docker")
    layers = made.text("Dockerfile").partition("WORKDIR")[2].partition("COPY . /app/")[0]
    commands = re.findall(r"uv (?:pip install|sync) [^&;|]*", layers.rpartition("COPY . /src/")[2])
    ours = [each for each in commands if "gunicorn" not in each and "--no-deps ." not in each]
    assert [("--refresh" in each) for each in ours] == ["COPY . /src/" in layers] * len(ours)


def test_git_is_not_in_other_images(exported: Make) -> None:
    made = exported(files={"pyproject.toml": BUILT}, requirements="pyproject.toml")
    made.make("docker")
    assert ".git" in made.text(".dockerignore").splitlines() and "git -C" not in made.text("Dockerfile")


def test_a_mirror_is_the_index(exported: Make) -> None:
    made = exported('[mirrors]\npreset = "tuna"\n')
    made.make("docker")
    assert 'ARG PIP_INDEX_URL="https://mirrors.tuna.tsinghua.edu.cn/pypi/web/simple"\n' in made.text("Dockerfile")


@pytest.mark.parametrize(
    ("files", "app", "version"),
    [
        ({}, {}, "3.13-trixie"),
        ({}, {"python": "3.12"}, "3.12-trixie"),
        ({}, {"python": "3.12.4"}, "3.12.4-bookworm"),
        ({".python-version": "3.11"}, {}, "3.11-trixie"),
        ({".python-version": "3.8"}, {}, "3.8-bookworm"),
        ({"pyproject.toml": PACKAGE + 'requires-python = ">=3.14"\n'}, {"requirements": "pyproject.toml"}, "3.14-trixie"),
    ],
)
def test_the_python_is_that_of_the_project(exported: Make, files: dict[str, str], app: dict[str, str], version: str) -> None:
    made = exported(files=files, **app)
    made.make("docker")
    found = re.findall(r"^FROM \$\{REGISTRY\}/python:(\S+)", made.text("Dockerfile"), re.MULTILINE)
    assert found == [version, version.replace("-", "-slim-")]


@pytest.mark.parametrize(
    ("app", "words"),
    [
        ({"module": "main:make()"}, ["gunicorn", "main:make()", "--worker-class"]),
        ({"server": "uvicorn", "module": "main:make()"}, ["uvicorn main:make --factory", '--host 0.0.0.0 --port "$PORT"']),
        ({"server": "hypercorn"}, ["exec hypercorn main:app", '--bind 0.0.0.0:"$PORT" --workers ${WEB_CONCURRENCY:-2}']),
        ({"workers": 4, "access_log": True}, ["--access-logfile"]),
    ],
)
def test_the_start_command(exported: Make, app: dict[str, str], words: list[str]) -> None:
    made = exported(**app)
    made.make("docker")
    command = " ".join(json.loads(re.findall(r"^CMD (.*)", made.text("Dockerfile"), re.MULTILINE)[0]))
    assert all(each in command for each in words), command
    assert f"WEB_CONCURRENCY={app.get('workers', 2)}" in made.text("Dockerfile")


def test_debian_packages_of_a_build_are_not_in_the_end(exported: Make) -> None:
    made = exported('[server]\npackages = ["libpq-dev", "libgl1", "gcc", "ffmpeg"]\n')
    made.make("docker")
    build, end = made.text("Dockerfile").split("\nFROM ")[1:]
    assert "ffmpeg gcc libgl1 libpq-dev" in build
    assert "install --yes --no-install-recommends ffmpeg libgl1 &&" in end


def test_shared_paths_are_links_to_the_volume(exported: Make) -> None:
    made = exported(shared_paths=["uploads", "data/blog.db"])
    made.make("docker")
    text = made.text("Dockerfile")
    assert "ln -s /data/uploads /app/uploads" in text and "ln -s /data/data/blog.db /app/data/blog.db" in text
    assert "install -d -o app -g app /data /data/data /data/uploads\n" in text
    assert {"uploads", "data/blog.db", "production.env"} <= set(made.text(".dockerignore").splitlines())


def test_on_a_server_the_volume_is_the_shared_folder(exported: Make, target: Callable[..., Target]) -> None:
    """The script `container` of app.manager = "docker" recognizes the image by its label."""
    made = exported(shared_paths=["uploads"])
    made.make("docker")
    assert "LABEL selvedge.shared=/data " in made.text("Dockerfile")
    settings = [target(name="shop", shared_paths=paths) for paths in (["uploads"], [])]
    scripts = [template("docker/container.j2", app=each, image="shop:1", folder="/x") for each in settings]
    assert ["src=/srv/shop/shared,dst=/data" in each for each in scripts] == [True, False]
    assert """'{{index .Config.Labels "selvedge.shared"}}'""" in scripts[0]


def test_a_secret_file_of_any_name_is_not_in_the_image(exported: Make) -> None:
    made = exported(env_file="./#se*cret !1", files={"#se*cret !1": "X=1\n"})
    made.make("docker")
    assert "\\#se\\*cret?\\!1" in made.text(".dockerignore").splitlines()


def test_the_source_is_the_same_for_each_form_of_the_address(exported: Make) -> None:
    for address in ("git@git.example.com:Me/shop.git", "https://me:c4nary@git.example.com/Me/shop", "ssh://git@git.example.com:2222/Me/shop.git"):
        made = exported()
        subprocess.run(["git", "config", "remote.origin.url", address], check=True)
        made.make("docker")
        assert 'image.source="https://git.example.com/Me/shop"\n' in made.text("Dockerfile")


def test_no_value_of_a_variable_is_in_an_image(exported: Make) -> None:
    made = exported(build_env_file="build.env", files={"build.env": "UV_INDEX_OWN_PASSWORD=c4nary\n"})
    made.make("docker")
    text = made.text("Dockerfile")
    assert "c4nary" not in text and "variables, which the image does not contain: SECRET_KEY, DEBUG" in text
    assert text.count("--mount=type=secret,id=build_env") == 1 and "build.env\n" in made.text(".dockerignore")


def test_commands_stay_in_their_comment(exported: Make) -> None:
    """The migration is the only text of your own in the Dockerfile."""
    made = exported(migrate=HOSTILE)
    made.make("docker")
    instructions = {"ARG", "FROM", "RUN", "ENV", "WORKDIR", "COPY", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "LABEL", "CMD"}
    lines = [line for line in made.text("Dockerfile").replace("\\\n", "").splitlines() if line and not line.startswith("#")]
    assert {line.split()[0] for line in lines} == instructions
    for line in re.findall(r"^(?:CMD|VOLUME) (.*)|HEALTHCHECK .* CMD (.*)", made.text("Dockerfile"), re.MULTILINE):
        assert json.loads("".join(line))


@pytest.mark.parametrize(("path", "line", "named"), [
    ("requirements.txt", "a @ git+ssh://git@git.example.com/me/a.git\n", True),
    ("requirements.txt", "a @ git+https://git.example.com/me/a.git  # git@git.example.com:me/a.git\n", False),
    ("uv.lock", 'version = 1\n[[package]]\nname = "a"\nsource = { git = "ssh://git@git.example.com/me/a.git#1" }\n', True),
    ("poetry.lock", '[package.source]\ntype = "git"\nurl = "git@git.example.com:me/a.git"\n', True),
    ("pyproject.toml", '[project]\nname = "x"\n[tool.uv.sources]\na = { git = "ssh://git@git.example.com/me/a.git" }\n', True),
    ("pyproject.toml", '[project.urls]\nRepository = "git@git.example.com:me/a.git"\n', False),
])  # fmt: skip
def test_packages_from_git_over_ssh_are_named(exported: Make, path: str, line: str, named: bool) -> None:
    more = {} if path == "requirements.txt" or "lock" not in path else {"pyproject.toml": PACKAGE}
    made = exported(files={path: line, **more}, build_env_file="build.env")
    (made.folder / "build.env").write_text("A=1\n")
    assert (f"The build has no SSH key for the git addresses in {path}." in made.make("docker")) == named
    (made.folder / "build.env").write_text('GIT_CONFIG_COUNT="1"\n')
    assert "SSH" not in made.make("docker")


@pytest.mark.parametrize(("text", "said"), [
    ("tool = 1\n", "tool must be a table, not a number"),
    ("project = []\n", "project must be a table, not a list"),
    ('[project]\nname = "shop"\ndependencies = "fastapi"\n', "project.dependencies must be a list, not a string"),
    ("x = [\n", "is not valid TOML"),
])  # fmt: skip
def test_a_wrong_type_in_the_projects_file_is_named(exported: Make, text: str, said: str) -> None:
    shop = exported(files={"pyproject.toml": text})
    (shop.folder / "requirements.txt").unlink()
    with pytest.raises(ConfigError, match=rf"pyproject\.toml .*{said}"):
        shop.make("docker")


@pytest.mark.parametrize("text", ['[tool.uv]\nindex = "https://example.com"', "[tool.uv]\nindex = [1]"])
def test_settings_that_uv_itself_refuses_are_no_traceback(exported: Make, text: str) -> None:
    shop = exported(files={"pyproject.toml": f"{text}\n", "uv.toml": "index = [1]\npip = 1\n"})
    assert "Dockerfile" in shop.make("docker")


@pytest.mark.parametrize("target", ["uv.lock", "/etc/passwd"])
def test_a_lock_that_is_a_link_to_no_file_of_the_repository(exported: Make, target: str) -> None:
    shop = exported()
    (shop.folder / "uv.lock").symlink_to(target)
    with pytest.raises(ConfigError, match=r"uv\.lock cannot be read: .* Commit the file itself"):
        shop.make("docker")
