"""This machine's network settings: certificates, package indexes, proxies, name servers.

A new server gets a copy of them. So apt, pip, uv, git and curl work on it as they do on this machine, for example
behind a company's proxy.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import sys
from pathlib import Path

from .shell import attempt

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
SERVER_CA = "/etc/ssl/certs/ca-certificates.crt"
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
PIP_WORDS = ("index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "timeout", "default-timeout")


def certificates() -> list[str]:
    """Return the certificate authorities that this machine trusts, as PEM blocks without duplicates."""
    paths = [*(os.environ.get(name, "") for name in CA_VARIABLES), *CA_FILES]
    texts = [Path(path).read_text(errors="replace") for path in paths if path and Path(path).is_file()]
    return list(dict.fromkeys(block for text in texts for block in PEM.findall(text)))


def missing_certificates(bundle: str) -> list[str]:
    """Return this machine's certificate authorities that are not in `bundle` (PEM text)."""
    known = set(PEM.findall(bundle))
    return [block for block in certificates() if block not in known]


def apt_options() -> list[str]:
    """Return this machine's proxy and date settings of apt, as lines of an apt.conf."""
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
    """Return this process's proxy variables by their lower-case names."""
    found = {name: os.environ.get(name) or os.environ.get(name.upper(), "") for name in PROXIES}
    return {name: value for name, value in found.items() if value and "\n" not in value}


def pip_settings() -> dict[str, list[str]]:
    """Return the index settings of pip's files and PIP_… variables: name → words of the value.

    Directories and file: URLs are left out, because the server cannot read them.
    """
    pip = ["pip"] if shutil.which("pip") else [sys.executable, "-m", "pip"]
    lines = attempt([*pip, "config", "list"]).stdout.splitlines()
    found: dict[str, list[str]] = {}
    # Variables override files, so they come last.
    for line in sorted(lines, key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        section, _, word = name.rpartition(".")
        if section in ("global", "install", ":env:") and word in PIP_WORDS:
            found[word] = str(ast.literal_eval(value)).split()
    for word in ("index-url", "extra-index-url", "find-links"):
        found[word] = [url for url in found.get(word, []) if url.startswith(("http://", "https://"))]
    return {word: values for word, values in found.items() if values}


def pip_conf(settings: dict[str, list[str]]) -> str:
    """Return the server's /etc/pip.conf. Without `cert`, pip trusts only its own list of authorities (pip's manual)."""
    lines = [f"{word} = {' '.join(values)}" for word, values in settings.items()]
    return "\n".join(["[global]", f"cert = {SERVER_CA}", *lines, ""])


def uv_toml(settings: dict[str, list[str]]) -> str:
    """Return the server's /etc/uv/uv.toml: pip's indexes, and the system's certificates instead of uv's own list."""
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
    """Return the files that copy this machine's settings to a server: path → text."""
    settings = pip_settings()
    found = {"etc/pip.conf": pip_conf(settings), "etc/uv/uv.toml": uv_toml(settings)}
    if known := proxies():
        found["etc/environment"] = "".join(
            f'{name}="{value}"\n{name.upper()}="{value}"\n' for name, value in known.items()
        )
    return found


def nameservers() -> list[str]:
    """Return the addresses of name servers that a server can reach."""
    for path in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        if Path(path).is_file():
            found = re.findall(r"^nameserver\s+(\S+)", Path(path).read_text(), re.MULTILINE)
            # A server has its own loopback, so it cannot reach a name server on this machine's.
            if reachable := [address for address in found if not address.startswith("127.")]:
                return reachable
    return []
