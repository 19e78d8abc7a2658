"""A signal to the script of a release, e.g. when the server shuts down."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.release.live import Live
from tests.hosts.scripts.release.managed import Managed
from tests.support.releases import NEW, OLD

# Functions that would need a real app, until the one that gets the signal.
STUBS = "switch_begin() { :; }\ngate_pass() { :; }\nworkers_grow() { :; }\ngate_site() { :; }\n"
STUBS += "answer_no_circle() { :; }\nsettle_managed() { :; }\nworkers_warn() { :; }"


@pytest.mark.parametrize("moment", ["gate_pass", "gate_site", "settle_wait"])
def test_a_signal_before_or_after_the_switch_leaves_the_old_release_live(
    managed: Managed, target: Callable[..., Target], moment: str
) -> None:
    base = managed.server.path("/srv/hello")
    (base / "current").symlink_to(f"releases/{OLD[:12]}")
    managed.listens(OLD)
    change = Live(target("b" * 40), NEW).plan(f"live {OLD}\nlistening yes\ncurrent releases/{OLD[:12]}\n")
    assert change and isinstance(change.payload, bytes)
    managed.server.path("/run/payload").write_bytes(change.payload)
    stop = f"{moment}() {{ readlink /srv/hello/live.sock; kill -TERM $$; echo goes on; }}"
    said = managed.run(f"{STUBS}\n{stop}\nstep_by=me\nasked=0 took=0\nexec 3</run/payload\n{change.shell}")
    sentence = "The release was interrupted by a signal, for example by a reboot. Run the same command again"
    assert said.endswith(f"@test error {sentence}. The previous release {OLD} keeps serving\n")
    assert f"/run/hello/{OLD if moment == 'gate_pass' else NEW}.sock\n" in said and "goes on" not in said
    assert str((base / "live.sock").readlink()) == f"/run/hello/{OLD}.sock"
    assert str((base / "current").readlink()) == f"releases/{OLD[:12]}"
    assert (base / f"instances/{NEW}/state").read_text() == "bad\n"
    assert managed.boots() == {OLD: True}
    assert (base / "history").read_text().endswith(f"\tme\tdeploy\t{OLD}\t{NEW}\trefused: {sentence}\n")
