"""The README has short sentences and a recording that shows nothing of the machine on which it was made."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

from tests.support.paths import ROOT

LONGEST = 25
"""Words that a sentence of the README may have."""
FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
CAST, PICTURE = ROOT / "docs/terminal.cast", ROOT / "docs/terminal.svg"


def sentences(markdown: str) -> list[str]:
    """Return the sentences of a document, without markup. List items, table cells and headings are separate sentences."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", FENCE.sub("\n\n", markdown))
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"`[^`]+`", "code", text)
    text = re.sub(r"^ *(?:[-*]|\d+\.|#+) ", "\n\n", text, flags=re.MULTILINE)
    text = re.sub(r"^\|.*\|$", lambda row: row[0].replace("|", "\n\n"), text, flags=re.MULTILINE)
    whole = [" ".join(part.replace("*", "").split()) for part in re.split(r"\n\s*\n", text)]
    return [sentence for part in whole for sentence in re.split(r"(?<=[.!?])\s+", part) if sentence]


def test_no_sentence_of_the_readme_has_more_than_25_words() -> None:
    found = sentences((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(found) > 40
    assert not {sentence: count for sentence in found if (count := len(sentence.split())) > LONGEST}


def test_sentences_are_told_apart() -> None:
    text = "# Head\n\nOne two. Three\nfour `fab -H a deploy`!\n- item [a b](c.md)\n- next\n\n| x y | z |\n|---|---|\n"
    assert sentences(text) == ["Head", "One two.", "Three four code!", "item a b", "next", "x y", "z", "---", "---"]


def test_the_recording_is_short_and_shows_nothing_of_this_machine() -> None:
    header, *events = [json.loads(line) for line in CAST.read_text(encoding="utf-8").splitlines()]
    assert header["version"] == 2
    assert 80 <= header["width"] <= 100
    assert events[-1][0] <= 45
    shown = "".join(text for _, _, text in events)
    assert "nothing to change" in shown
    assert not re.findall(r"/(?:work|root|tmp)/|\broot@", shown)


def test_the_picture_of_the_recording_is_small() -> None:
    assert PICTURE.stat().st_size < 400_000
    assert ElementTree.parse(PICTURE).getroot().tag.endswith("svg")
