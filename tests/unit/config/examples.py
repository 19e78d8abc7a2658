"""The shortest hosts.toml, and one with two hosts."""

from __future__ import annotations

from typing import Any

APP = '[app]\nname = "hello"\nrepository = "https://git.example.com/me/hello.git"\n'
TWO = APP + '[hosts.web-1]\naddress = "203.0.113.1"\n[hosts.web-2]\naddress = "203.0.113.2"\n'


def names(hosts: list[Any]) -> list[str]:
    return [host.name for host in hosts]
