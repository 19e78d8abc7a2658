"""Packages of Debian and of the snap store."""

from __future__ import annotations

from selvedge.resources.base import Resource
from selvedge.resources.nginx.certbot import CertbotSnap
from selvedge.resources.packages import Packages
from tests.support.tables import check, table

TWO = Packages("git", "nginx")


@table(
    (TWO, "git installed\nnginx installed\n", None),
    (TWO, "git installed\nnginx config-files\n", "install nginx", "apt_install nginx"),
    (TWO, "git installed\nnginx half-installed\n", "install nginx", "apt_install nginx"),
    (TWO, "nginx-common installed\n", "install git, nginx", "apt_install git nginx"),
    (TWO, "", "install git, nginx", "apt_install git nginx"),
    (Packages("libc6"), "libc6 installed\nlibc6 installed\n", None),
)
def test_packages(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


@table((CertbotSnap(), "there\n", None), (CertbotSnap(), "", "install certbot from the snap store", "certbot_snap"))
def test_certbot_from_the_snap_store(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
