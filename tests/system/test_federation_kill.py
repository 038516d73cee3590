# SPDX-License-Identifier: Apache-2.0
"""Deliveries between three servers that are cut by kill -9 of the one or the other side: before,
within and after the transaction that takes them. The moments are drawn from a seed that is printed.
"""
import datetime
import itertools
import os
import random
import socket
import threading
import time

import yaml

from stack import free_port, wait_until
from test_federation import LAST_YEAR, changes, levels, same_as_below, wait_same

MOMENTS = ["in the request", "in the transaction", "before the answer"]
VICTIMS = [("below",), ("above",), ("below", "above")]


class Road:
    """Between a server and the upper one; kills a victim where a delivery is on its way."""

    def __init__(self, below, above):
        self.below, self.above = below, above
        self.port, self.lock = free_port(), threading.Lock()
        self.plan, self.done = None, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.serve, daemon=True).start()
        config = yaml.safe_load(below.config.read_text())
        config["upstream"]["url"] = f"http://127.0.0.1:{self.port}"
        below.config.write_text(yaml.safe_dump(config))

    def ambush(self, moment, share, victims):
        """At the next delivery with rows. share: how far in, 0 to 1."""
        with self.lock:
            self.plan = (moment, share, victims)
            self.done.clear()

    def serve(self):
        while True:
            try:
                down = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.carry, args=(down,), daemon=True).start()

    def strike(self, victims):
        for victim in victims:
            victim.server.kill()
        self.done.set()

    def carry(self, down):
        """Request by request, each on a connection of its own to the upper server."""
        try:
            with down, socket.create_connection(("127.0.0.1", self.above.port)) as up:
                while self.one(down, up):
                    pass
        except OSError:
            pass

    def one(self, down, up):
        head, body = read_message(down)
        if head is None:
            return False
        plan = None
        if len(body) > 200:  # else it only asks, or has nothing to tell
            with self.lock:
                plan, self.plan = self.plan, None
        moment, share, victims = plan or (None, 0, [])
        if moment == "in the request":
            up.sendall((head + body)[:int(len(head + body) * share)])
            self.strike(victims)
            return False
        up.sendall(head + body)
        if moment == "in the transaction":
            time.sleep(share * 0.01)
            self.strike(victims)
            return False
        head, body = read_message(up)
        if moment is not None:
            self.strike(victims)
            return False
        if head is not None:
            down.sendall(head + body)
        return head is not None


def read_message(connection):
    """Head and body; (None, None) at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None, None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:]]
    length = next((int(line[1]) for line in lines if line[0] == b"content-length"), 0)
    if any(line[0] == b"expect" for line in lines):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < length:
        more = connection.recv(65536)
        if not more:
            return None, None
        body += more
    return head + b"\r\n\r\n", body


def restate(level, name, rng):
    """A bill of another month, and its days."""
    month, amount = rng.randint(1, 11), rng.randint(1000, 9999)
    last = datetime.date(LAST_YEAR, month + 1, 1) - datetime.timedelta(days=1)
    (level.folder / "bills.csv").write_text(
        "institution,carrier,from,to,quantity,unit\n"
        f"{name},natural_gas,{LAST_YEAR}-{month:02}-01,{last},{amount}.125,m3\n")
    level.command("import", level.folder / "bills.csv")


def test_kill_in_the_middle_of_deliveries(stack):
    seed = int(os.environ.get("NENGHAO_SEED", random.SystemRandom().randrange(10**6)))
    print(f"NENGHAO_SEED={seed}")
    rng = random.Random(seed)
    made = province, city, county = levels(stack, "370000", "370100", "370102")
    names = [county.add(number, 12) for number in (1, 2)]
    own = city.add(9, 11)
    roads = [Road(county, city), Road(city, province)]
    # The first delivery of all, also cut.
    for road, moment in zip(roads, rng.sample(MOMENTS, 2)):
        road.ambush(moment, rng.random(), [road.above])
    for level in made:
        level.start()
    for road in roads:
        assert road.done.wait(60), "no first delivery on its way"
        road.above.start()
    generations = wait_all(made, names, own)
    rounds = list(itertools.product(roads, MOMENTS, VICTIMS))
    rng.shuffle(rounds)
    for road, moment, who in rounds:
        victims = [getattr(road, side) for side in who]
        road.ambush(moment, rng.random(), victims)
        restate(road.below, names[0] if road.below is county else own, rng)
        assert road.done.wait(60), f"{moment}, {who}: no delivery on its way"
        for victim in victims:
            victim.start()
    last = wait_all(made, names, own)
    assert last == generations, "the cursor went on, nothing was sent anew"
    # Each row once, with what it says below; then the cursor goes on as if nothing had been.
    for above, below in (city, county), (province, city):
        assert wait_until(lambda: rows_of(above, below) == rows_of(below, below), 60, "the same rows")
    restate(county, names[1], rng)
    wait_all(made, names, own)


def rows_of(level, source):
    rows = changes(level, level.token)[0]
    found = {(r["institution"], r["interval"], r["start"], r["carrier"], r["item"]):
             (r.get("value"), r.get("estimated"), r.get("detail")) for r in rows
             if r["start"] < f"{LAST_YEAR + 1}" and not r["deleted"] and
             r["institution"].startswith(source.region.rstrip("0"))}
    assert found and len(rows) == len({(r["institution"], r["interval"], r["start"], r["carrier"], r["item"])
                                       for r in rows})
    return found


def wait_all(made, names, own):
    """Sums are the same on every level to the last digit, and nothing waits; the generations."""
    province, city, county = made
    wait_until(county.is_computed, 60, "computed")
    wait_same(city, county, "370102", names)
    wait_same(province, city, "370100", [own] + names)
    assert same_as_below(province, county, "370102", names)
    return [level.get("/api/v1/rollups/sources")["sources"][0]["generation"] for level in made[:2]]
