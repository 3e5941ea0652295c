"""Whether a stack is ready: its web server answers, and a worker of each kind is alive."""

import http.client
import json
import re

from ingestsite import configuration

TIMEOUT_SECONDS = 5
WORKER = re.compile(r'^ingest_processes\{role="(\w+)"\} [1-9]', re.MULTILINE)
ROLES = ("extract", "save")


class Readiness:
    """Looks at the web server of this machine, never through a proxy."""

    def missing(self) -> str:
        """Say what is missing, or nothing if the stack is ready."""
        try:
            status, body = self._get("/readyz")
            if status != http.HTTPStatus.OK:
                why = json.loads(body).get("why", {})
                return ", ".join(f"{part} {fault}" for part, fault in why.items()) or body[:100]
            alive = WORKER.findall(self._get("/metrics")[1])
        except (OSError, ValueError, http.client.HTTPException) as error:
            return f"the web server does not answer ({error})"
        return ", ".join(f"no {role} worker yet" for role in ROLES if role not in alive)

    def _get(self, path: str) -> tuple[int, str]:
        host, port = configuration.WEB_CONNECT_HOST, configuration.WEB_PORT
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", path, headers={"Host": configuration.OWN_HOST})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()
