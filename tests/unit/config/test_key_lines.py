"""The line of each key of a TOML file."""

from __future__ import annotations

from selvedge.config.key_lines import key_lines

TEXT = '''\
# [app]
[app]
name = "hello"  # name = "x"
domains = [
  "a.test",
]
"quoted key" = 1
tls.email = """
name = "not a key"
[not.a.table]
"""
[hosts."web.1".app]  # a comment
branch = '[x]'
  [hosts.two]
'port' = 22
[[list]]
'''


def test_each_key_and_table_has_the_line_that_sets_it() -> None:
    assert key_lines(TEXT) == {
        ("app",): 2,
        ("app", "name"): 3,
        ("app", "domains"): 4,
        ("app", "quoted key"): 7,
        ("app", "tls", "email"): 8,
        ("hosts", "web.1", "app"): 12,
        ("hosts", "web.1", "app", "branch"): 13,
        ("hosts", "two"): 14,
        ("hosts", "two", "port"): 15,
    }
