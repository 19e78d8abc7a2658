from __future__ import annotations
from pathlib import Path
from typing import Any
import shutil
import subprocess
import zipfile
import pytest
from tests.hosts.scripts.resources.environments import Builder, edit, project
from tests.hosts.scripts.resources.repository import commit, git

VALUE = "python -c 'import common; print(common.value)'"
COMMON = "common/common/__init__.py"

@pytest.fixture
def builder(server: Any) -> Builder:
    return Builder(server)

@pytest.fixture
def local(tmp_path: Path) -> Path:
    return project("local_folder", tmp_path / "app")

@pytest.fixture
def package(tmp_path: Path) -> Path:
    return project("package", tmp_path / "app")

def wheel(path: Path, name: str, version: str, value: str, needs: str = "") -> None:
    path.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path / f"{name}-{version}-py3-none-any.whl", "w") as w:
        w.writestr(f"{name}.py", f"value = {value!r}\n")
        w.writestr(f"{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        w.writestr(f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        w.writestr(f"{name}-{version}.dist-info/RECORD", f"{name}.py,,\n")

def test_requirements_lock_added(builder, local):
    assert builder.must(local) == "built"
    edit(local, {"requirements.lock": "# nothing\n"})
    print(builder.must(local)); print(builder.run(VALUE))
    assert "ModuleNotFoundError" in builder.run(VALUE)

@pytest.mark.parametrize("line", ["-e file:.", "-e file:common", "-e file:./common"])
def test_rye(builder, local, line):
    edit(local, {"requirements.lock": f"{line}\n", "requirements.txt": None, "base.txt": None})
    if line.endswith("."):
        shutil.move(local/"common", local/"c")
        for f in (local/"c").iterdir():
            shutil.move(f, local / f.name)
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")

@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_symlinked_requirements(server, local, installer):
    builder = Builder(server, installer)
    edit(local, {"requirements.txt": None, "base.txt": None, "deploy/prod.txt": "-r base.txt\n", "base.txt": "-e common\n"})
    (local / "requirements.txt").symlink_to("deploy/prod.txt")
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    edit(local, {"base.txt": "# None\n"})
    print(builder.must(local))
    assert "ModuleNotFoundError" in builder.run(VALUE)

@pytest.mark.parametrize("where", ["pyproject", "uv.toml", "index"])
def test_uv_find_links(builder, tmp_path, where):
    app = tmp_path / "app"
    wheel(app / "wheels", "common", "1", "1")
    conf = {"pyproject": '[tool.uv]\nfind-links = ["./wheels"]\n', "uv.toml": "", "index": '[[tool.uv.index]]\nname = "own"\nurl = "./wheels"\nformat = "flat"\n'}[where]
    edit(app, {"pyproject.toml": '[project]\nname="x"\nversion="1"\nrequires-python = ">=3.9"\ndependencies=["common"]\n' + conf, "main.py": ""})
    if where == "uv.toml":
        edit(app, {"uv.toml": 'find-links = ["./wheels"]\n'})
    assert (builder.must(app), builder.run(VALUE)) == ("built", "1")
    wheel(app / "wheels", "common", "2", "2")
    print(builder.must(app))
    assert builder.run(VALUE) == "2"

def test_gunicorn_folder(builder, local):
    edit(local, {"extra_package/conf.py": "x=1\n"})
    done = builder.build(local, extras=("extra-package",))
    assert done.status == 0, done.output
    assert builder.run("cd /; python -c 'import extra_package; print(extra_package.__file__ is not None)'") == "True"

def test_source_of_a_part(builder, local):
    head = '[project]\nname = "{0}"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["{1}"]\n\n'
    build = "[build-system]" + (local / "common/pyproject.toml").read_text().partition("[build-system]")[2]
    src = "[tool.uv.sources]\ncommon = {{ path = '{}' }}\n"
    shutil.copytree(local / "common", local / "other")
    edit(local, {"other/common/__init__.py": "value = 'other'\n", "base.txt": "./libs/middle\n", "libs/middle/middle/__init__.py": "from common import value\n",
      "libs/middle/tiny_backend.py": (local / "common/tiny_backend.py").read_text(),
      "libs/middle/pyproject.toml": head.format("middle", "common") + src.format("../../common") + build})
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    edit(local, {"libs/middle/pyproject.toml": head.format("middle", "common") + src.format("../../other") + build})
    print(builder.must(local))
    assert builder.run(VALUE) == "other"

def test_missing_editable_is_not_taken_from_the_index(builder, local):
    edit(local, {"base.txt": "-e extra-package\n"})
    done = builder.build(local)
    assert done.status == 1, done.output

def test_pylock_editable(builder, local):
    edit(local, {"requirements.txt": None, "base.txt": None, "pylock.toml": 'lock-version = "1.0"\ncreated-by = "uv"\nrequires-python = ">=3.9"\n\n[[packages]]\nname = "common"\ndirectory = { path = "common", editable = true }\n'})
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    edit(local, {COMMON: "value = 2\n"})
    assert (builder.must(local), builder.run(VALUE)) == ("renewed", "2")

def test_pylock_prod(builder, local):
    edit(local, {"requirements.txt": None, "base.txt": None, "pylock.prod.toml": 'lock-version = "1.0"\ncreated-by = "uv"\nrequires-python = ">=3.9"\n\n[[packages]]\nname = "common"\ndirectory = { path = "common", editable = true }\n'})
    assert (builder.must(local, requirements="pylock.prod.toml"), builder.run(VALUE)) == ("built", "1")

def test_inline_workspace(builder, tmp_path):
    workspace = project("workspace", tmp_path / "app")
    (workspace / "pyproject.toml").write_text('[tool.uv]\nworkspace = { members = ["backend", "libs/*"] }\n')
    seen = "python -c 'import backend; print(backend.value)'"
    assert (builder.must(workspace), builder.run(seen)) == ("built", "1")

@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_setup_cfg_with_build_system(server, local, installer):
    builder = Builder(server, installer)
    backend = (local / "common/tiny_backend.py").read_text().replace('pyproject["project"]', '{"name": "common", "version": "1", "dependencies": ["extra-package"]}')
    shutil.move(local/"common", local/"c")
    for f in list((local/"c").iterdir()):
        shutil.move(f, local / f.name)
    edit(local, {"requirements.txt": None, "base.txt": None, "tiny_backend.py": backend, "setup.cfg": "[metadata]\nname = common\n[options]\ninstall_requires = extra-package\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "tiny_backend"\nbackend-path = ["."]\n'})
    assert (builder.must(local), builder.run("python -c 'import common, extra_package; print(1)'")) == ("built", "1")

@pytest.mark.parametrize("conf", ['[tool.uv]\nlink-mode = "symlink"\n', '[tool.uv.pip]\nsystem = true\n', '[tool.uv.pip]\nrequire-hashes = true\n', '[tool.uv.pip]\nno-deps = true\n', '[tool.uv.pip]\ntarget = "lib"\n', '[tool.uv.pip]\npython = "3.8"\n',"[tool.uv]\nno-index = true\n"])
def test_uv_config(builder, local, conf):
    edit(local, {"base.txt": "extra-package\n", "pyproject.toml": conf})
    if "require-hashes" in conf:
        edit(local, {"base.txt": "# none\n"})
    done = builder.build(local, extras=("extra-package",))
    assert done.status == 0, done.output
    assert builder.run("python -c 'import extra_package; print(1)'") == "1"
    assert not [p for p in builder.environment().rglob("*") if p.is_symlink() and "cache" in str(p.readlink())]

def test_nested_find_links(builder, tmp_path):
    app = tmp_path / "app"
    wheel(app / "wheels", "common", "1", "1")
    edit(app, {"requirements/prod.txt": "--find-links ../wheels\ncommon\n"})
    done = builder.build(app, requirements="requirements/prod.txt", extras=("extra-package",))
    assert done.status == 0, done.output
    wheel(app / "wheels", "common", "2", "2")
    builder.must(app, requirements="requirements/prod.txt", extras=("extra-package",))
    assert builder.run(VALUE) == "2"

def test_find_links_dot(builder, tmp_path):
    app = tmp_path / "app"
    wheel(app, "common", "1", "1")
    edit(app, {"requirements.txt": "--find-links .\ncommon\n", "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n'})
    builder.must(app)
    wheel(app, "common", "2", "2")
    builder.must(app)
    assert builder.run(VALUE) == "2"

def test_link_loop(builder, local):
    (local / "loop").symlink_to("loop")
    (local / "up").symlink_to("..")
    (local / "self").symlink_to(".")
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    assert builder.must(local) == "shared"

@pytest.mark.parametrize("folder", ["libs and more", "bibliothèque", "a#b", "x[y]"])
def test_odd_paths(builder, local, folder):
    shutil.move(local / "common", local / folder)
    edit(local, {"base.txt": f"./{folder}\n"})
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")

def test_subfolder_pyproject(builder, tmp_path):
    package = project("package", tmp_path / "app" / "backend")
    app = tmp_path / "app"
    done = builder.build(app, requirements="backend/pyproject.toml")
    assert done.status == 0, done.output
    edit(package, {"needs.txt": "extra-package\n"})
    print(builder.must(app, requirements="backend/pyproject.toml"))
    assert builder.run("python -c 'import extra_package; print(1)'") == "1"

def test_stale_build(builder, tmp_path):
    pass

def scm(package):
    text = (package / "pyproject.toml").read_text().replace('version = "1.5"\ndynamic = [', 'dynamic = ["version", ')
    edit(package, {"pyproject.toml": text + "\n[tool.setuptools_scm]\n", "uploads/.gitkeep": "", "notes/a.txt": "1"})
    git(package, "init", "-q", "-b", "main")
    git(package, "commit", "-q", "--allow-empty", "-m", "Before")
    commit(package)
    git(package, "tag", "3.1")

VERSION = "python -c 'from importlib.metadata import version; print(version(\"blog\"))'"

def mirror(builder, package):
    repo = builder.server.path("/srv/hello/repo.git")
    shutil.rmtree(repo, ignore_errors=True)
    git(package, "clone", "-q", "--bare", str(package), str(repo))
    repo.chmod(0o700)

def plain(package, to):
    shutil.copytree(package, to, symlinks=True)
    shutil.rmtree(to / ".git")
    return to

def test_empty_commit_with_tag(builder, package, tmp_path):
    scm(package)
    mirror(builder, package)
    first = git(package, "rev-parse", "HEAD")
    app = plain(package, tmp_path / "plain")
    assert builder.must(app, commit=first) == "built"
    assert builder.run(VERSION) == "3.1"
    assert builder.must(app, commit=first) == "shared"
    git(package, "commit", "-q", "--allow-empty", "-m", "Release")
    git(package, "tag", "4.0")
    mirror(builder, package)
    print(builder.must(app, commit=git(package, "rev-parse", "HEAD")))
    assert builder.run(VERSION) == "4.0"

def test_clean_version(builder, package, tmp_path):
    scm(package)
    mirror(builder, package)
    app = plain(package, tmp_path / "plain")
    shutil.rmtree(app / "uploads")
    (app / "uploads").symlink_to("/srv/hello/shared/uploads")
    (app / "notes/a.txt").write_text("carried")
    assert builder.must(app) == "built"
    assert builder.run(VERSION) == "3.1"

def test_link_retarget(builder, local):
    shutil.move(local / "common", local / "v1")
    shutil.copytree(local / "v1", local / "v2")
    (local / "v2/common/__init__.py").write_text("value = 2\n")
    (local / "common").symlink_to("v1")
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    (local / "common").unlink()
    (local / "common").symlink_to("v2")
    print(builder.must(local))
    assert builder.run(VALUE) == "2"

def test_link_retarget_include(builder, local):
    (local / "base.txt").rename(local / "one.txt")
    (local / "two.txt").write_text("# none\n")
    (local / "base.txt").symlink_to("one.txt")
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    (local / "base.txt").unlink()
    (local / "base.txt").symlink_to("two.txt")
    print(builder.must(local))
    assert "ModuleNotFound" in builder.run(VALUE)

def test_variable_constraint(builder, tmp_path):
    app = tmp_path / "app"
    wheels = builder.server.path("/opt/wheels")
    for v in "12":
        wheel(wheels, "common", v, v)
    edit(app, {"requirements.txt": "common\n", "limits.txt": "common<2\n"})
    env = builder.server.path("/etc/selvedge/hello/build.env")
    env.parent.mkdir(parents=True)
    env.write_text('UV_CONSTRAINT="limits.txt"\n')
    assert (builder.must(app, build_env="/etc/selvedge/hello/build.env"), builder.run(VALUE)) == ("built", "1")
    edit(app, {"limits.txt": "common<3\n"})
    print(builder.must(app, build_env="/etc/selvedge/hello/build.env"))
    assert builder.run(VALUE) == "2"

def test_build_folder_in_git(builder, tmp_path):
    import sys
    app = tmp_path / "app"
    shutil.copy2("/usr/share/python-wheels/setuptools-66.1.1-py3-none-any.whl", builder.server.path("/opt/wheels"))
    wheel(builder.server.path("/opt/wheels"), "wheel", "0", "0")
    edit(app, {"requirements.txt": ".\n", "setup.py": "from setuptools import setup\nsetup(name='common', version='1', packages=['common'], package_dir={'': 'src'})\n", "src/common/__init__.py": "value = 1\n", "build/lib/common/__init__.py": "value = 'stale'\n"})
    print(builder.build(app).output)
    assert builder.run(VALUE) == "1"

def test_data_and_bits(builder, local):
    builder.must(local)
    edit(local, {"data.bin": "x"})
    assert builder.must(local) == "renewed"
    (local / "data.bin").chmod(0o755)
    assert builder.must(local) == "renewed"

def test_src_name_and_case(builder, tmp_path):
    package = project("package", tmp_path / "app")
    edit(package, {"requirements.txt": "Extra_Package\n"})
    assert builder.must(package) == "built"
    assert builder.run("blog-title; python -c 'import extra_package'") == "one"
