"""Free ports."""

import socket

import pytest

from ingest.devstack import ports


def test_ports_differ_are_free_and_are_not_those_that_the_kernel_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as taken:
        used: int = taken.getsockname()[1]
        monkeypatch.setattr(ports, "UNGIVEN_PORTS", range(used, used + 10))
        found = ports.free_ports(3)
        assert len(set(found)) == 3
        assert used not in found
    monkeypatch.undo()
    (first,) = ports.free_ports(1)
    with socket.create_server((ports.LOOPBACK, first)):
        assert ports.listens(first)
    with socket.create_server((ports.LOOPBACK, 0)) as given:
        assert given.getsockname()[1] not in ports.UNGIVEN_PORTS
