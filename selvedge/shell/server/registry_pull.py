"""Pull an image of a registry by its digest, over the engine's API. Arguments: MARK NAME@sha256:…; the login is on standard input.

The login is what the API takes in the header X-Registry-Auth, "" for none: it is in no process list and in no file. Lines of
progress begin with MARK (step.sh). Exit status 1: the registry or the engine refused; the lines say why, and what to do.
"""

import base64
import http.client
import json
import re
import socket
import sys
from urllib.parse import quote

SOCKET = "/run/docker.sock"
SECONDS = 900
"""The longest silence of the engine, which reports its progress several times a second."""
HUB = "https://index.docker.io/v1/"


class Engine(http.client.HTTPConnection):
    """A connection to the engine's socket."""

    def __init__(self):
        super().__init__("localhost", timeout=SECONDS)

    def connect(self):
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


LOGIN = r"no basic auth|unauthorized|authentication required|denied|incorrect username|forbidden|no credential"
"""The words of a registry that wants a login, or another one."""
OTHERS = (
    (
        r"no space left on device|disk quota exceeded", "The disk of Docker {where} is full",
        "Free some space {where}: `docker system df` shows Docker's data, `docker image prune` removes images without a name.",
    ),
    (
        r"permission denied.*(?:docker\.sock|unix://|docker daemon|docker api)|dial unix .*permission denied",
        "Docker {where} does not let you use it",
        "Make your user a member of the group docker, and log in again: `docker version` must show a server.",
    ),
    (
        r"proxy ?connect|proxy authentication required|407 |<!doctype|<html|invalid character '<'",
        "A proxy, or another server in front of {name}, answered in its place",
        "Check the proxy of Docker {where} (`docker info` shows it): it must let Docker reach {name}.",
    ),
    (
        r"no such host|server misbehaving|name resolution|name or service not known|lookup .* on .*(?:timeout|refused)",
        "{name} is not a name that Docker {where} can resolve",
        "Check the registry's name, and the name servers in /etc/resolv.conf {where}.",
    ),
)  # fmt: skip
"""Causes outside of the registry, in the form of CAUSES. Their words may contain those of a registry that wants a login."""
CAUSES = (
    (
        r"x509|certificate", "{name} has a certificate that Docker {where} does not trust",
        "Put the certificate of its authority into /etc/docker/certs.d/{name}/ca.crt {where}.",
    ),
    (
        r"http response to https", "{name} answers without TLS",
        "Give the registry a certificate: a login must not travel in clear text.",
    ),
    (
        r"no matching manifest|no match for platform|does not match the specified platform",
        "The image is for another architecture",
        "Build it for that of the server, such as `fab image.build --platform linux/arm64`.",
    ),
    (
        r"manifest unknown|not found|name unknown|does not exist|no such image", "{name} has no such image",
        "Check the name and the digest: `fab image.push` prints both. The registry may have deleted old images.",
    ),
    (
        r"toomanyrequests|too many requests|rate limit", "{name} refuses more requests for now",
        "Log in, or wait and run the same command again.",
    ),
    (
        r"refused|timeout|timed out|unreachable|no route|reset by peer|\beof\b|bad gateway|unavailable",
        "{name} does not answer", "Check that the registry runs, and that it can be reached {where}.",
    ),
)  # fmt: skip
"""A pattern for the words of the engine, what they mean, and what to do."""


def explain(said: str, server: str, user: str, where: str = "on the server") -> tuple[str, str]:
    """Return why a registry refused, and what to do, from the words of the engine or of its client.

    server: the registry, as its login is named. user: that of the login, "" without one. where: the machine that asked.
    """
    name = "Docker Hub" if server == HUB else server
    for pattern, why, remedy in OTHERS:
        if re.search(pattern, said, re.IGNORECASE):
            return f"{why.format(name=name, where=where)}: {said}", remedy.format(name=name, where=where)
    if re.search(LOGIN, said, re.IGNORECASE):
        if user:
            remedy = "Check user and password, and that this user may use the image. The tokens of clouds expire after hours."
            return f"{name} refused the login of {user}: {said}", f"{remedy} See docs/how-to/registries.md."
        command = "docker login" if server == HUB else f"docker login {server}"
        remedy = f"Set SELVEDGE_DOCKER__USER and SELVEDGE_DOCKER__PASSWORD, or run `{command}` on your machine."
        return f"{name} asks for a login: {said}", f"{remedy} See docs/how-to/registries.md."
    for pattern, why, remedy in CAUSES:
        if re.search(pattern, said, re.IGNORECASE):
            return f"{why.format(name=name, where=where)}: {said}", remedy.format(name=name, where=where)
    return f"{name}: {said}", "Run the same command again. If it fails again, look at the registry's log."


def pull(mark, image, login):
    """Pull the image. Return the engine's error, "" if it has pulled."""
    name, _, digest = image.partition("@")
    path = f"/images/create?fromImage={quote(name, safe='')}&tag={digest}"
    header = {"X-Registry-Auth": base64.urlsafe_b64encode(login.encode()).decode()} if login else {}
    engine = Engine()
    engine.request("POST", path, headers=header)
    answer = engine.getresponse()
    if answer.status >= 400:
        return message(answer.read())
    layers, error, shown = {}, "", ""
    for line in answer:
        try:
            step = json.loads(line)
        except ValueError:
            continue
        error = step.get("error") or error
        detail = step.get("progressDetail") or {}
        if step.get("status") == "Downloading" and detail.get("total"):
            layers[step.get("id")] = (detail["current"], detail["total"])
            done, total = (sum(each[part] for each in layers.values()) // 1000000 for part in (0, 1))
            text = f"pulling the image: {done} of {total} MB"
            if text != shown:
                print(f"{mark} wait {text}", flush=True)
                shown = text
    return error


def message(body):
    """Return the error in an answer of the engine."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")


def main(mark, image):
    """Pull the image. Return the exit status."""
    login = sys.stdin.read().strip()
    known = json.loads(login) if login else {}
    try:
        error = pull(mark, image, login)
    except OSError as problem:
        print(f"{mark} error Docker on the server does not answer: {problem}.")
        return 1
    if not error:
        return 0
    said = re.sub(r"[\x00-\x1f\x7f]+", " ", error)
    said = re.sub(r'^(Get|Head) "[^"]*": ', "", said.replace(f"manifest for {image} not found: ", "")).strip().rstrip(". ")[:400]
    for secret in (known.get("password"), known.get("identitytoken")):
        said = said.replace(secret, "•••") if secret else said
    why, remedy = explain(said, server_of(image), known.get("username") or ("the token" if known else ""))
    print(f"{mark} wait \n{mark} remedy {remedy}\n{mark} error {why}.")
    return 1


def server_of(image):
    """Return the registry of an image, as its login is named."""
    first = image.partition("/")[0]
    return first if "/" in image and (re.search("[.:]", first) or first == "localhost") and first != "docker.io" else HUB


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
