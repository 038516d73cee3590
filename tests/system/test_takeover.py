# SPDX-License-Identifier: Apache-2.0
"""A region moves to another server: nothing is lost, nothing counts twice."""
import json
import time

from plant import Plant, iso, meter_id
from stack import wait_until
from test_registry_diff import months
from test_server import HandMadeAgent, reading

HOUR = 3600 * 1000


def server(stack, name, regions):
    folder = stack.folder / name
    folder.mkdir()
    plant = Plant(stack, tsdb=False, interval="1h")
    plant.folder = folder
    plant.write_registry()
    configure(plant, name, regions)
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3")
    return plant


def configure(plant, name, regions):
    plant.write_server(mqtt={"url": f"tcp://127.0.0.1:{plant.stack.broker_port}", "client_id": name,
                             "regions": regions})


def start(plant, name):
    plant.server = plant.stack.server(plant.server_config, name=f"server-{name}")
    plant.wait_hears()


def total(plant):
    return sum(months(plant, "e01").values())


def run(plant, *words, check=True):
    return plant.stack.run(plant.stack.program("server"), *words, "-c", plant.server_config, check=check)


def test_a_region_changes_hands(stack):
    stack.mosquitto()
    first, second = server(stack, "first", ["370102"]), server(stack, "second", ["370103"])
    start(first, "first")
    agent = HandMadeAgent(stack.broker_port)
    begin = int(time.time() * 1000) // HOUR * HOUR - 40 * HOUR
    times = [begin + hour * HOUR for hour in range(30)]
    for seq in range(1, 11):
        agent.send(1, seq, [reading("e01", str(100 + seq), times[seq])], time_ms=times[seq])
    until = agent.ack(1, 10, 30)[3]
    run(first, "edit", "set", "--meter", meter_id("e01"), "--at", iso(times[0]), "--register", "100",
        "--why", "read by hand")
    run(first, "edit", "void", "--meter", meter_id("e01"), "--at", iso(times[5]), "--why", "no")
    run(first, "edit", "revoke", "2", "--why", "yes")
    wait_until(lambda: total(first) == 40 * 10, 30, "ten hours at the first")

    # The first lets the region go; what its agents say now waits with them.
    assert first.server.stop() == 0
    configure(first, "first", ["370103"])
    start(first, "first")
    backup = stack.folder / "handover.db"
    run(first, "backup", backup)
    answer = json.loads(run(second, "takeover", backup, "--region", "370102", "--json").stdout)
    assert (answer["added"], answer["agents"], answer["edits"]) == (10, 1, 3), answer
    again = json.loads(run(second, "takeover", backup, "--region", "370102", "--json").stdout)
    assert (again["added"], again["repeated"], again["agents"], again["edits"]) == (0, 10, 0, 0), again
    configure(second, "second", ["370102"])
    start(second, "second")
    refused = run(second, "takeover", backup, "--region", "370102", check=False)
    assert refused.returncode == 1 and "ledger" in refused.stderr  # while it runs

    # The agent goes on where it was, without sending anything again.
    agent.send_raw(json.dumps({"state": "online", "version": "0", "epoch": 1}), "status")
    assert agent.ack(1, 10, 30)[3] == until
    for seq in range(11, 21):
        agent.send(1, seq, [reading("e01", str(100 + seq), times[seq])], oldest=11, time_ms=times[seq])
    agent.ack(1, 20, 30)
    wait_until(lambda: total(second) == 40 * 20, 30, "twenty hours, with the one between both")
    assert total(first) == 40 * 10
    edits = json.loads(run(second, "edit", "list", "--json").stdout)
    assert [(e["kind"], e["revoked"]) for e in edits] == [("revoke", False), ("void", True), ("set", False)]
    agent.close()


def test_what_cannot_be_taken_over(stack):
    stack.mosquitto()
    plant = server(stack, "only", ["370102"])
    (stack.folder / "none.db").write_bytes(b"nonsense" * 100)
    for words, status, part in (
            ([stack.folder / "none.db"], 2, "--region"),
            ([stack.folder / "none.db", "--region", "999999"], 2, "no region 999999"),
            ([stack.folder / "none.db", "--region", "370102"], 1, "nenghao-server"),
            ([stack.folder / "nothing.db", "--region", "370102"], 1, "nothing.db")):
        done = run(plant, "takeover", *words, check=False)
        assert (done.returncode, part in done.stderr) == (status, True), done.stderr


def retained_status(stack, region):
    done = stack.run("mosquitto_sub", "-p", str(stack.broker_port), "-t", f"nenghao/1/{region}/test-a1/status",
                     "-C", "1", "-W", "1", check=False)
    return json.loads(done.stdout) if done.stdout.strip() else None


def test_an_agent_moves_to_another_region(stack):
    """It goes on where it was, and what stood at the broker under the old region is gone."""
    plant = Plant(stack, tsdb=False, interval="1s", speed=1)
    plant.start()
    wait_until(lambda: plant.readings("e01", plant.now_ms() - HOUR, plant.now_ms()), 30, "readings")
    wait_until(lambda: (retained_status(stack, "370102") or {}).get("state") == "online", 30, "a status")
    assert plant.agent.stop() == 0
    assert retained_status(stack, "370102")["state"] == "offline"
    plant.agent_config.write_text(plant.agent_config.read_text().replace("370102'", "370103'"))
    plant.agent.start()
    moved = plant.now_ms()
    wait_until(lambda: plant.readings("e01", moved, plant.now_ms() + HOUR), 30, "readings from there")
    wait_until(lambda: (retained_status(stack, "370103") or {}).get("state") == "online", 30, "a status")
    wait_until(lambda: retained_status(stack, "370102") is None, 30, "the old one is gone")
    log = plant.agent.log()
    assert "the region was 370102 and is 370103 now" in log and "sent again" not in log
    assert "history" not in log.lower()
    events = {event["kind"] for event in plant.get("/api/v1/events")["events"]}
    assert not events & {"batches_lost", "two_agents"}, events
    plant.server.kill()  # a server that starts finds no status of the old region
    plant.server.start()
    later = plant.now_ms()
    wait_until(lambda: plant.get_quietly("/healthz") and
               plant.readings("e01", later, plant.now_ms() + HOUR), 30, "it goes on")
