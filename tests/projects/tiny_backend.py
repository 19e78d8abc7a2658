"""A build backend without requirements, so that tests need no network. It writes beside its source, as setuptools does."""

import base64
import hashlib
import pathlib
import subprocess
import tomllib
import zipfile

WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):  # noqa: ARG001
    """Make a wheel of the package that pyproject.toml names. needs.txt lists its dependencies, if it exists."""
    pathlib.Path("written-by-the-build").write_text("x")
    pyproject = tomllib.loads(pathlib.Path("pyproject.toml").read_text())
    project, source = pyproject["project"], pathlib.Path(pyproject.get("tool", {}).get("test", {}).get("source", "."))
    if "version" not in project:
        describe = ["git", "describe", "--tags", "--dirty"]
        project["version"] = subprocess.run(describe, capture_output=True, text=True, check=True).stdout.strip()
    title = f"{project['name']}-{project['version']}"
    files = {str(path.relative_to(source)): path.read_bytes() for path in source.glob(f"{project['name']}/**/*.py")}
    scripts = "".join(f"{key} = {value}\n" for key, value in project.get("scripts", {}).items())
    info = {"METADATA": metadata(project), "WHEEL": WHEEL, "entry_points.txt": f"[console_scripts]\n{scripts}"}
    files |= {f"{title}.dist-info/{name}": text.encode() for name, text in info.items()}
    digests = {path: base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=") for path, content in files.items()}
    record = "".join(f"{path},sha256={digest.decode()},\n" for path, digest in digests.items())
    with zipfile.ZipFile(pathlib.Path(wheel_directory, f"{title}-py3-none-any.whl"), "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
        wheel.writestr(f"{title}.dist-info/RECORD", f"{record}{title}.dist-info/RECORD,,\n")
    return f"{title}-py3-none-any.whl"


def metadata(project):
    needs = pathlib.Path("needs.txt")
    listed = needs.read_text().split() if needs.exists() else project.get("dependencies", [])
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}"]
    return "\n".join([*lines, *(f"Requires-Dist: {each}" for each in listed), ""])


build_editable = build_wheel
