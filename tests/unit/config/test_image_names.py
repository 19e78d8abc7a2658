"""Names of images: `docker.registry` and `--image`."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from selvedge.config.image_names import HUB_LOGIN, ImageName, ImageReference
from selvedge.errors import UsageError

DIGEST = f"sha256:{'a1' * 32}"


@pytest.mark.parametrize(("name", "server"), [
    ("blog", HUB_LOGIN),
    ("me/blog", HUB_LOGIN),
    ("docker.io/me/blog", HUB_LOGIN),
    ("registry.example.com/team/blog", "registry.example.com"),
    ("registry.example.com:5443/team/blog", "registry.example.com:5443"),
    ("localhost/blog", "localhost"),
    ("build:5000/blog", "build:5000"),
    ("[2001:db8::1]:5000/blog", "[2001:db8::1]:5000"),
    ("registry.example.com/a__b/c.d/e---f", "registry.example.com"),
])  # fmt: skip
def test_an_image_names_the_server_of_its_login(name: str, server: str) -> None:
    assert TypeAdapter(ImageName).validate_python(name) == name
    for text in (f"{name}@{DIGEST}", f"{name}:1.0@{DIGEST}"):
        found = ImageReference.parse(text)
        assert (str(found).partition(":1.0@")[0].partition("@")[0], found.digest, found.server) == (name, DIGEST, server)


@pytest.mark.parametrize("name", [
    "Blog", "-v", "a b", "a/", "/a", "a//b", "a..b", "$(id)", "a;b", "a\nb", "../a", "a/../b", "a@b", "ü", "https://r.example.com/a",
    "r.example.com/A", "a" * 256, "r:x/a", "r.example.com:123456/a",
])  # fmt: skip
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ImageName).validate_python(name)
    with pytest.raises(UsageError, match="is not the name of an image"):
        ImageReference.parse(f"{name}@{DIGEST}")


@pytest.mark.parametrize("name", ["r.example.com/a:1", f"r.example.com/a@{DIGEST}"])
def test_the_registry_of_hosts_toml_has_no_tag(name: str) -> None:
    with pytest.raises(ValidationError, match=r"must have no tag and no digest: r\.example\.com/a"):
        TypeAdapter(ImageName).validate_python(name)


@pytest.mark.parametrize(("text", "command"), [
    ("r.example.com/a:1", "`docker pull r.example.com/a:1` shows the digest"),
    ("r.example.com/a", "`docker pull r.example.com/a:TAG` shows the digest"),
])  # fmt: skip
def test_an_image_without_a_digest_is_refused_with_the_command_that_shows_it(text: str, command: str) -> None:
    with pytest.raises(UsageError, match="has no digest") as error:
        ImageReference.parse(text)
    assert command in error.value.remedy and "`--image r.example.com/a@sha256:…`" in error.value.remedy


@pytest.mark.parametrize("digest", ["sha256:", "sha256:a", f"{DIGEST}0", DIGEST.upper(), f"sha512:{'a' * 128}", f"{DIGEST} x"])
def test_a_wrong_digest_is_refused(digest: str) -> None:
    with pytest.raises(UsageError):
        ImageReference.parse(f"r.example.com/a@{digest}")
