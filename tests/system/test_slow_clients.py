# SPDX-License-Identifier: Apache-2.0
"""Clients that stop, or go on so slowly that they never end, lose their connection."""
import contextlib
import pathlib
import socket
import time

import pytest

from stack import http, wait_until
from test_server import plant  # noqa: F401 fixture

REQUEST = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/v1/bills HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 1000000\r\n\r\n"
# Far more than buffers on the way hold.
MANY_ANSWERS = (REQUEST + b"\r\n") * 300
LONG = "600s"


class Client:
    """Sends what it has to say; then, at each step, a byte more, or reads a little, or does nothing."""

    def __init__(self, port, said, sends=b"", reads=0):
        self.port, self.sends, self.reads = port, sends, reads
        self.link = socket.socket()
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.link.connect(("127.0.0.1", port))
        self.link.sendall(said)
        self.link.setblocking(False)

    def step(self):
        with contextlib.suppress(OSError):  # full, empty or over: the server's side is what counts
            if self.sends:
                self.link.send(self.sends)
            if self.reads:
                self.link.recv(self.reads)

    def is_held(self):
        """Has the server the connection open still? What it has closed belongs to no file."""
        own = self.link.getsockname()[1]
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            column = line.split()
            if int(column[1].split(":")[1], 16) == self.port and int(column[2].split(":")[1], 16) == own:
                return column[9] != "0"
        return False


def restart_with(plant, **times):  # noqa: F811
    plant.server.stop()
    plant.write_server(http={"listen": f"127.0.0.1:{plant.http_port}", **times})
    plant.server.start()
    plant.wait_ready()


CASES = {
    "stops before it says anything": ("idle_time", b""),
    "stops in the header": ("idle_time", REQUEST),
    "stops in the body": ("idle_time", POST + b"{"),
    "stops after its answer": ("idle_time", REQUEST + b"\r\n"),
    "never reads its answers": ("idle_time", MANY_ANSWERS),
    "drips its header": ("header_time", REQUEST + b"X: ", b"x"),
    "drips its body": ("body_time", POST, b"["),
    "reads its answers in drips": ("answer_time", MANY_ANSWERS, b"", 256),
}


@pytest.mark.parametrize("limit", ["idle_time", "header_time", "body_time", "answer_time"])
def test_a_client_that_never_ends_is_ended(plant, limit):  # noqa: F811
    times = {"idle_time": LONG, "header_time": LONG, "body_time": LONG, "answer_time": LONG}
    restart_with(plant, **{**times, limit: "3s"})
    began = time.monotonic()
    clients = {name: Client(plant.http_port, *case[1:]) for name, case in CASES.items()}
    served = set()

    def are_served():
        served.update(name for name, client in clients.items() if client.is_held())
        return served == clients.keys()

    wait_until(are_served, 30, "all are served")
    ended = {name for name, case in CASES.items() if case[0] == limit}

    def are_ended():
        for client in clients.values():
            client.step()
        return not any(clients[name].is_held() for name in ended)

    wait_until(are_ended, 90, f"{ended} are ended")
    assert time.monotonic() - began > 2.5  # neither refused at once nor by another limit
    held = {name for name, client in clients.items() if client.is_held()}
    # Some of the others are over their limit too; whose limit is long is not.
    if limit == "body_time":
        assert "drips its header" in held
    if limit == "header_time":
        assert "drips its body" in held
    status, _, _ = http("GET", f"http://127.0.0.1:{plant.http_port}/api/v1/institutions", token=plant.token)
    assert status == 200
    for client in clients.values():
        client.link.close()
