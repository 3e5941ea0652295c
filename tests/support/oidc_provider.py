"""A small OpenID Connect provider: it signs in one person, without a question."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "ingest", "a secret of the client"


class Provider:
    """The provider: its address, the person who signs in, and the codes that it gave."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {}
        self.nonces: dict[str, str | None] = {}
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def id_token(self, nonce: str | None) -> str:
        """Return the signed claims of the person."""
        times = {"iat": int(time.time()), "exp": int(time.time()) + 60}
        claims = {"iss": self.url, "aud": CLIENT, **times, **self.person}
        if nonce:
            claims["nonce"] = nonce
        return jwt.encode(claims, self.key, "RS256", headers={"kid": "1"})

    def answer(self, path: str, given: dict[str, list[str]]) -> dict[str, Any] | None:
        """Return what a request gets as JSON, or None."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        if path == "/token":
            assert given["client_secret"] == [SECRET]
            assert given["code_verifier"]
            nonce = self.nonces.pop(given["code"][0])
            tokens = {"access_token": "t", "token_type": "Bearer", "expires_in": 60}
            return {**tokens, "id_token": self.id_token(nonce)}
        answers: dict[str, dict[str, Any]] = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            },
            "/keys": {"keys": [{**public, "kid": "1", "alg": "RS256"}]},
            "/userinfo": self.person,
        }
        return answers.get(path)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = parse_qs(parts.query)
                if parts.path == "/authorize":
                    assert query["client_id"] == [CLIENT]
                    code = f"code {len(provider.nonces)}"
                    provider.nonces[code] = query.get("nonce", [None])[0]
                    back = urlencode({"code": code, "state": query["state"][0]})
                    self.send_response(302)
                    self.send_header("Location", f"{query['redirect_uri'][0]}?{back}")
                    self.end_headers()
                    return
                self._send(provider.answer(parts.path, query))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._send(provider.answer(self.path, parse_qs(body)))

            def _send(self, answer: dict[str, Any] | None) -> None:
                body = json.dumps(answer).encode()
                self.send_response(404 if answer is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def running() -> Iterator[Provider]:
    """Run a provider on a free port."""
    provider = Provider()
    thread = threading.Thread(target=provider.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.server.shutdown()
        provider.server.server_close()
        thread.join()
