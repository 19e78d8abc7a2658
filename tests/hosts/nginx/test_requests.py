"""Requests to nginx: files, headers, limits and slow clients, and the nginx service itself."""

from __future__ import annotations

import resource
import socket
import time

from lab import Project, until
from nginx_site import ask, exists, raw, status
from sandbox import Server
from traffic import get


def test_only_static_files_of_the_release_are_served(server: Server) -> None:
    assert b"Cache-Control: max-age=3600" in ask(server, "/static/style.css")
    assert status(ask(server, "/static/inside.css")) == 200
    for path in ("/static/../main.py", "/static../main.py", "/static/..%2fmain.py", "/static/%2e%2e/main.py",
                 "/static/....//main.py", "/static/..\\main.py", "/static/.hidden", "/static/",
                 "/static/../../../../etc/passwd", "/static//../../shared/env"):  # fmt: skip
        answer = ask(server, path)
        assert status(answer) in (400, 403, 404), (path, answer)
        assert b"FastAPI" not in answer and b"root:" not in answer
    others = server.run("cd /srv/hello/current/ && find . -type f -perm /o=r ! -path './static/*'").stdout
    assert others == "", "nginx can read these files, and so can every user"


def test_uploads_are_served_and_links_among_them_are_not(server: Server) -> None:
    server.run("""cd /srv/hello/shared/up/loads
            runuser -u hello -- sh -c 'umask 0007; echo picture >a.txt; mkdir -p deep; echo more >deep/b.txt'
            runuser -u hello -- sh -c 'ln -s /etc/passwd link; ln -s /etc outside; ln -s ../../../env own; echo x >.hidden'""")
    assert ask(server, "/media/a.txt").endswith(b"\r\n\r\npicture\n")
    assert status(ask(server, "/media/deep/b.txt")) == 200
    for path in ("/media/link", "/media/outside/passwd", "/media/own", "/media/.hidden", "/media/../../env", "/media../env"):
        answer = ask(server, path)
        assert status(answer) in (400, 403, 404), (path, answer)
        assert b"root:" not in answer
    listing = server.run("runuser -u nobody -- ls /srv/hello/shared/ 2>&1 || true").stdout
    assert "Permission denied" in listing


def test_root_does_not_follow_links_of_the_app(server: Server, project: Project) -> None:
    server.run("cd /srv/hello/shared && mv up /root/up && runuser -u hello -- ln -s /etc up")
    before = server.run("stat -c '%a %U %G' /etc /etc/nginx").stdout
    failed = project.fab("-H", server.name, "nginx")
    server.run("rm /srv/hello/shared/up && mv /root/up /srv/hello/shared/up")
    assert failed.status == 1 and "Could not make the folder /srv/hello/shared/up/loads ([nginx] media) readable" in failed.stderr
    assert server.run("stat -c '%a %U %G' /etc /etc/nginx").stdout == before
    assert not exists(server, "/etc/loads")


def test_a_static_folder_with_a_link_outside_is_refused_before_the_switch(
    server: Server, project: Project
) -> None:
    live = get(f"{server.url}/").headers["X-Release"]
    project.commit(lambda app: (app / "static" / "out").symlink_to("/etc/passwd"))
    failed = project.fab("-H", server.name, "deploy")
    project.git("reset", "--hard", "--quiet", "HEAD^")
    assert failed.status == 1
    assert "The folder static ([nginx] static) contains static/out, a link to a place outside the folder." in failed.stderr
    assert get(f"{server.url}/").headers["X-Release"] == live


def test_each_security_header_is_sent_once(server: Server) -> None:
    head = ask(server, "/").partition(b"\r\n\r\n")[0].decode()
    for name in ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Server"):
        assert head.lower().count(f"\n{name.lower()}:") == 1, head
    assert "nginx/" not in head and "uvicorn" not in head


def test_security_headers_of_the_app_are_kept(server: Server) -> None:
    # A script on another socket replaces the app for one request, and sends these headers itself.
    answer = "HTTP/1.1 200 OK\\r\\nX-Frame-Options: DENY\\r\\nReferrer-Policy: no-referrer\\r\\nContent-Length: 0\\r\\n\\r\\n"
    text = server.run(f"""
            cat >/root/app.py <<'EOF'
import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("/run/fake.sock")
listener.listen()
connection, _ = listener.accept()
connection.recv(65536)
connection.sendall(b"{answer}")
connection.close()
EOF
            rm -f /run/fake.sock; timeout 20 python3 /root/app.py & sleep 0.5; chmod 666 /run/fake.sock
            old=$(readlink /srv/hello/live.sock); ln -sfn /run/fake.sock /srv/hello/live.sock
            curl -s -D - http://localhost/; ln -sfn "$old" /srv/hello/live.sock; wait; rm /run/fake.sock""").stdout
    assert text.count("X-Frame-Options") == 1 and "X-Frame-Options: DENY" in text, text
    assert text.count("Referrer-Policy") == 1 and "Referrer-Policy: no-referrer" in text
    assert "X-Content-Type-Options: nosniff" in text


