"""Virtual environments."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

import pytest

from selvedge.resources.code.venv import Venv
from tests.hosts.scripts.resources.modes import mode

# The parts of uv and Python that a build uses. The environment's Python logs who runs it, since packages can add code
# to its start-up.
UV = """echo "$(id -u -n) $*" >>/srv/uv.log
case $1 in
  export)
    for last; do :; done
    echo exported >"$last"
    ;;
  venv)
    for fresh; do :; done
    mkdir -p "$fresh/bin"
    cat >"$fresh/bin/python" <<'EOF'
#!/bin/sh
echo "$(id -u -n) $*" >>/srv/python.log
case $* in *find_spec*gunicorn*) exit 1 ;; esac
EOF
    chmod 0755 "$fresh/bin/python"
    ;;
  pip)
    for last; do :; done
    if grep -s -q nosuchpackage "$last"; then
      printf 'error: no such package\n  cause: not here\n  cause: nor there\n' >&2
      exit 1
    fi
    ;;
esac"""
# The programs of the build run in a real Python.
PROGRAMS = """case $* in *__main__*) exec /usr/bin/python3 "$@" ;; esac
"""
PYTHON = PROGRAMS + """echo 3.12.4
echo "$(id -u -n) $*" >>/srv/base.log"""


@pytest.fixture
def builder(server: Any) -> Any:
    """A server with a fake uv and a fake Python."""
    server.program("uv", UV)
    server.program("python3.12", PYTHON)
    for log in ("uv.log", "python.log"):
        server.path(f"/srv/{log}").touch()
        server.path(f"/srv/{log}").chmod(0o666)
    server.path("/srv/hello/venvs").mkdir(parents=True)
    return server


def release(server: Any, name: str, **files: str) -> Venv:
    folder = server.path(f"/srv/hello/releases/{name}")
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file.replace("_", ".")).write_text(text)
    programs = {"python": "/usr/local/sbin/python3.12", "uv": "/usr/local/sbin/uv"}
    more = {"installer": "uv", "requirements": "", "extras": ("gunicorn", "uvicorn-worker"), "user": "daemon"}
    places = (f"/srv/hello/releases/{name}", "", "/srv/hello/repo.git", 40 * "0", "/srv/hello/venvs", "/var/cache/selvedge/daemon")
    return Venv(*places, **programs, **more)


def built(server: Any) -> list[str]:
    """Return the calls of uv since the last look, each with its user."""
    log = server.path("/srv/uv.log")
    text = re.sub(r"/srv/hello/venvs/\w+\.\w+", "NEW", log.read_text())
    rows = re.sub(r"/var/cache/selvedge/daemon/build\.\w+", "WORK", text).splitlines()
    log.write_text("")
    return rows


INSTALLED = [
    "daemon venv --quiet --no-project --allow-existing --python /usr/local/sbin/python3.12 NEW",
    "daemon pip install --python NEW/bin/python --requirement requirements.txt",
    "daemon pip install --python NEW/bin/python --constraint WORK/constraints.txt "
    "--requirement WORK/source/selvedge-indexes.txt gunicorn",
]


def test_the_app_builds_a_virtual_environment_that_root_owns(builder: Any) -> None:
    builder.make(release(builder, "one", requirements_txt="fastapi\n"))
    assert built(builder) == INSTALLED
    link = builder.path("/srv/hello/releases/one/.venv")
    environment = builder.path("/srv/hello/venvs") / link.readlink().name
    for entry in [environment, *environment.rglob("*")]:
        status = entry.lstat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o027) == (0, 1, 0), entry
    assert mode(environment / "bin/python") == "0o750"
    cache = builder.path("/var/cache/selvedge/daemon")
    assert mode(cache) == "0o700" and cache.owner() == "root", "the running app could change what is installed next"


def test_root_runs_no_code_of_the_packages(builder: Any) -> None:
    builder.make(release(builder, "one", requirements_txt="fastapi\n", main_py="x = 1\n"))
    users = {row.split()[0] for log in ("python.log", "uv.log") for row in builder.path(f"/srv/{log}").read_text().splitlines()}
    assert users == {"daemon"}
    compiled = builder.path("/srv/base.log").read_text()
    assert compiled.startswith("root -I -S -c ") and "get_code" in compiled


def test_releases_with_the_same_requirements_share_an_environment(builder: Any) -> None:
    files = {"requirements_txt": "-r base.txt\n", "base_txt": "fastapi==1\n"}
    builder.make(release(builder, "one", **files))
    assert len(built(builder)) == 3
    done = builder.apply(builder.plan(release(builder, "two", **files)))
    assert done.said == ["using the virtual environment of an earlier release: Python 3.12.4, requirements.txt"]
    assert built(builder) == []
    # An included file of requirements counts, too.
    builder.make(release(builder, "three", **{**files, "base_txt": "fastapi==2\n"}))
    assert len(built(builder)) == 3
    links = {name: builder.path(f"/srv/hello/releases/{name}/.venv").readlink() for name in ("one", "two", "three")}
    assert links["one"] == links["two"] != links["three"]


def test_a_failed_build_leaves_nothing(builder: Any) -> None:
    builder.make(release(builder, "one", requirements_txt="fastapi\n"))
    before = builder.tree("/srv/hello/venvs")
    broken = release(builder, "two", requirements_txt="nosuchpackage\n")
    done = builder.apply(builder.plan(broken))
    assert done.status == 1
    assert done.error == "Could not install the requirements in requirements.txt: no such package: not here: nor there"
    after = builder.tree("/srv/hello/venvs")
    assert {name: entry[-1] for name, entry in after.items()} == {name: entry[-1] for name, entry in before.items()}
    assert not os.path.lexists(builder.path("/srv/hello/releases/two/.venv"))
    assert builder.path("/var/cache/selvedge/daemon").owner() == "root"
    assert builder.plan(broken)


def test_leftovers_of_an_interrupted_build_are_deleted(builder: Any) -> None:
    one = release(builder, "one", requirements_txt="fastapi\n")
    builder.make(one)
    name = builder.path("/srv/hello/releases/one/.venv").readlink().name
    folder = builder.path("/srv/hello/venvs")
    (folder / name / ".selvedge").unlink()
    (folder / "one.half12").mkdir()
    builder.path("/srv/hello/releases/one/.venv").unlink()
    builder.make(one)
    left = [entry.name for entry in folder.iterdir()]
    assert len(left) == 1 and left != [name]
    assert not list(builder.path("/var/cache/selvedge/daemon").glob("build.*"))


TEXTS = {"pyproject.toml": '[project]\nname = "x"\n'}
LOCKS = ["uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml"]


def test_a_lock_file_wins_over_looser_requirements(builder: Any) -> None:
    for first, name in enumerate(LOCKS):
        one = release(builder, f"r{first}", **{lock.replace(".", "_"): TEXTS.get(lock, "") for lock in LOCKS[first:]})
        done = builder.apply(builder.plan(one))
        assert done.said[-1] == f"uv installs {name} for Python 3.12.4"
        assert len(done.said) == 2 and ("left out: " in done.said[0] or "has no lock file beside it" in done.said[0])
    assert any(row.startswith("daemon export --frozen --no-dev") for row in built(builder))
    asked = replace(release(builder, "asked", uv_lock="", other_txt="fastapi\n"), requirements="other.txt")
    assert builder.apply(builder.plan(asked)).said == ["uv installs other.txt for Python 3.12.4"]


def test_a_missing_file_of_the_environment_is_named(builder: Any) -> None:
    one = release(builder, "one", main_py="x\n")
    cases = {
        "This commit lists no packages: the top folder has none of uv.lock, pylock.toml, poetry.lock": one,
        "This commit has no other.txt in the top folder.": replace(one, requirements="other.txt"),
        "The folder backend (app.root) is not in this commit.": replace(one, root="backend"),
        "Python is missing at /nowhere. Run `fab install` first.": replace(one, python="/nowhere"),
        "uv is missing at /nowhere. Run `fab install` first.": replace(one, uv="/nowhere"),
    }
    for sentence, each in cases.items():
        done = builder.apply(builder.plan(each))
        assert done.status == 1 and done.error.startswith(sentence), done.output
    assert not list(builder.path("/srv/hello/venvs").iterdir())


PYTHON_WITH_PIP = PROGRAMS + """case $* in *'-m venv'*) ;; *) echo 3.12.4; exit ;; esac
for fresh; do :; done
mkdir -p "$fresh/bin"
cat >"$fresh/bin/python" <<'EOF'
#!/bin/sh
case $* in
  *find_spec*) exit 0 ;;
  *'-m pip install'*) { echo "$*"; [ "$4" != --requirement ] || cat "$5"; } >>/srv/uv.log ;;
  *) exec /usr/bin/python3 "$@" ;;
esac
EOF
chmod 0755 "$fresh/bin/python"
"""


def test_pip_installs_the_dependencies_of_a_pyproject(builder: Any) -> None:
    project = '[project]\nname = "x"\nversion = "1"\ndependencies = ["fastapi>=0.1", "other"]\n'
    builder.program("python3.12", PYTHON_WITH_PIP)
    one = replace(release(builder, "one", pyproject_toml=project), installer="pip")
    builder.make(one)
    assert built(builder) == ["-m pip install --requirement WORK/requirements.txt", "fastapi>=0.1", "other"]
    broken = replace(release(builder, "two", pyproject_toml="[project\n"), installer="pip")
    done = builder.apply(builder.plan(broken))
    assert done.status == 1 and done.error.startswith("pyproject.toml is not valid TOML: ")
    locked = replace(release(builder, "three", uv_lock=""), installer="pip")
    assert builder.apply(builder.plan(locked)).error.startswith("pip cannot install uv.lock. Set installer")
