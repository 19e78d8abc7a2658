"""`[mirrors]`: presets, single addresses, and what is refused."""

from __future__ import annotations

import json

import pytest

from selvedge.config.mirrors import PRESETS, Mirrors
from tests.unit.config.conftest import Load, Problems

APP = '[app]\nname = "hello"\nrepository = "https://git.example.com/hello.git"\n'


def test_a_preset_has_its_addresses_and_single_ones_win() -> None:
    plain, tuna = Mirrors(), Mirrors(preset="tuna")
    assert (plain.apt_url, plain.pypi_url, plain.python_url) == ("", "", "")
    assert tuna.apt_url == "https://mirrors.tuna.tsinghua.edu.cn" and tuna.python_url == ""
    own = Mirrors(preset="ustc", apt="", pypi="http://[2001:db8::1]:8081/simple/", python="https://a.example.com/builds/")
    assert (own.apt_url, own.pypi_url, own.python_url) == ("", "http://[2001:db8::1]:8081/simple", "https://a.example.com/builds")


@pytest.mark.parametrize("name", PRESETS)
def test_the_addresses_of_a_preset_are_valid(name: str) -> None:
    found = Mirrors(preset=name)
    assert Mirrors(apt=found.apt_url, pypi=found.pypi_url, python=found.python_url).apt_url == found.apt_url


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("preset", "tuna; reboot", "must be tuna, aliyun or ustc, or empty"),
        ("apt", "mirrors.example.com", "must be an http:// or https:// address"),
        ("apt", "ftp://mirrors.example.com", "must be an http:// or https:// address"),
        ("apt", "https://mirrors.example.com/debian/", "leave out its last part"),
        ("apt", "https://mirrors.example.com/ubuntu-ports", "leave out its last part"),
        ("pypi", "https://me:hunter2@pypi.example.com/simple", "without a user"),
        ("pypi", 'https://pypi.example.com/"\nextra-index-url = "x', "must not contain control characters"),
        ("pypi", "https://pypi.example.com/$(id)", "must be an http:// or https:// address"),
        ("pypi", "https://pypi.example.com/a b", "without a user, a query and spaces"),
        ("python", "https://x.example.com/'; id; '", "must be an http:// or https:// address"),
        ("python", "https://x.example.com:99999/a", "with a valid host name and port"),
        ("python", "file:///srv/pythons", "must be an http:// or https:// address"),
    ],
)  # fmt: skip
def test_other_values_are_refused_before_a_server_is_contacted(problems: Problems, key: str, value: str, problem: str) -> None:
    shown = "\n".join(problems(f"{APP}[mirrors]\n{key} = {json.dumps(value)}\n"))
    assert f"[mirrors] {key}" in shown or f"mirrors.{key}" in shown, shown
    assert problem in shown and "hunter2" not in shown, shown


def test_a_host_abroad_needs_no_mirror(settings: Load) -> None:
    text = f'{APP}[mirrors]\npreset = "tuna"\n[hosts.bj]\n[hosts.hk.mirrors]\npreset = ""\n'
    found = settings(text)
    assert found.target("hk").mirrors.apt_url == "" and found.target("bj").mirrors.apt_url
