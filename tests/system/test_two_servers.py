# SPDX-License-Identifier: Apache-2.0
"""Two servers of one region at one broker by mistake: the later one steps back."""
import time

from plant import Plant
from stack import http, wait_until
from test_server import HandMadeAgent, metric, reading


def readiness(plant):
    status, _, body = http("GET", f"http://127.0.0.1:{plant.http_port}/readyz")
    return status, body.decode()


def start(stack, name, broker_port):
    folder = stack.folder / name
    folder.mkdir()
    plant = Plant(stack, tsdb=False)
    plant.folder = folder
    plant.write_registry()
    plant.write_server()
    plant.server = stack.server(plant.server_config, name=f"server-{name}")
    wait_until(lambda: metric_or_none(plant) == 1, 20, f"{name} is connected")
    return plant


def metric_or_none(plant):
    try:
        return metric(plant, "nenghao_broker_connected")
    except OSError:
        return None


def test_two_servers_of_one_region_do_not_fight(stack):
    stack.mosquitto()
    first = start(stack, "first", stack.broker_port)
    assert readiness(first)[0] == 200
    time.sleep(10)  # a connection that has stood for a while
    second = start(stack, "second", stack.broker_port)
    wait_until(lambda: "with our client id" in second.server.log(), 30, "the later one tells")
    status, words = readiness(second)
    assert status == 503 and "two serve one region" in words
    assert metric(second, "nenghao_broker_displaced") == 1
    wait_until(lambda: metric(first, "nenghao_broker_connected") == 1, 5, "the first is back")
    for _ in range(24):  # longer than any usual pause before connecting again
        assert metric(first, "nenghao_broker_connected") == 1
        assert metric(second, "nenghao_broker_connected") == 0
        time.sleep(0.25)
    assert readiness(first)[0] == 200
    assert "with our client id" not in first.server.log()
    agent = HandMadeAgent(stack.broker_port)
    agent.send(1, 1, [reading("e01", "1.5", int(time.time() * 1000))])
    assert agent.ack(1, 1)[1:3] == (1, 1)
    time.sleep(0.5)
    assert agent.acks.empty()  # one server answers
    agent.close()
    assert first.server.stop() == 0 and second.server.stop() == 0
