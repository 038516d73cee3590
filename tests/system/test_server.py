# SPDX-License-Identifier: Apache-2.0
"""The server against a hand-made agent: acknowledgements, dead letters, the API's edges."""
import json
import time
from decimal import Decimal

import pytest

from hand_made import HandMadeAgent
from plant import INSTITUTION, Plant, meter_id
from stack import http, wait_until


@pytest.fixture
def plant(stack):
    plant = Plant(stack, tsdb=False)
    stack.mosquitto()
    plant.write_registry()
    plant.write_server()
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3")
    plant.server = stack.server(plant.server_config)
    plant.wait_hears()
    return plant


@pytest.fixture
def agent(plant):
    agent = HandMadeAgent(plant.stack.broker_port)
    yield agent
    agent.close()


def dead_letters(plant):
    _, _, body = http("GET", f"http://127.0.0.1:{plant.http_port}/metrics")
    return {line.split('"')[1]: int(line.split(" ")[1]) for line in body.decode().splitlines()
            if line.startswith("nenghao_dead_letters_total{")}


def reading(short, value, time_ms):
    return f"reading,meter={meter_id(short)} active_energy_import_kwh={value} {time_ms}"


@pytest.mark.sanitize
def test_batches_are_acknowledged_as_the_contract_says(plant, agent):
    now = int(time.time() * 1000) // 60000 * 60000
    agent.send_raw(json.dumps({"state": "online", "epoch": 100}), "status")
    assert agent.ack(100, 0) == (100, 0, 0, 0)
    agent.send(100, 1, [reading("e01", "10.5", now - 120000)], time_ms=now - 120000)
    assert agent.ack(100, 1) == (100, 1, 1, now - 120000)
    agent.send(100, 2, [reading("e01", "11.5", now - 60000)], time_ms=now - 60000)
    agent.ack(100, 2)
    agent.send(100, 1, [reading("e01", "10.5", now - 120000)], time_ms=now - 120000)
    agent.ack(100, 2)  # a lower one: the same ack again
    agent.send(100, 5, [reading("e01", "12.5", now)])
    agent.ack(100, 2)  # a higher one is not taken
    agent.send(100, 5, [reading("e01", "12.5", now)], oldest=5)
    agent.ack(100, 5)  # unless those between are gone at the agent
    agent.send(200, 1, [reading("e01", "12.5", now)])
    agent.ack(200, 1)  # a new epoch begins with its oldest
    kinds = {event["kind"] for event in plant.get("/api/v1/events")["events"]}
    assert "batches_lost" in kinds
    values = [Decimal(v) for _, v in plant.readings("e01", now - 3600000, now + 3600000)]
    assert values == [Decimal("10.5"), Decimal("11.5"), Decimal("12.5")]


@pytest.mark.sanitize
def test_nonsense_is_counted_and_kept_and_stops_nothing(plant, agent):
    now = int(time.time() * 1000)
    ahead = now + 3600 * 1000
    for payload in ("", "\0\0\0", "hello", "batch,agent=hand-a1 epoch=1i", "x" * 300000,
                    agent.batch(1, 1, []).replace("hand-a1", "other"), '{"json": true}'):
        agent.send_raw(payload)
    agent.send(1, 1, [
        reading("e01", "1.5", now),
        reading("e01", "nan", now),
        reading("e01", "1.5i", now),
        reading("zzz", "1.5", now),
        reading("e01", "1.5", ahead),
        reading("e01", "1.5", 5),
        "reading,meter=370102-0001-e01 a=1,a=2 " + str(now),
        "reading,meter=370102-0001-e01,region=x a=1 " + str(now),
        "weather t=1 " + str(now),
        "reading",
        f"fault,meter={meter_id('e02')} code=\"timeout\",attempts=2i {now}",
        reading("e01", "2.5", now + 1000),
    ])
    assert agent.ack(1, 1)[1:3] == (1, 1)
    assert [v for _, v in plant.readings("e01", now - 1000, now + 5000)] == ["1.5", "2.5"]
    expected = {"number": 2, "unknown_meter": 1, "clock": 1, "time": 1, "duplicate_field": 1}

    def counted():
        reasons = dead_letters(plant)
        return sum(reasons.values()) >= 9 + 6 and reasons

    reasons = wait_until(counted, 5, f"all are counted: {dead_letters(plant)}")
    assert {name: reasons.get(name) for name in expected} == expected, reasons
    done = plant.stack.run(plant.stack.program("server"), "status", "--json", "-c",
                           plant.server_config)
    kept = {row["reason"]: row["lines"] for row in json.loads(done.stdout)["dead_letters"]}
    assert kept["unknown_meter"] == 1
    assert plant.server.is_running()


