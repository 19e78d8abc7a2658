"""The file of a page: checked before a server is contacted, and written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from markupsafe import Markup

from selvedge.errors import SelvedgeError, UsageError
from selvedge.project.render import template
from selvedge.shell.quoting import quote


def page_path(flag: str, given: str) -> Path:
    """Return the file that a flag names. Raises UsageError if a page cannot be written there."""
    try:
        path = Path(given).expanduser()
    except RuntimeError:
        raise UsageError(f"{flag} {given}: this machine has no such home folder.", "Write the whole path.") from None
    folder = path.absolute().parent
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{flag} {given}: the name of the file must end in .html.", f"For example: `{flag} report.html`.")
    if not folder.is_dir():
        raise UsageError(f"{flag} {given}: the folder {folder} is missing.", f"Create it: `mkdir -p {quote(str(folder))}`.")
    if path.exists() and not path.is_file():
        raise UsageError(f"{flag} {given}: this is not a regular file.", "Give the name of a file.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{flag} {given}: the folder {folder} is not writable for you.", "Give a file in another folder.")
    return path


def write_page(path: Path, text: str) -> None:
    """Write a page that only its owner can read; replace an earlier one in one step. Raises SelvedgeError."""
    handle, name = -1, ""
    try:
        # mkstemp makes files with mode 0600.
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.absolute().parent)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "replace"))
        Path(name).replace(path)
    except OSError as error:
        if name:
            with suppress(OSError):
                Path(name).unlink()
        remedy = f"Check the disk of your machine: `df -h {quote(str(path.absolute().parent))}`."
        raise SelvedgeError(f"{path}: the page could not be written: {error.strerror or error}.", remedy) from None


def render_page(name: str, **values: Any) -> str:
    """Return the text of `templates/pages/<name>.html.j2`. Its policy allows the page's own style, and nothing else."""
    style = template("pages/page.css.j2")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    page = template(f"pages/{name}.html.j2", style=Markup(style), policy=policy, **values)
    # Whatever a server has said, no control character gets into the file.
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", page)
