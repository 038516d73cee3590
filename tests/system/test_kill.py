# SPDX-License-Identifier: Apache-2.0
"""A recorded load goes in while the server is killed again and again: the ledger is what was sent.

The player does what the contract asks of an agent, and nothing else: it keeps each batch until the
server says "kept", and sends again from seen + 1.
"""
import json
import os
import queue
import random
import threading
import time
from decimal import Decimal

import pytest

from plant import Plant, meter_id
from stack import wait_until
from test_registry_diff import months
from test_server import HandMadeAgent, reading

MINUTE = 60 * 1000
WINDOW = 8  # batches under way
EPOCH = 7


class Player(threading.Thread):
    """Plays the load until all of it is kept."""

    def __init__(self, port, batches):
        super().__init__(daemon=True)
        self.agent = HandMadeAgent(port)
        self.batches, self.kept, self.sent_again = batches, 0, 0
        self.is_stopped = False
        self.error = None

    def send(self, seq):
        time_ms, lines = self.batches[seq - 1]
        self.agent.client.publish(f"{self.agent.prefix}/data", self.agent.batch(
            EPOCH, seq, lines, oldest=self.kept + 1, time_ms=time_ms), qos=1)

    def ask(self):
        self.agent.client.publish(f"{self.agent.prefix}/status", json.dumps(
            {"state": "online", "version": "0", "epoch": EPOCH}), qos=1)

    def run(self):
        try:
            self.play()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def play(self):
        seen = sent = 0
        while self.kept < len(self.batches) and not self.is_stopped:
            while sent < min(seen + WINDOW, len(self.batches)):
                sent += 1
                self.send(sent)
            try:
                epoch, now_seen, now_kept, _ = self.agent.acks.get(timeout=0.3)
            except queue.Empty:
                self.sent_again += sent - seen
                sent = seen  # whoever was to answer may be gone
                self.ask()
                continue
            assert epoch == EPOCH and now_kept >= self.kept, "what was kept stays kept"
            assert now_kept <= now_seen <= len(self.batches)
            self.kept = now_kept
            if now_seen < seen:  # a server that came back knows only what it has committed
                sent = now_seen
            seen = now_seen
            sent = max(sent, seen)


def record(n):
    """A load: every minute a batch with a reading of two meters. The last minutes reach to now."""
    begin = int(time.time() * 1000) // MINUTE * MINUTE - n * MINUTE
    return [(begin + i * MINUTE, [reading("e01", f"{1000 + i}.25", begin + i * MINUTE),
                                  reading("e02", f"{7 * i}.5", begin + i * MINUTE)]) for i in range(n)]


def kill_while_playing(stack, n_kills, per_kill):
    seed = int(os.environ.get("NENGHAO_SEED", time.time_ns() % 1000000))
    print(f"NENGHAO_SEED={seed}")
    dice = random.Random(seed)
    plant = Plant(stack, tsdb=False)
    stack.mosquitto()
    plant.write_registry()
    plant.write_server()
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3")
    load = record(n_kills * per_kill)
    plant.server = stack.server(plant.server_config)
    player = Player(stack.broker_port, load)
    player.start()
    kills, kept = 0, []
    while kills < n_kills and player.is_alive():
        time.sleep(dice.uniform(0, 0.7))  # also while it starts
        plant.server.kill()
        kills += 1
        kept.append(player.kept)
        plant.server.start()
    try:
        player.join(120 + 2 * n_kills)
        assert player.error is None, player.error
        assert not player.is_alive(), f"{player.kept} of {len(load)} kept"
    finally:
        player.is_stopped = True
    plant.wait_ready()
    for short in ("e01", "e02"):
        sent = {at: Decimal(line.split("=")[2].split(" ")[0]) for at, lines in load for line in lines
                if meter_id(short) in line}
        got = {at: Decimal(value) for at, value in plant.readings(short, load[0][0], load[-1][0] + 1)}
        assert got == sent, (len(got), len(sent))
    kinds = {event["kind"] for event in plant.get("/api/v1/events")["events"]}
    assert not kinds & {"batches_lost", "two_agents", "clock"}, kinds
    wait_until(lambda: sum(months(plant, "e01").values()) == 40 * (len(load) - 1), 60, "the sum")
    player.agent.close()
    return kills, len([k for k in kept if k < len(load)]), player.sent_again


def test_a_recorded_load_survives_a_few_kills(stack):
    kills, during, _ = kill_while_playing(stack, 5, 100)
    assert kills > 0 and during > 0


@pytest.mark.soak
def test_a_recorded_load_survives_two_hundred_kills(stack):
    kills, during, again = kill_while_playing(stack, 200, 80)
    print(f"{kills} kills, {during} of them while the load went in; {again} batches sent again")
    assert during >= 150
