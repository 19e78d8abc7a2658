"""Output of builds that could not pull an image of the Dockerfile, and of others with similar words."""

from __future__ import annotations

NAME = "registry.example.com:5443/team/base"


def output(error: str, name: str = f"{NAME}:latest") -> str:
    """Return the end of a build's output."""
    shown = f"#2 [internal] load metadata for {name}\n#2 ERROR: x\n------\n > [internal] load metadata for {name}:\n------\n"
    return f"{shown}Dockerfile:1\nERROR: failed to solve: {error}"


LOGIN, HUB = "docker login registry.example.com:5443`", "docker login`"
ASKED = "curl -I https://registry.example.com:5443/v2/`"
CORRECT = "Correct Dockerfile"
HEAD = f'{NAME}: failed to do request: Head "https://registry.example.com:5443/v2/team/base/manifests/latest": '
DENIED = "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope"
PULL_ERRORS = {
    "401": (output(f"{NAME}: failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized"), LOGIN),
    "no login": (output(f'{HEAD}no basic auth credentials'), LOGIN),
    "denied": (output(f"me/base: {DENIED}: authorization failed", "docker.io/me/base:1"), HUB),
    "a syntax line": (
        f"#2 resolve image config for docker-image://{NAME}:1\nERROR: failed to solve: unexpected status: 403 Forbidden", LOGIN
    ),
    "limit": (output("python:3: unexpected status: 429: toomanyrequests: pull rate limit", "docker.io/library/python:3"), HUB),
    "no such host": (output(f"{HEAD}dial tcp: lookup registry.example.com on 127.0.0.53:53: no such host"), ASKED),
    "timeout": (output(f"{HEAD}dial tcp 192.0.2.1:5443: i/o timeout"), ASKED),
    "an older engine": (
        output("x").replace("failed to solve: x", f"failed to solve with frontend dockerfile.v0: failed to create LLB: {HEAD}EOF"),
        ASKED,
    ),
    "Docker Hub": (
        output('python:3: failed to authorize: Get "https://auth.docker.io/token": i/o timeout', "docker.io/library/python:3"),
        "curl -I https://registry-1.docker.io/v2/`",
    ),
    "no such image": (output(f"{NAME}: {NAME}:latest: not found"), CORRECT),
    "a command": (
        output('process "/bin/sh -c pip install --index-url https://x/denied a" did not complete successfully: exit code: 1'),
        CORRECT,
    ),
    "a download": (output('failed to load cache key: Get "https://x/": dial tcp: lookup x: no such host'), CORRECT),
    "a file": (output('failed to compute cache key: "/timeout.certificate": not found'), CORRECT),
}  # fmt: skip
"""By a name: the output, and words of the remedy."""
