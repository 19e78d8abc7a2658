"""What a server needs to know of the network it is in: certificates, package indexes, proxies, name servers.

A laptop behind a company's proxy has these set already. They are read when a server is made and handed on, so that
apt, pip, uv, git and curl work inside as they do outside.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import sys
from pathlib import Path

from sandbox.shell import attempt

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
SERVER_CA = "/etc/ssl/certs/ca-certificates.crt"
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
PIP_WORDS = ("index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "timeout", "default-timeout")


def certificates() -> list[str]:
    """Every certificate authority that this machine trusts, in PEM, each once."""
    places = [*(os.environ.get(name, "") for name in CA_VARIABLES), *CA_FILES]
    texts = [Path(place).read_text(errors="replace") for place in places if place and Path(place).is_file()]
    return list(dict.fromkeys(block for text in texts for block in PEM.findall(text)))


def missing_certificates(bundle: str) -> list[str]:
    """Those of this machine's authorities that `bundle` (PEM text) does not hold."""
    held = set(PEM.findall(bundle))
    return [block for block in certificates() if block not in held]


def apt_options() -> list[str]:
    """This machine's proxy and date settings of apt, as lines of an apt.conf."""
    lines = []
    if shutil.which("apt-config"):
        wanted = re.compile(r"Acquire::(?:(?:http|https)::Proxy\b.*|Check-(?:Valid-Until|Date)) \".+\";")
        lines = [line for line in attempt(["apt-config", "dump"]).stdout.splitlines() if wanted.fullmatch(line)]
    if not any("Proxy" in line for line in lines):
        known = proxies()
        lines += [
            f'Acquire::{kind}::Proxy "{known[f"{kind}_proxy"]}";'
            for kind in ("http", "https")
            if f"{kind}_proxy" in known
        ]
    return lines


def proxies() -> dict[str, str]:
    """The proxy variables of this process, by their lower-case names."""
    found = {name: os.environ.get(name) or os.environ.get(name.upper(), "") for name in PROXIES}
    return {name: value for name, value in found.items() if value and "\n" not in value}


def pip_settings() -> dict[str, list[str]]:
    """What pip's files and PIP_… variables say about indexes, as words by setting.

    Directories and file: URLs are left out: they are not on the server, which takes the packages from the network.
    """
    pip = ["pip"] if shutil.which("pip") else [sys.executable, "-m", "pip"]
    lines = attempt([*pip, "config", "list"]).stdout.splitlines()
    found: dict[str, list[str]] = {}
    # Variables win over files, so they are read last.
    for line in sorted(lines, key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        section, _, word = name.rpartition(".")
        if section in ("global", "install", ":env:") and word in PIP_WORDS:
            found[word] = str(ast.literal_eval(value)).split()
    for word in ("index-url", "extra-index-url", "find-links"):
        found[word] = [url for url in found.get(word, []) if url.startswith(("http://", "https://"))]
    return {word: values for word, values in found.items() if values}


def pip_conf(settings: dict[str, list[str]]) -> str:
    """The server's /etc/pip.conf. pip trusts its own list of authorities unless `cert` names another (pip's manual)."""
    lines = [f"{word} = {' '.join(values)}" for word, values in settings.items()]
    return "\n".join(["[global]", f"cert = {SERVER_CA}", *lines, ""])


def uv_toml(settings: dict[str, list[str]]) -> str:
    """The server's /etc/uv/uv.toml: the same indexes, and the system's certificates instead of uv's own list."""
    lines = ["system-certs = true"]
    if "find-links" in settings:
        lines.append(f"find-links = {json.dumps(settings['find-links'])}")
    if "trusted-host" in settings:
        lines.append(f"allow-insecure-host = {json.dumps(settings['trusted-host'])}")
    for url in settings.get("extra-index-url", []):
        lines += ["[[index]]", f"url = {json.dumps(url)}"]
    for url in settings.get("index-url", []):
        lines += ["[[index]]", f"url = {json.dumps(url)}", "default = true"]
    return "\n".join([*lines, ""])


def files() -> dict[str, str]:
    """Path on the server → text, for everything that hands this machine's settings on."""
    settings = pip_settings()
    found = {"etc/pip.conf": pip_conf(settings), "etc/uv/uv.toml": uv_toml(settings)}
    if known := proxies():
        found["etc/environment"] = "".join(
            f'{name}="{value}"\n{name.upper()}="{value}"\n' for name, value in known.items()
        )
    return found


def nameservers() -> list[str]:
    """Addresses of name servers that answer from outside this machine, too."""
    for path in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        if Path(path).is_file():
            found = re.findall(r"^nameserver\s+(\S+)", Path(path).read_text(), re.MULTILINE)
            # A name server on loopback is out of reach from a server of its own network.
            if outside := [address for address in found if not address.startswith("127.")]:
                return outside
    return []
