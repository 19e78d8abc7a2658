"""Text without escape sequences and control characters, which could change what a reader sees."""

import re

# ECMA-48: control sequences (5.4), control strings such as a terminal's title (5.6), other escape sequences (5.3).
ESCAPES = (
    r"(?:\033\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\033[P\]X^_]|[\x90\x98\x9d-\x9f])[^\x07\x18\x1a\033\x9c\n]*(?:\x07|\033\\|\x9c)?"
    r"|\033[ -/]*[0-~]"
)
# Control characters, and those that change the direction of the text, so that it reads as another text.
_INVISIBLE = r"[^\n\t -~\xa0-\u061b\u061d-\u200d\u2010-\u2027\u202f-\u2065\u206a-\U0010ffff]"


def visible(text: str) -> str:
    """Return the text without escape sequences; control characters become U+FFFD."""
    return text if text.isprintable() else re.sub(_INVISIBLE, "\N{REPLACEMENT CHARACTER}", re.sub(ESCAPES, "", text))