@pytest.mark.sanitize
def test_a_meter_that_comes_to_be_known_gets_its_readings(plant, agent):
    now = int(time.time() * 1000)
    agent.send(1, 1, [reading("e09", "7.25", now)])
    agent.ack(1, 1)
    assert http("GET", f"http://127.0.0.1:{plant.http_port}/api/v1/meters/{meter_id('e09')}",
                token=plant.token)[0] == 404
    plant.meters["e09"] = ("riser", 9, "eastron_sdm630", "office.power", 1, 1, "electricity",
                           "01A00", "sub", "active_energy_import_kwh")
    plant.write_registry()
    plant.server.hang_up()
    wait_until(lambda: plant.get_quietly(f"/api/v1/meters/{meter_id('e09')}") and
               plant.readings("e09", now - 1000, now + 1000), 10, "the reading is replayed")
    assert [v for _, v in plant.readings("e09", now - 1000, now + 1000)] == ["7.25"]


def test_a_broken_registry_leaves_the_old_one_in_force(plant):
    file = plant.folder / "registry" / "institutions" / f"{INSTITUTION}.yaml"
    file.write_text(file.read_text().replace("type: culture", "type: cultur"))
    plant.server.hang_up()
    wait_until(lambda: "did you mean 'culture'" in plant.server.log(), 10, "the mistake is named")
    assert plant.get(f"/api/v1/institutions/{INSTITUTION}")["type"] == "culture"


def test_a_token_opens_its_own_region_only(plant):
    base = f"http://127.0.0.1:{plant.http_port}/api/v1"
    elsewhere = plant.add_token("elsewhere", "--region", "370103")
    paths = [f"/institutions/{INSTITUTION}", f"/institutions/{INSTITUTION}/kpis",
             f"/institutions/{INSTITUTION}/energy?from=2026-01-01&to=2026-01-02",
             f"/meters/{meter_id('e01')}", "/regions/370102", "/regions/370102/kpis",
             "/regions/370000/kpis"]
    for path in paths:
        status, headers, body = http("GET", base + path)
        assert status == 401 and headers["Content-Type"] == "application/problem+json", path
        assert http("GET", base + path, token="x" * 43)[0] == 401
        status, _, denied = http("GET", base + path, token=elsewhere)
        missing = base + path.replace(INSTITUTION, "370102-9999").replace("370102/", "371702/")
        assert status == 404, (path, denied)
        if INSTITUTION in path:
            status, _, absent = http("GET", missing, token=elsewhere)
            assert status == 404
            assert (denied.replace(INSTITUTION.encode(), b"ID")
                    == absent.replace(b"370102-9999", b"ID")), path
    assert http("GET", base + "/regions/370103", token=elsewhere)[0] == 200
    listed = json.loads(http("GET", base + "/institutions", token=elsewhere)[2])
    assert listed["institutions"] == []
    plant.stack.run(plant.stack.program("server"), "token", "revoke", "elsewhere", "-c",
                    plant.server_config)
    assert http("GET", base + "/regions/370103", token=elsewhere)[0] == 401


@pytest.mark.parametrize("path, status, words", [
    ("/nothing", 404, "there is no"),
    ("/institutions?typ=x", 400, "did you mean 'type'"),
    ("/institutions?type=educatoin", 400, "did you mean 'education'"),
    ("/institutions?limit=0", 400, "whole number"),
    (f"/institutions/{INSTITUTION}/energy", 400, "'from' is needed"),
    (f"/institutions/{INSTITUTION}/energy?from=2026-13-01&to=2026-12-01", 400, "must be a date"),
    (f"/institutions/{INSTITUTION}/energy?from=2026-12-01&to=2026-11-01", 400, "before to"),
    (f"/institutions/{INSTITUTION}/energy?from=2000-01-01&to=2026-11-01&interval=hour", 400, ""),
    (f"/institutions/{INSTITUTION}/kpis?year=26", 400, "2000"),
    (f"/institutions/{INSTITUTION}/kpis?period=week", 400, "period"),
    ("/regions/37010%00", 400, "zero byte"),
    ("/institutions?limit=%201", 400, "whole number"),
    ("/institutions?limit=1&limit=2", 400, "twice"),
    ("/institutions?type=%FF", 400, "'type' is no UTF-8 text"),
    ("/institutions?" + "&".join(f"a{i}=1" for i in range(40)), 400, "more than 32"),
    ("/institutions?q=" + "x" * 2000, 200, ""),
    ("/events?since=yesterday", 400, "RFC 3339"),
])
def test_a_wrong_question_gets_a_clear_answer(plant, path, status, words):
    got, headers, body = http("GET", f"http://127.0.0.1:{plant.http_port}/api/v1{path}",
                              token=plant.token)
    assert got == status, body
    if status >= 400:
        problem = json.loads(body)
        assert headers["Content-Type"] == "application/problem+json"
        assert problem["status"] == status and problem["title"] and problem["type"]
        assert words in problem["detail"]


def test_other_methods_are_refused_by_name(plant):
    status, headers, _ = http("POST", f"http://127.0.0.1:{plant.http_port}/api/v1/institutions",
                              body=b"{}", token=plant.token)
    assert status == 405 and headers["Allow"] == "GET"
