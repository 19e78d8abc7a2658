"""The lines with which a program on a server tells this machine what happened."""

from __future__ import annotations

from selvedge.engine.session import Session


def marked_lines(session: Session, output: str) -> list[tuple[str, str]]:
    """Return the word and the text of each line that begins with the session's mark, such as ("error", "The disk is full.")."""
    parts = (line.split(" ", 2) for line in output.splitlines() if line.startswith(f"{session.mark} "))
    return [(words[1], words[2] if len(words) > 2 else "") for words in parts]
