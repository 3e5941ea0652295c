"""An HTTP proxy that answers the first requests to some paths with 503."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

import requests


@contextmanager
def unavailable(url: str, times: Mapping[str, int]) -> Iterator[tuple[str, Counter[str]]]:
    """Run the proxy, and yield its URL and how often each path will still answer 503."""
    left = Counter(times)
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._forward()

        def do_POST(self) -> None:
            self._forward()

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self._is_refused():
                self._answer(503, b'{"detail": "The database is away."}', {"Retry-After": "1"})
                return
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
            answer = requests.request(
                self.command, url + self.path, data=body, headers=headers, timeout=60
            )
            self._answer(answer.status_code, answer.content, {})

        def _is_refused(self) -> bool:
            with lock:
                refused = left[self.path] > 0
                left[self.path] -= refused
            return refused

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print no access log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", left
        server.shutdown()
