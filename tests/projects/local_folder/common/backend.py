"""A build backend without requirements, so that a test needs no network. It writes beside its source, as setuptools does."""

import base64
import hashlib
import pathlib
import tomllib
import zipfile


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Make a wheel of the package that pyproject.toml names."""
    pathlib.Path("written-by-the-build").write_text("x")
    pyproject = tomllib.loads(pathlib.Path("pyproject.toml").read_text())
    project, source = pyproject["project"], pathlib.Path(pyproject.get("tool", {}).get("test", {}).get("source", "."))
    name, info = project["name"], f"{project['name']}-{project['version']}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {project['version']}"]
    listed = pathlib.Path("needs.txt").read_text().split() if pathlib.Path("needs.txt").exists() else project.get("dependencies", [])
    lines += [f"Requires-Dist: {each}" for each in listed]
    files = {str(path.relative_to(source)): path.read_bytes() for path in source.glob(f"{name}/**/*.py")}
    files |= {f"{info}/METADATA": "\n".join(lines).encode() + b"\n", f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    scripts = "".join(f"{key} = {value}\n" for key, value in project.get("scripts", {}).items())
    files |= {f"{info}/entry_points.txt": f"[console_scripts]\n{scripts}".encode()} if scripts else {}
    digests = {path: base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode() for path, content in files.items()}
    files[f"{info}/RECORD"] = "".join(f"{path},sha256={digest},\n" for path, digest in digests.items()).encode() + f"{info}/RECORD,,\n".encode()
    wheel = f"{name}-{project['version']}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, wheel), "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return wheel


build_editable = build_wheel
