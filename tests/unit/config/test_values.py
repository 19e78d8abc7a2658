"""The types of settings: accepted values, refused values, and other programs' opinion of them."""

from __future__ import annotations

import ipaddress
import shutil
import string
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from selvedge.config import types

GOOD: list[tuple[str, Any, Any]] = [
    ("AppName", "a", "a"),
    ("AppName", "hello-2", "hello-2"),
    ("AppName", "http-tls-a", "http-tls-a"),
    ("AppName", "a" * 30, "a" * 30),
    ("DomainName", "hello.example.com", "hello.example.com"),
    ("DomainName", "Hello.Example.COM", "hello.example.com"),
    ("DomainName", "*.Example.com", "*.example.com"),
    ("DomainName", "hello.example.com.", "hello.example.com"),
    ("DomainName", "münchen.example", "xn--mnchen-3ya.example"),
    ("DomainName", "例え.テスト", "xn--r8jz45g.xn--zckzah"),
    ("DomainName", "例子。中国", "xn--fsqu00a.xn--fiqs8s"),
    ("DomainName", "xn--strae-oqa.example", "xn--strae-oqa.example"),
    ("DomainName", "a" * 63 + ".example", "a" * 63 + ".example"),
    ("Address", "", ""),
    ("Address", "203.0.113.10", "203.0.113.10"),
    ("Address", "2001:db8::1", "2001:db8::1"),
    ("Address", "fe80::1%eth0", "fe80::1%eth0"),
    ("Address", "web_1", "web_1"),
    ("Address", "bücher.example", "xn--bcher-kva.example"),
    ("GitRef", "main", "main"),
    ("GitRef", "feature/login-2.1+x", "feature/login-2.1+x"),
    ("GitRef", "fix#12,@home=yes", "fix#12,@home=yes"),
    ("GitRef", "größe/日本", "größe/日本"),
    ("Repository", ".", "."),
    ("Repository", "../my app; $(x) 'ü'", "../my app; $(x) 'ü'"),
    ("Repository", "~/src/hello", "~/src/hello"),
    ("Repository", "/srv/git/hello", "/srv/git/hello"),
    ("Repository", "https://git.example.com/me/hello.git", "https://git.example.com/me/hello.git"),
    ("Repository", "https://me:t0ken@git.example.com:8443/me/hello", "https://me:t0ken@git.example.com:8443/me/hello"),
    ("Repository", "http://127.0.0.1/hello.git", "http://127.0.0.1/hello.git"),
    ("Repository", "ssh://git@git.example.com:2222/~me/hello.git", "ssh://git@git.example.com:2222/~me/hello.git"),
    ("Repository", "ssh://git@[2001:db8::1]/hello.git", "ssh://git@[2001:db8::1]/hello.git"),
    ("Repository", "git://git.example.com/hello", "git://git.example.com/hello"),
    ("Repository", "file:///srv/git/hello.git", "file:///srv/git/hello.git"),
    ("Repository", "git@git.example.com:me/hello.git", "git@git.example.com:me/hello.git"),
    ("Repository", "alias:hello", "alias:hello"),
    ("RelativePath", "", ""),
    ("RelativePath", "backend/app", "backend/app"),
    ("RelativePath", "backend/", "backend"),
    ("RelativePath", ".config/x_1@2+3-4", ".config/x_1@2+3-4"),
    ("ModulePath", "main:app", "main:app"),
    ("ModulePath", "hello.web_2:site.app", "hello.web_2:site.app"),
    ("ModulePath", "app.main:create_app()", "app.main:create_app()"),
    ("UrlPath", "/", "/"),
    ("UrlPath", "/health?full=1&x=%20", "/health?full=1&x=%20"),
    ("UrlPrefix", "/static", "/static"),
    ("UrlPrefix", "/a/b-c_d.e~f/", "/a/b-c_d.e~f/"),
    ("LoginName", "deploy", "deploy"),
    ("LoginName", "_svc-1", "_svc-1"),
    ("DottedName", "uvicorn_worker.UvicornWorker", "uvicorn_worker.UvicornWorker"),
    ("Size", "10m", "10m"),
    ("Size", "0", "0"),
    ("MemoryLimit", "75%", "75%"),
    ("MemoryLimit", "512M", "512M"),
    ("Clock", "04:00", "04:00"),
    ("Clock", "23:59", "23:59"),
    ("Email", "", ""),
    ("Email", "me+tls@Example.com", "me+tls@example.com"),
    ("Email", "o'neil$x`y@example.com", "o'neil$x`y@example.com"),
    ("Email", "me@bücher.example", "me@xn--bcher-kva.example"),
    ("HttpsUrl", "https://acme.example.com:14000/dir", "https://acme.example.com:14000/dir"),
    ("HttpsUrl", "https://[2001:db8::1]/dir", "https://[2001:db8::1]/dir"),
    ("EabKeyId", "", ""),
    ("EabKeyId", "k-1_A.b~c+/=:@", "k-1_A.b~c+/=:@"),
    ("DnsPlugin", "", ""),
    ("DnsPlugin", "aliyun-next", "aliyun-next"),
    ("Network", "198.51.100.7", "198.51.100.7"),
    ("Network", "10.0.0.0/8", "10.0.0.0/8"),
    ("Network", "2001:DB8::/32", "2001:db8::/32"),
    ("StatusRange", 200, "200"),
    ("StatusRange", "200-399", "200-399"),
    ("Fingerprint", "", ""),
    ("Fingerprint", "SHA256:" + "a" * 42 + "+", "SHA256:" + "a" * 42 + "+"),
    ("PythonVersion", "", ""),
    ("PythonVersion", "3.12", "3.12"),
    ("PythonVersion", "3.12.4", "3.12.4"),
    ("Port", 1, 1),
    ("Port", 65535, 65535),
    ("Batch", 3, 3),
    ("Batch", "25%", "25%"),
    ("HookList", "echo 'a b' \"$HOME\"; x", ["echo 'a b' \"$HOME\"; x"]),
    ("HookList", ["local: npm run build"], ["local: npm run build"]),
    ("HookList", "", []),
    ("LocalPath", "", ""),
    ("LocalPath", "~/my keys/$x `y` 'é' %d {}", "~/my keys/$x `y` 'é' %d {}"),
    ("LocalFile", "a.pub", "a.pub"),
    ("Switch", True, True),
    ("Whole", 3, 3),
    ("Seconds", 3, 3.0),
]
BAD: list[tuple[str, Any]] = [
    *[("AppName", bad) for bad in ("", "Hello", "9a", "-a", "a_b", "a.b", "a b", "é", "a" * 31, "a\n", 3, None, True)],
    *[
        ("AppName", bad)
        for bad in ("root", "www-data", "nginx", "deploy", "git", "sudo", "systemd-resolve", "selvedge", "metrics", "mtail")
    ],
    *[("AppName", bad) for bad in ("a-tls", "a-http", "tls-a", "snakeoil", "fastcgi-php", "selvedge-listen-tls")],
    *[("DomainName", bad) for bad in ("", ".", "203.0.113.10", "2001:db8::1", "a..b", "-a.b", "a-.b")],
    *[("DomainName", bad) for bad in ("*", "*.", "*.*.a", "a.*.b", "*a.b", "*.203.0.113.10", "*.a;b")],
    *[("OptionalDomain", bad) for bad in ("*.example.com",)],
    *[("EabKeyId", bad) for bad in ("a b", "a\nb", "a;b", "$x", "é", "a" * 256)],
    *[("DnsPlugin", bad) for bad in ("Cloudflare", "a_b", "-a", "a--b", "a b", "../a", "a;b", "a==1")],
    *[("DomainName", bad) for bad in ("a b", "a_b.c", "a.b/c", "a.b:80", "a" * 64 + ".b", "a.b; } server {", "a;b.c")],
    *[
        ("DomainName", bad)
        for bad in ("straße.example", "a\u200db.example", "ﷺ.example" * 30, "http://a.b", "\u2028.a")
    ],
    *[
        ("Address", bad)
        for bad in ("-oProxyCommand=x", "a b", "u@h", "h:22", "[::1]", "::1%$(x)", "1.2.3.4%eth 0", "a;b", "192.0.2", "1.2.3.256")
    ],
    *[
        ("GitRef", bad)
        for bad in ("", "-x", "--upload-pack=x", "a b", "a..b", "a/", "/a", "a//b", ".a", "a/.b", "a.lock")
    ],
    *[
        ("GitRef", bad)
        for bad in ("a.", "@", "HEAD", "a~1", "a^", "a:b", "a?", "a*", "a[b", "a\\b", "a@{1}", "$(x)", "a;b")
    ],
    *[
        ("GitRef", bad)
        for bad in ("`x`", "a'b", 'a"b', "a%b", "a|b", "a&b", "a<b", "a\x7fb", "a\tb", "a\u3000b", "x{}")
    ],
    *[
        ("Repository", bad)
        for bad in ("", "-x", "--upload-pack=x", "ext::sh -c x", "fd::17", "a", "examples/hello", "C:\\x")
    ],
    *[("Repository", bad) for bad in ("ssh://-oProxyCommand=x/y", "-oProxyCommand=x:y", "git@-x:y", "host:-x", "a::b")],
    *[
        ("Repository", bad)
        for bad in ("https://h/a b", "https://h/$(x)", "https://h/a;b", "https://h", "https://h:99999/x")
    ],
    *[
        ("Repository", bad)
        for bad in ("ftp://h/x", "file://h/x", "file:///a b", "git@h:a;b", "https://h/x\n", "/x\ny", "/x\0")
    ],
    *[
        ("RelativePath", bad)
        for bad in ("/a", "~/a", "..", "a/../b", "a//b", "-a", "a/-b", "a b", "a;b", "$x", "ü", "a\nb")
    ],
    *[
        ("ModulePath", bad)
        for bad in ("", "main", "main:", ":app", "main:create_app(1)", "main:app:x", "a-b:c", "a b:c")
    ],
    *[
        ("ModulePath", bad)
        for bad in ("class:app", "1a:b", "main:app\n", "../x:app", "a..b:c", "main:app;x", "mäin:app")
    ],
    *[
        ("UrlPath", bad)
        for bad in ("", "health", "/a b", "/a'b", '/a"b', "/a;b", "/$x", "/{x}", "/a\\b", "/%zz", "/ü", "/a#b")
    ],
    *[("UrlPrefix", bad) for bad in ("", "/", "static", "/a b", "/a//b", "/../x", "/.", "/..", "/a;b", "/a{", "/a?b")],
    *[("LoginName", bad) for bad in ("", "Root", "1a", "-x", "a b", "a;b", "a" * 33, "a\n", "ü", "a@b")],
    *[("DottedName", bad) for bad in ("", "a b", "a-b", "1a", "a..b", "a;b", "a\n")],
    *[("Size", bad) for bad in ("", "-1", "1 m", "10mb", "m", "1.5m", "10m;", "١m")],
    *[("MemoryLimit", bad) for bad in ("", "0%", "101%", "75", "1g", "x", "75 %")],
    *[("Clock", bad) for bad in ("", "24:00", "4:00", "04:60", "04:00:00", "now")],
    *[
        ("Email", bad)
        for bad in ("x", "@a.b", "a@", "a@b", "a b@c.d", "-a@b.c", "a@b.c\n", "a..b@c.d", '"a b"@c.d', "a@1.2.3.4")
    ],
    *[
        ("HttpsUrl", bad)
        for bad in ("http://a.b/", "https://", "https://u@a.b/", "https://a b/", "https://a.b/?x", "x")
    ],
    *[("HttpsUrl", bad) for bad in ("https://a.b:99999/", "https://-a/", "https://[::1/")],
    *[("Network", bad) for bad in ("", "x", "10.0.0.1/8", "10.0.0.0/33", "::1%x", "1.2.3.4 ", "1.2.3")],
    *[("StatusRange", bad) for bad in (99, 600, True, "2xx", "300-200", "200-", "-200", "200-399\n", 200.0)],
    *[
        ("Fingerprint", bad)
        for bad in ("x", "MD5:00", "SHA256:" + "a" * 42, "SHA256:" + "a" * 44, "SHA256:" + "$" * 43)
    ],
    *[("PythonVersion", bad) for bad in ("3", "2.7", "3.x", "3.12 ", "3.123", "python3.12")],
    *[("Port", bad) for bad in (0, 65536, -1, "22", 22.0, True)],
    *[("Batch", bad) for bad in (0, -1, True, "0%", "101%", "5", "5 %", 2.5, None)],
    *[("HookList", bad) for bad in ([""], [" "], ["local:"], ["a\nb"], ["a\0"], [3], 3)],
    *[("LocalPath", bad) for bad in ("-x", "-oProxyCommand=x", "a\nb", "a\0", "a\x1b[0m", "a\x9b", "a\u2028b")],
    ("LocalFile", ""),
    *[("Switch", bad) for bad in ("true", 1, 0, "yes", None)],
    *[("Whole", bad) for bad in ("3", 3.0, True, None)],
    *[("Seconds", bad) for bad in ("3", True, None)],
    *[("Text", bad) for bad in ("a\nb", "a\r", "\t", "\0", "\x7f", "\x85", "\ud800", "\u2029", 3)],
]


def adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(getattr(types, name))


@pytest.mark.parametrize(("name", "given_value", "kept"), GOOD)
def test_accepted_values(name: str, given_value: Any, kept: Any) -> None:
    assert adapter(name).validate_python(given_value) == kept


@pytest.mark.parametrize(("name", "given_value"), BAD)
def test_refused_values(name: str, given_value: Any) -> None:
    with pytest.raises(ValidationError):
        adapter(name).validate_python(given_value)


def test_both_tables_have_every_type() -> None:
    named = {name for name in vars(types) if hasattr(getattr(types, name), "__metadata__")}
    assert named - {"Text", "Line", "OptionalDomain", "Hook"} <= {name for name, *_ in GOOD}
    assert named - {"Line", "OptionalDomain", "Hook"} <= {name for name, _ in BAD}


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=string.ascii_letters + "0-_./@+,=#~^:?*[]\\{} é", min_size=1, max_size=12))
def test_git_accepts_every_accepted_branch(name: str) -> None:
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    try:
        adapter("GitRef").validate_python(name)
    except ValidationError:
        return
    subprocess.run(["git", "check-ref-format", "--branch", name], check=True, capture_output=True)


@given(st.text())
def test_an_app_name_has_only_letters_digits_and_dashes(name: str) -> None:
    try:
        adapter("AppName").validate_python(name)
    except ValidationError:
        return
    assert set(name) <= set(string.ascii_lowercase + string.digits + "-")


@given(st.text())
def test_a_domain_name_becomes_plain_ascii(name: str) -> None:
    try:
        kept = adapter("DomainName").validate_python(name)
    except ValidationError:
        return
    assert set(kept.removeprefix("*.")) <= set(string.ascii_lowercase + string.digits + "-.")
    assert adapter("DomainName").validate_python(kept) == kept


@given(st.ip_addresses())
def test_an_ip_address_is_not_a_domain(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if "%" not in str(ip):
        assert adapter("Address").validate_python(str(ip)) == str(ip)
    with pytest.raises(ValidationError):
        adapter("DomainName").validate_python(str(ip))


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])))
def test_a_line_keeps_every_character(text: str) -> None:
    assert adapter("Line").validate_python(text) == text
