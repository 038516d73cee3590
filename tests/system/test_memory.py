# SPDX-License-Identifier: Apache-2.0
"""However much comes, and however long the ledger takes nothing: the server's memory is bounded."""
import re
import sqlite3
import time

from hand_made import HandMadeAgent
from plant import Plant, meter_id
from stack import http, wait_until

MAILBOX_MIB = 64  # server/main.c
BESIDE_MIB = 40   # what is being taken, SQLite's cache, buffers of the MQTT library
LINES = 2500      # some 200 KiB


def most_mib(server):
    with open(f"/proc/{server.child.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) / 1024


def dropped(plant):
    body = http("GET", f"http://127.0.0.1:{plant.http_port}/metrics", token=plant.token)[2]
    text = body.decode() if isinstance(body, bytes) else body
    return int(float(re.search(r"^nenghao_messages_dropped_total (\S+)", text, re.M).group(1)))


def is_taken(agent, lines):
    """Of another epoch. What still finds the mailbox full is dropped: agents send again."""
    agent.send(2, 1, lines)
    try:
        return agent.ack(2, 1, seconds=2)
    except AssertionError:
        return None


def test_memory_is_bounded_while_the_ledger_takes_nothing(stack):
    plant = Plant(stack, tsdb=False, interval="60s")
    stack.mosquitto()
    plant.write_registry()
    plant.write_server()
    plant.token = plant.add_token("all", "--region", "370100", "--grade", "L3")
    server = stack.server(plant.server_config)
    plant.wait_hears()
    agent = HandMadeAgent(stack.broker_port)
    begin = int(time.time() * 1000) - 86_400_000
    lines = [f"reading,meter={meter_id('e01')} active_energy_import_kwh={1000 + i}.25 {begin + i}"
             for i in range(LINES)]
    agent.send(1, 1, lines[:10])
    agent.ack(1, 1)
    idle = most_mib(server)
    body = "".join(line + "\n" for line in lines)
    with sqlite3.connect(plant.folder / "ledger.db", isolation_level=None) as lock:
        lock.execute("BEGIN IMMEDIATE")
        sent = 0
        while sent < 2.5 * (MAILBOX_MIB + BESIDE_MIB) * 1024 * 1024:
            payload = (f"batch,agent={agent.agent} epoch=1i,seq={2 + sent // len(body)}i,oldest=1i,"
                       f"lines={LINES}i {begin}\n{body}")
            agent.send_raw(payload)
            sent += len(body)
        lock.execute("ROLLBACK")
    wait_until(lambda: is_taken(agent, lines[:10]), 60, "it goes on")
    wait_until(lambda: dropped(plant) > 0, 30, "drops are counted")
    assert most_mib(server) - idle < MAILBOX_MIB + BESIDE_MIB, (idle, most_mib(server), sent / 2**20)
    assert most_mib(server) - idle > MAILBOX_MIB / 2  # it was under load at all
    agent.close()
    assert server.stop() == 0
