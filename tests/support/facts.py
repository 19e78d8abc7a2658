"""Facts in the words of a server's programs."""

from __future__ import annotations

import hashlib

from selvedge.resources.access.kernel import Sysctl


def rule(action: str, ports: str, *, source: str = "0.0.0.0/0", comment: str = "", protocol: str = "tcp") -> str:
    end = f" comment={comment.encode().hex()}" if comment else ""
    return f"### tuple ### {action} {protocol} {ports} 0.0.0.0/0 any {source} in{end}"


def firewall_fact(rules: str, state: str = "on\ndeny\nipv6\nlive", ssh: str = "22", rules6: str | None = None) -> str:
    six = rules.replace("0.0.0.0/0", "::/0") if rules6 is None else rules6
    return f"\n--- ssh\n{ssh}\n\n--- state\n{state}\n\n--- rules\n{rules}\n\n--- rules6\n{six}\n\n--- limit\nabsent"


SYSCTL = Sysctl("/etc/sysctl.d/90-test.conf", "# a comment = none\nnet.a.b = 1\nkernel.c=2\n")


def sysctl_fact(live: str, refused: str = "", file: str | None = None) -> str:
    """Return the lines that the probe of SYSCTL prints. file is the text on the server, by default the wanted one."""
    text = SYSCTL.text if file is None else file
    about = f"file 644 root root\n{hashlib.sha256(text.encode()).hexdigest()}\n{text}"
    return f"\n--- file\n{about}\n--- live\n{live}\n--- refused\n{refused}"
