"""Readers of configuration files by the rules of nginx and supervisor."""

from __future__ import annotations

import configparser
import shlex
from dataclasses import dataclass, field


@dataclass
class Directive:
    """A directive of nginx: its words, and the directives of its block (None where it ends with `;`)."""

    words: list[str]
    block: list[Directive] | None = None

    def find(self, name: str) -> list[Directive]:
        """Return the directives of this name in the block."""
        return [each for each in self.block or [] if each.words[0] == name]


@dataclass
class _Reader:
    """A reader with the rules of ngx_conf_read_token in ngx_conf_file.c.

    White space ends a word, `;` a directive. `{` and `}` enclose a block. `#` begins a comment where a word may begin.
    A word in quotes may contain all of these. A backslash before one of `"'\\` is dropped; `\\t`, `\\r` and `\\n` become
    control characters; any other backslash stays. `${` does not begin a block. After a closing quote only white space,
    `;`, `{` or `)` may come.
    """

    text: str
    position: int = 0
    quoted: set[int] = field(default_factory=set)

    def block(self, *, top: bool = True) -> list[Directive]:
        found: list[Directive] = []
        words: list[str] = []
        while (char := self._next()) != "":
            if char == ";":
                assert words, "a `;` without a directive"
                found.append(Directive(words))
                words = []
            elif char == "{":
                assert words, "a `{` without a directive"
                found.append(Directive(words, self.block(top=False)))
                words = []
            elif char == "}":
                assert not top and not words, "an unexpected `}`"
                return found
            else:
                self.position -= 1
                words.append(self._word())
        assert top and not words, "the file ends too early"
        return found

    def _next(self) -> str:
        """Return the next character outside of white space and comments, "" at the end."""
        while self.position < len(self.text):
            char = self.text[self.position]
            self.position += 1
            if char == "#":
                end = self.text.find("\n", self.position)
                self.position = len(self.text) if end < 0 else end
            elif char not in " \t\r\n":
                return char
        return ""

    def _word(self) -> str:
        quote = self.text[self.position]
        if quote not in "\"'":
            return self._until(" \t\r\n;{")
        self.position += 1
        word = self._until(quote)
        self.position += 1
        assert self.text[self.position] in " \t\r\n;{)", "unexpected character after a closing quote"
        return word

    def _until(self, ends: str) -> str:
        word = ""
        while (char := self.text[self.position]) not in ends or (char == "{" and word.endswith("$")):
            if char == "\\":
                after = self.text[self.position + 1]
                word += {"t": "\t", "r": "\r", "n": "\n"}.get(after, after if after in "\"'\\" else f"\\{after}")
                self.position += 2
            else:
                word += char
                self.position += 1
        return word


def nginx_file(text: str) -> Directive:
    """Return a configuration file of nginx as one block. Raises AssertionError or IndexError where nginx refuses the file."""
    return Directive([""], _Reader(text).block())


def nginx_words(text: str) -> list[str]:
    """Return the words of one directive without a block and variables."""
    (directive,) = nginx_file(text).block or []
    assert directive.block is None
    assert not any("$" in word for word in directive.words), "nginx would replace a variable here"
    return directive.words


def supervisor_programs(text: str) -> dict[str, dict[str, str]]:
    """Return the programs of a configuration file of supervisor (supervisor/options.py): name -> option -> value.

    `;` after white space begins a comment. `%(name)s` is replaced; any other `%` is an error. Commands are split as a
    shell splits words, without its expansions.
    """
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    parser.read_string(text)
    programs = {}
    for section in parser.sections():
        kind, _, name = section.partition(":")
        assert kind == "program", f"a section of another kind: {section!r}"
        expansions = {"program_name": name, "process_num": 0, "group_name": name, "here": "/etc/supervisor/conf.d"}
        programs[name] = {option: value % expansions for option, value in parser.items(section)}
        shlex.split(programs[name]["command"])
    return programs
