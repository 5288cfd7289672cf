#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Chromium, headless, loads a page from a server in the same run: a script of the page fetches a file and
hashes it, posts one back, loads forty small things at once, and reads a stream of events; what it
found out is the page's text at the end. (--no-sandbox: root has to, and a container may not allow it.)"""
import hashlib
import json
import os
import pathlib
import re

from harness import Failure, expect, main

PORT = 8080
SIZE = 3_000_000
PAGE = """<!doctype html><title>loading</title><pre id=found></pre><script>
const hex = buffer => [...new Uint8Array(buffer)].map(b => b.toString(16).padStart(2, '0')).join('');
const events = () => new Promise((resolve, reject) => {
    const source = new EventSource('/events'), seen = [];
    source.onmessage = event => {
        seen.push(event.data);
        if (seen.length == 5) { source.close(); resolve(seen.join(' ')); }
    };
    source.onerror = () => reject('the stream of events broke');
});
async function look() {
    const file = await (await fetch('/file')).arrayBuffer();
    const sha256 = hex(await crypto.subtle.digest('SHA-256', file));
    const posted = await (await fetch('/post', {method: 'POST', body: file})).text();
    const many = await Promise.all([...Array(40).keys()].map(async i =>
        (await (await fetch('/number/' + i)).text()) == String(i)));
    return {sha256, posted, many: many.filter(Boolean).length, events: await events()};
}
look().catch(error => ({error: String(error)})).then(found => {
    document.getElementById('found').textContent = JSON.stringify(found);
    document.title = 'done';
    fetch('/done');
});
</script>"""
SERVER = r"""
import hashlib, http.server, pathlib, socket, sys, time
page, file = (pathlib.Path(p).read_bytes() for p in sys.argv[3:5])

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, kind="text/plain"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/":
            self.answer(page, "text/html")
        elif self.path == "/file":
            self.answer(file, "application/octet-stream")
        elif self.path.startswith("/number/"):
            self.answer(self.path.rpartition("/")[2].encode())
        elif self.path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.close_connection = True
            for i in range(5):
                self.wfile.write(b"data: %d\n\n" % i)
                self.wfile.flush()
                time.sleep(0.05)
        else:
            self.answer(b"")
            if self.path == "/done":
                print("the page is done", flush=True)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(hashlib.sha256(body).hexdigest().encode())

    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET

server = Server((sys.argv[1], int(sys.argv[2])), Handler)
print("ready", flush=True)
server.serve_forever()
"""


def body(case, programs):
    for name, content in (("server.py", SERVER), ("page.html", PAGE)):
        pathlib.Path(name).write_text(content, encoding="utf-8")
    file = os.urandom(SIZE)
    pathlib.Path("file").write_bytes(file)
    server = programs.start("python3", "server.py", case.address, PORT, "page.html", "file")
    server.wait_for("ready")
    # Virtual time stands still while a request is under way, so a slow machine costs nothing of it.
    browser = programs.start("chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
                             "--disable-dev-shm-usage", "--disable-background-networking",
                             "--no-first-run", "--user-data-dir=profile",
                             "--virtual-time-budget=60000", "--dump-dom", f"http://{case.at(PORT)}/")
    page = browser.succeed(seconds=120)
    server.wait_for("the page is done")
    found = re.search(r"<pre id=\"found\">(\{.*?\})</pre>", page)
    if not found:
        raise Failure("the page did not come to its end")
    sha256 = hashlib.sha256(file).hexdigest()
    expect("what the page found", json.loads(found[1]),
           {"sha256": sha256, "posted": sha256, "many": 40, "events": "0 1 2 3 4"})


main(body, ["chromium"])
