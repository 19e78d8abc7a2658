"""What the server writes for Prometheus about an app each minute."""

from __future__ import annotations

import calendar
import re
import subprocess
import time

from tests.hosts.scripts.release.managed import Managed
from tests.support.libraries import functions


def test_the_life_of_a_certificate(managed: Managed) -> None:
    folder = managed.server.path("/etc/certificate")
    folder.mkdir(parents=True)
    key = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key"]
    subprocess.run([*key, "-subj", "/CN=a", "-days", "6", "-out", "chain.pem"], cwd=folder, check=True, capture_output=True)
    found = managed.run(f"{functions('collect', 'https')}\ncertificate=/etc/certificate/chain.pem folder=\ncollect_certificate")
    values = dict(re.findall(r'selvedge_certificate_(\w+)_seconds\{app="hello"\} (\d+)$', found, re.MULTILINE))
    assert int(values["expiry"]) - int(values["start"]) == 6 * 86400
    assert abs(int(values["start"]) - calendar.timegm(time.gmtime())) < 60


def test_a_site_without_a_certificate_has_none(managed: Managed) -> None:
    assert managed.run(f"{functions('collect', 'https')}\ncertificate= folder=\ncollect_certificate") == ""
