# SPDX-License-Identifier: Apache-2.0
"""Two servers of one region at one broker by mistake: the later one steps back."""
import json
import time

from plant import Plant
from stack import http, wait_until
from test_server import HandMadeAgent, reading


def readiness(plant):
    status, _, body = http("GET", f"http://127.0.0.1:{plant.http_port}/readyz")
    return status, body.decode()


def launch(stack, name, regions=None):
    """regions: with a client id of its own."""
    folder = stack.folder / name
    folder.mkdir()
    plant = Plant(stack, tsdb=False)
    plant.folder = folder
    plant.write_registry()
    mqtt = {"url": f"tcp://127.0.0.1:{stack.broker_port}"}
    if regions:
        mqtt.update(client_id=f"nenghao-{name}", regions=regions)
    plant.write_server(mqtt=mqtt)
    plant.server = stack.server(plant.server_config, name=f"server-{name}")
    return plant


def start(stack, name, regions=None):
    plant = launch(stack, name, regions)
    wait_until(lambda: serves(plant), 30, f"{name} serves")
    return plant


def serves(plant):
    try:
        return readiness(plant)[0] == 200
    except OSError:
        return False


def is_refused(plant):
    return plant.metric_quietly("nenghao_region_refused") == 1


def events(plant):
    plant.token = plant.token or plant.add_token("test", "--region", "370100", "--grade", "L3")
    return [event for event in plant.get("/api/v1/events")["events"] if event["kind"] == "two_servers"]


def test_two_servers_of_one_region_do_not_fight(stack):
    stack.mosquitto()
    first = start(stack, "first")
    assert readiness(first)[0] == 200
    time.sleep(10)  # a connection that has stood for a while
    second = launch(stack, "second")
    wait_until(lambda: "with our client id" in second.server.log(), 30, "the later one tells")
    status, words = readiness(second)
    assert status == 503 and "two serve one region" in words
    assert second.metric("nenghao_broker_displaced") == 1
    wait_until(lambda: first.metric("nenghao_broker_connected") == 1, 5, "the first is back")
    for _ in range(24):  # longer than any usual pause before connecting again
        assert first.metric("nenghao_broker_connected") == 1
        assert second.metric("nenghao_broker_connected") == 0
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


def test_the_later_one_is_refused_and_names_the_first(stack):
    broker = stack.mosquitto()
    first = start(stack, "first", ["370100"])
    second = launch(stack, "second", ["370102"])
    wait_until(lambda: is_refused(second), 30, "the later one is refused")
    status, words = readiness(second)
    assert status == 503
    for part in ("region 370100 (it overlaps with 370102 here)", "'nenghao-first'", "host ", "first/ledger.db",
                 "since 20", "restart this one"):
        assert part in words, words
    assert "nenghao-first" in second.server.log()
    wait_until(lambda: "'nenghao-second'" in readiness(first)[1], 10, "the first tells of it")
    assert readiness(first)[0] == 200  # and goes on
    wait_until(lambda: events(second) and events(first), 20, "events")
    for plant, other in ((first, "nenghao-second"), (second, "nenghao-first")):
        event, = events(plant)
        assert (event["severity"], event["state"]) == ("error", "open") and other in event["text"]
    status = json.loads(stack.run(stack.program("server"), "status", "--json", "-c", second.server_config).stdout)
    assert "nenghao-first" in status["two_servers"][0]["text"]
    agent = HandMadeAgent(stack.broker_port)
    agent.send(1, 1, [reading("e01", "1.5", int(time.time() * 1000))])
    assert agent.ack(1, 1)[1:3] == (1, 1)
    assert second.metric_quietly("nenghao_messages_total") == 0

    # The rightful one crashes and is there again at once; the broker restarts and forgets.
    first.server.kill()
    first.server.start()
    wait_until(lambda: serves(first), 10, "at once")
    broker.kill()
    broker.start()
    wait_until(lambda: first.metric_quietly("nenghao_broker_connected") == 0, 10, "the broker is away")
    wait_until(lambda: serves(first), 60, "the first serves again")
    assert is_refused(second)
    agent.close()
    agent = HandMadeAgent(stack.broker_port)
    agent.send(1, 2, [reading("e01", "1.6", int(time.time() * 1000))])
    assert agent.ack(1, 2)[1:3] == (2, 2)
    agent.close()

    # It lets the region go: the other one, restarted, serves, and its event is over.
    assert first.server.stop() == 0 and second.server.stop() == 0
    second.server.start()
    wait_until(lambda: serves(second), 10, "at once")
    wait_until(lambda: events(second)[0]["state"] == "closed", 20, "over")


def test_of_two_at_once_one_serves(stack):
    broker = stack.mosquitto()
    broker.kill()  # both wait for it, and come as chance will have it
    plants = [launch(stack, name, ["370102"]) for name in ("one", "two")]
    broker.start()
    wait_until(lambda: sorted((serves(p), is_refused(p)) for p in plants) == [(False, True), (True, False)], 60,
               "one serves, one is refused")


def test_a_server_in_the_place_of_a_lost_one(stack):
    """Its ledger is new, the old one's claim still stands at the broker."""
    stack.mosquitto()
    lost = start(stack, "lost", ["370102"])
    lost.server.kill()
    fresh = launch(stack, "fresh", ["370102"])
    wait_until(lambda: fresh.metric_quietly("nenghao_region_refused") is not None, 20, "it answers")
    wait_until(lambda: "nenghao-lost" in readiness(fresh)[1], 20, "it waits")
    assert "does not answer within 30 s" in readiness(fresh)[1]
    wait_until(lambda: serves(fresh), 60, "serves")


def test_a_broker_that_hands_no_claims_on(stack):
    """As with an ACL of before: it serves, and says what it cannot see."""
    acl = stack.folder / "acl"
    acl.write_text("topic readwrite nenghao/1/+/+/data\ntopic readwrite nenghao/1/+/+/status\n"
                   "topic readwrite nenghao/1/+/+/ack\n")
    acl.chmod(0o644)
    stack.mosquitto(extra=f"allow_anonymous true\nacl_file {acl}\nuser root\n")
    plant = launch(stack, "only", ["370102"])
    wait_until(lambda: serves(plant), 30, "serves")
    status, words = readiness(plant)
    assert status == 200 and "hands on no claims" in words
