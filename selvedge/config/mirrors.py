"""`[mirrors]`: nearer copies of the places that a server downloads from. The reference page shows the descriptions."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, Field

from selvedge.config.section import Section
from selvedge.config.types import Text, https_url
from selvedge.value import Value


class Preset(Value):
    """The addresses of a mirror site; "" for what it does not have."""

    apt: str
    pypi: str
    python: str = ""


PRESETS = MappingProxyType({
    # https://mirrors.tuna.tsinghua.edu.cn/help/; no builds of Python: https://github.com/tuna/issues/issues/2125
    "tuna": Preset("https://mirrors.tuna.tsinghua.edu.cn", "https://mirrors.tuna.tsinghua.edu.cn/pypi/web/simple"),
    # https://developer.aliyun.com/mirror/
    "aliyun": Preset("https://mirrors.aliyun.com", "https://mirrors.aliyun.com/pypi/simple/"),
    # https://mirrors.ustc.edu.cn/help/; the builds of Python: https://github.com/ustclug/mirrorrequest/issues/410
    "ustc": Preset(
        "https://mirrors.ustc.edu.cn",
        "https://mirrors.ustc.edu.cn/pypi/simple",
        "https://mirrors.ustc.edu.cn/github-release/astral-sh/python-build-standalone",
    ),
})
"""The mirror sites that users in mainland China choose most."""
APT_FOLDERS = ("debian", "debian-security", "ubuntu", "ubuntu-ports")
"""The folders of a mirror site for apt."""


def _preset(value: str) -> str:
    if value and value not in PRESETS:
        *others, last = PRESETS
        raise ValueError(f"must be {', '.join(others)} or {last}, or empty")
    return value


def _address(value: str) -> str:
    return https_url(value, http=True).rstrip("/") if value else value


def _apt_address(value: str) -> str:
    address = _address(value)
    if address.rpartition("/")[2] in APT_FOLDERS:
        raise ValueError("must be the address that has the folders debian and ubuntu in it: leave out its last part")
    return address


class Mirrors(Section):
    """Mirrors for servers that reach the usual sites slowly or not at all. Set a preset, the addresses one by one, or both.

    An address that you set wins over that of the preset, and `""` leaves what the server itself is configured to use.
    """

    preset: Annotated[Text, AfterValidator(_preset)] = Field(
        "",
        description="A mirror site: `tuna` (Tsinghua University), `aliyun` (Alibaba Cloud) or `ustc` (University of Science and "
        "Technology of China). Each has `apt` and `pypi`; only `ustc` has `python`.",
        examples=["tuna"],
    )
    apt: Annotated[Text, AfterValidator(_apt_address)] | None = Field(
        None,
        description="The address that has the folders `debian`, `debian-security`, `ubuntu` and `ubuntu-ports` in it. `fab update` "
        "changes the addresses of Debian's or Ubuntu's own sources in `/etc/apt`; other sources stay. Without the setting, "
        "`fab update` restores the previous addresses. Default: that of the preset.",
        examples=["https://mirrors.example.com"],
    )
    pypi: Annotated[Text, AfterValidator(_address)] | None = Field(
        None,
        description="The package index for the app's requirements, uv, and certbot from pip. An index that the project's own files "
        "or the file of `app.build_env_file` name wins over it. Over `http://`, nothing but the hashes of a lock file protects the "
        "packages. Default: that of the preset.",
        examples=["https://mirrors.example.com/pypi/simple"],
    )
    python: Annotated[Text, AfterValidator(_address)] | None = Field(
        None,
        description="A mirror of the Python builds that uv installs (its `UV_PYTHON_INSTALL_MIRROR`). Default: that of the preset.",
        examples=["https://mirrors.example.com/python-build-standalone/releases/download"],
    )

    @property
    def apt_url(self) -> str:
        """The address for apt, "" if the server's own sources stay."""
        return self._chosen("apt")

    @property
    def pypi_url(self) -> str:
        """The address of the package index, "" for the server's own."""
        return self._chosen("pypi")

    @property
    def python_url(self) -> str:
        """The address of the Python builds, "" for uv's own."""
        return self._chosen("python")

    def _chosen(self, name: str) -> str:
        own: str | None = getattr(self, name)
        if own is not None:
            return own
        return str(getattr(PRESETS[self.preset], name)) if self.preset else ""