def test_a_body_over_the_limit_is_refused_before_the_app(server: Server) -> None:
    # nginx keeps the connection open for the body, so this reads only the first bytes.
    with socket.create_connection((server.address, 80), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n")
        assert status(connection.recv(65536)) == 413


def test_requests_cannot_inject_headers(server: Server) -> None:
    for path in ("/a%0d%0aX-Evil:%201", "/static%0d%0aX-Evil:%201", "/?a=%0d%0aX-Evil:%201", "//evil.test/%2e%2e"):
        head = ask(server, path).partition(b"\r\n\r\n")[0]
        assert b"\nX-Evil" not in head, head
    # The host of the request line has precedence over the header Host.
    spoofed = raw(server, "GET http://a.test/client HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n")
    assert b'"host":"a.test"' in spoofed, spoofed
    for host in ("a b", "a\x00b", "a/../b", "a\r\n b"):
        assert status(ask(server, "/client", host)) == 400, host


def test_the_app_answers_during_two_thousand_slow_connections(server: Server) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    slow: list[socket.socket] = []
    try:
        for number in range(2000):
            slow.append(socket.create_connection((server.address, 80), timeout=10))
            slow[-1].sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: " if number % 2 else b"POST / HTTP/1.1\r\nHo")
        times = []
        for _ in range(10):
            began = time.monotonic()
            assert get(f"{server.url}/health", timeout=5).status == 200
            times.append(time.monotonic() - began)
        assert max(times) < 2, times
        # nginx closes connections that send no complete request within ten seconds.
        until(lambda: int(server.run("ss -Htn state established '( sport = :80 )' | wc -l").stdout) < 100, 30)
    finally:
        for each in slow:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_nginx_works_under_its_systemd_restrictions(server: Server) -> None:
    # systemd applies the restrictions at the next start.
    server.run("systemctl restart nginx")
    rating = server.run("systemd-analyze security nginx --no-pager | tail -n 1").stdout
    assert float(rating.split(":")[1].split()[0]) <= 3.0, rating
    server.run("systemctl reload nginx && sleep 0.3 && logrotate -f /etc/logrotate.d/hello && sleep 0.3")
    assert get(f"{server.url}/health").status == 200
    log = "/var/log/hello/nginx-access.log"
    assert "/health" in server.run(f"sleep 0.2; cat {log}").stdout
    assert server.run(f"stat -c '%a %U %G' {log}").stdout == "640 www-data adm\n"
    assert "/health" in server.run(f"cat {log}.1").stdout
    # nginx writes a body that is larger than its buffer to a file.
    server.run("head -c 900000 /dev/zero | curl -s -o /dev/null --data-binary @- localhost/")
    errors = server.run("cat /var/log/nginx/error.log /var/log/hello/nginx-error.log").stdout
    assert "is buffered to a temporary file /var/lib/nginx/body/" in errors
    assert "emerg" not in errors and "alert" not in errors and "crit" not in errors, errors


def test_a_port_held_by_another_program_is_reported(server: Server, project: Project) -> None:
    server.run("""systemctl stop nginx; systemd-run --quiet --unit=squatter python3 -m http.server 80
            until ss -Hltn | grep -q ':80 '; do sleep 0.1; done""")
    failed = project.fab("-H", server.name, "install")
    still = server.run("systemctl is-active squatter; systemctl stop squatter; systemctl start nginx").stdout
    assert failed.status == 1 and "Port 80, which nginx needs, is in use by python3 (process " in failed.stderr, failed
    assert still == "active\n"
    assert get(f"{server.url}/health").status == 200


def test_the_restrictions_of_nginx_leave_other_sites_working(server: Server, project: Project) -> None:
    other = """
            useradd -m other && chmod 755 /home/other && cd /home/other && mkdir www logs && echo home >www/index.html
            cat >/etc/nginx/sites-enabled/theirs <<'EOF'
proxy_cache_path /data/cache keys_zone=theirs:1m;
server { listen 81; root /home/other/www; access_log /home/other/logs/access.log; }
server { listen 82; location / { proxy_pass http://unix:/tmp/other.sock; proxy_cache theirs; proxy_cache_valid 200 1m; } }
EOF
            cat >/root/other.py <<'EOF'
import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("/tmp/other.sock")
listener.listen()
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 7\\r\\nConnection: close\\r\\n\\r\\nsocket\\n")
    connection.close()
EOF
            mkdir /data; systemd-run --quiet --unit=other -p UMask=0 python3 /root/other.py
            rm -r /etc/systemd/system/nginx.service.d && systemctl daemon-reload && systemctl restart nginx"""
    look = "curl -s localhost:81; curl -s localhost:82; ls /data/cache | wc -l"
    server.run(other)
    before = server.run(look).stdout
    said = project.must("-H", server.name, "nginx").stdout
    assert "PrivateTmp=no ReadWritePaths=-/data/cache ReadWritePaths=-/home/other/logs" in said
    server.run("rm -r /data/cache/*; systemctl restart nginx")
    assert server.run(look).stdout == before == "home\nsocket\n1\n"
    assert get(f"{server.url}/health").status == 200
    assert server.run("systemctl show --value -p ProtectSystem nginx").stdout == "strict\n"
    assert "nginx: nothing to change" in project.must("-H", server.name, "nginx").stdout
    server.run("systemctl stop other; rm /etc/nginx/sites-enabled/theirs /etc/systemd/system/nginx.service.d/60*")
    server.run("systemctl daemon-reload; systemctl restart nginx")
