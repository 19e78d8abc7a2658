"""What `fab dashboard` asks Prometheus on the server, and what it hears if there is none."""

from __future__ import annotations

from selvedge.engine.script import script
from selvedge.shell.library import call
from tests.hosts.scripts.server import Server

HOSTILE = 'rate(x{a="b"}[5m]) * $(id) `id` \' & + % #'


def ask(server: Server, function: str, *words: str) -> str:
    return server.run(script(call(function, *words))).stdout.decode()


def test_a_query_arrives_whole_and_only_on_this_server(server: Server) -> None:
    server.program("curl", 'printf "<%s>" "$@"')
    server.program("date", "echo 1000000")
    said = ask(server, "dashboard_range", "86400", "300", HOSTILE)
    assert f"<--data-urlencode><query={HOSTILE}>" in said
    assert "<start=913600>" in said and "<end=1000000>" in said and "<step=300>" in said
    assert said.endswith("<http://127.0.0.1:9090/api/v1/query_range>") and "<--noproxy><*>" in said
    assert ask(server, "dashboard_alerts").endswith("<http://127.0.0.1:9090/api/v1/alerts>")


def test_without_prometheus_the_words_of_curl_are_the_answer(server: Server) -> None:
    server.program("curl", "echo 'curl: (7) Failed to connect' >&2; exit 7")
    assert ask(server, "dashboard_now", "up") == "curl: (7) Failed to connect\n\ncurl 7\n"
