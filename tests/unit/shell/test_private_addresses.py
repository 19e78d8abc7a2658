"""The shell's test for private addresses."""

from __future__ import annotations

import ipaddress
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.libraries import functions


@given(st.ip_addresses(v=4))
def test_private_addresses_follow_the_standards(address: ipaddress.IPv4Address) -> None:
    shared = ipaddress.ip_network("100.64.0.0/10")
    networks = [ipaddress.ip_network(each) for each in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16")]  # fmt: skip
    wanted = any(address in network for network in [*networks, shared])
    script = f"{functions('certbot')}\ncertbot_private {address} && echo private"
    assert (subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False).stdout != "") is wanted


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("172.15.0.1", False), ("172.16.0.1", True), ("172.31.9.9", True), ("172.32.0.1", False), ("172.2.0.1", False),
        ("100.63.0.1", False), ("100.64.0.1", True), ("100.99.0.1", True), ("100.127.0.1", True), ("100.128.0.1", False),
        ("192.168.0.1", True), ("192.169.0.1", False), ("169.254.1.1", True), ("11.0.0.1", False), ("10.0.0.1", True),
    ],
)  # fmt: skip
def test_the_borders_of_the_private_networks(address: str, private: bool) -> None:
    script = f"{functions('certbot')}\ncertbot_private {address} && echo private"
    assert (subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False).stdout != "") is private
