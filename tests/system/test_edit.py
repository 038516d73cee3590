# SPDX-License-Identifier: Apache-2.0
"""A register that was reset is a task, not a number, until somebody says what happened."""
import json
import time
from decimal import Decimal

import pytest

from plant import INSTITUTION, iso, meter_id
from stack import http, wait_until
from test_registry_diff import diff, months, plant  # noqa: F401 fixture
from test_server import HandMadeAgent, reading

MINUTE = 60 * 1000
RESET = 10  # the reading before which the register went back to 0


@pytest.fixture
def reset(plant):  # noqa: F811
    """Hourly readings of the main meter: 100 to 109, then 0 to 9; ratio 40."""
    agent = HandMadeAgent(plant.stack.broker_port)
    plant.begin = int(time.time() * 1000) // 3600000 * 3600000 - 30 * 3600000
    times = [plant.begin + hour * 3600000 for hour in range(20)]
    agent.send(1, 1, [reading("e01", str(100 + hour if hour < RESET else hour - RESET), at)
                      for hour, at in enumerate(times)])
    agent.ack(1, 1)
    agent.close()
    plant.times = times
    wait_until(lambda: total(plant) == 40 * 18, 30, "the drop does not count")
    return plant


def total(plant):  # noqa: F811
    return sum(months(plant, "e01").values())


def edit(plant, *words, check=True):  # noqa: F811
    return plant.stack.run(plant.stack.program("server"), "edit", *words, "-c",
                           plant.server_config, check=check)


def drops(plant, state):  # noqa: F811
    return plant.get(f"/api/v1/events?kind=unexplained_drop&state={state}")["events"]


def test_an_edit_counts_and_is_taken_back(reset):
    at = iso(reset.times[RESET] - 30 * MINUTE)
    assert [e["meter"] for e in drops(reset, "open")] == [meter_id("e01")]
    edit(reset, "reset", "--meter", meter_id("e01"), "--at", at, "--last", "109.5", "--why",
         "reset by the electrician", "--by", "Li Lei")
    wait_until(lambda: total(reset) == 40 * Decimal("18.5"), 30, "the reset counts")
    wait_until(lambda: not drops(reset, "open"), 30, "the task is done")
    assert len(drops(reset, "closed")) == 1

    rows = json.loads(edit(reset, "list", "--json").stdout)
    assert [(r["kind"], r["who"], r["why"], r["before"], r["after"], r["revoked"])
            for r in rows] == [("reset", "Li Lei", "reset by the electrician", "one life",
                                "last 109.5, first 0", False)]
    assert "nothing" in diff(reset, reset.folder / "registry").lower()
    edit(reset, "revoke", str(rows[0]["id"]), "--why", "it was not him")
    wait_until(lambda: total(reset) == 40 * 18 and drops(reset, "open"), 30, "taken back")
    edit(reset, "accept", "--meter", meter_id("e01"), "--at", at, "--why", "nobody knows")
    wait_until(lambda: not drops(reset, "open"), 30, "accepted")
    assert total(reset) == 40 * 18
    edit(reset, "set", "--meter", meter_id("e01"), "--at", iso(reset.times[-1] + 60 * MINUTE),
         "--register", "12", "--why", "read by hand")
    wait_until(lambda: total(reset) == 40 * 21, 30, "a dial read by hand counts")
    edit(reset, "void", "--meter", meter_id("e01"), "--at", iso(reset.times[0]), "--why",
         "read at another meter")
    wait_until(lambda: total(reset) == 40 * 20, 30, "a void reading does not")
    assert len(json.loads(edit(reset, "list", "--json").stdout)) == 5


NONSENSE = [
    (["undo"], 2, "there is no 'undo'"),
    (["void"], 2, "--meter ID and --at TIME"),
    (["void", "--meter", "nobody", "--at", "2026-03-01", "--why", "x"], 2, "no meter 'nobody'"),
    (["void", "--meter", meter_id("e01"), "--at", "noon", "--why", "x"], 2, "--at is 'noon'"),
    (["void", "--meter", meter_id("e01"), "--at", "2026-03-01"], 2, "--why"),
    (["void", "--meter", meter_id("e01"), "--at", "2026-03-01", "--why", " "], 1, "its reason"),
    (["void", "--meter", meter_id("e01"), "--at", "2026-03-01", "--why", "x"], 1, "no reading"),
    (["set", "--meter", meter_id("e01"), "--at", "2026-03-01", "--why", "x"], 2, "--register"),
    (["set", "--meter", meter_id("e01"), "--at", "2026-03-01", "--why", "x", "--register", "-1"],
     2, "must be a number"),
    (["set", "--meter", meter_id("e01"), "--at", "2999-03-01", "--why", "x", "--register", "1"],
     1, "future"),
    (["accept", "--meter", meter_id("e01"), "--at", "2026-03-01", "--why", "x"], 1, "no open drop"),
    (["revoke", "7", "--why", "x"], 1, "there is no edit 7"),
    (["revoke", "x", "--why", "x"], 2, "number of an edit"),
]


def test_what_makes_no_sense_is_refused_and_changes_nothing(plant):  # noqa: F811
    for words, status, part in NONSENSE:
        done = edit(plant, *words, check=False)
        assert (done.returncode, part in done.stderr) == (status, True), (words, done.stderr)
    assert edit(plant, "list").stdout == "There are no edits.\n"


# ---- by HTTP ----

def ask(plant, method, path, token, body=None):  # noqa: F811
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, _, answer = http(method, f"http://127.0.0.1:{plant.http_port}/api/v1{path}",
                             body=None if body is None else json.dumps(body).encode(), headers=headers)
    return status, json.loads(answer)


EDITS = f"/meters/{meter_id('e01')}/edits"


def test_edits_by_http(reset):
    reporter = reset.add_token("archive", "--institution", INSTITUTION, "--role", "reporter")
    reviewer = reset.add_token("bureau", "--region", "370100", "--role", "reviewer", "--grade", "L3")
    at = iso(reset.times[RESET] - 30 * MINUTE)
    order = {"kind": "reset", "at": at, "last": "109.5", "why": "换表"}
    status, made = ask(reset, "POST", EDITS, reporter, order)
    assert status == 200, made
    assert (made["who"], made["why"], made["before"], made["after"], made["revoked"]) == \
        ("archive", "换表", "one life", "last 109.5, first 0", False)
    wait_until(lambda: total(reset) == 40 * Decimal("18.5"), 30, "the reset counts")
    status, answer = ask(reset, "DELETE", f"/edits/{made['id']}?why=no", reviewer)
    assert (status, answer["revokes"], answer["who"]) == (200, made["id"], "bureau"), answer
    wait_until(lambda: total(reset) == 40 * 18, 30, "taken back")
    assert ask(reset, "DELETE", f"/edits/{made['id']}?why=no", reviewer)[0] == 409
    assert ask(reset, "POST", EDITS, reviewer, order)[0] == 403
    edits = ask(reset, "GET", f"/edits?meter={meter_id('e01')}&limit=1", reviewer)[1]
    assert [e["kind"] for e in edits["edits"]] == ["revoke"]
    edits = ask(reset, "GET", f"/edits?region=370102&cursor={edits['next']}", reviewer)[1]
    assert [(e["kind"], e["revoked"]) for e in edits["edits"]] == [("reset", True)]
    assert edits["next"] is None
    assert ask(reset, "GET", "/edits?region=370103", reviewer)[1]["edits"] == []
    log = reset.stack.run(reset.stack.program("server"), "audit", "-c", reset.server_config).stdout
    wait_until(lambda: f"POST /api/v1{EDITS}" in reset.stack.run(
        reset.stack.program("server"), "audit", "-c", reset.server_config).stdout, 30, log)


BODIES = [
    (None, 400, "the body must be"), ([], 400, "the body must be"), ({"kind": "undo"}, 400, "kind must"),
    ({"kind": "revoke", "at": "2026-03-01T00:00:00Z", "why": "x"}, 400, "kind must"),
    ({"kind": "void", "why": "x"}, 400, "at is missing"),
    ({"kind": "void", "at": "2026-03-01", "why": "x"}, 400, "at must be a time"),
    ({"kind": "void", "at": 7, "why": "x"}, 400, "at must be a time"),
    ({"kind": "void", "at": "2026-03-01T00:00:00Z"}, 400, "its reason"),
    ({"kind": "void", "at": "2026-03-01T00:00:00Z", "why": "x" * 301}, 400, "longer than 300"),
    ({"kind": "void", "at": "2026-03-01T00:00:00Z", "why": "x", "register": 1}, 400, "takes no 'register'"),
    ({"kind": "void", "at": "2026-03-01T00:00:00Z", "why": "x"}, 409, "no reading"),
    ({"kind": "set", "at": "2026-03-01T00:00:00Z", "why": "x"}, 400, "value is needed"),
    ({"kind": "set", "at": "2026-03-01T00:00:00Z", "why": "x", "register": -1}, 400, "register must be"),
    ({"kind": "set", "at": "2026-03-01T00:00:00Z", "why": "x", "register": "NaN"}, 400, "register must"),
    ({"kind": "set", "at": "2999-03-01T00:00:00Z", "why": "x", "register": 1}, 400, "future"),
    ({"kind": "accept", "at": "2026-03-01T00:00:00Z", "why": "x"}, 409, "no open drop"),
]


def test_a_body_that_makes_no_sense(plant):  # noqa: F811
    token = plant.add_token("admin", "--region", "370100", "--role", "admin", "--grade", "L3")
    for body, status, part in BODIES:
        got, answer = ask(plant, "POST", EDITS, token, body)
        assert (got, part in answer["detail"]) == (status, True), (body, answer)
    assert ask(plant, "GET", "/edits", token)[1] == {"edits": [], "next": None}


def test_an_event_is_acknowledged(reset):
    token = reset.add_token("bureau", "--region", "370100", "--role", "reviewer")
    event = wait_until(lambda: drops(reset, "open"), 30, "a task")[0]
    path = f"/events/{event['id']}/acknowledge"
    assert ask(reset, "POST", path, token, {"note": 7})[0] == 400
    assert ask(reset, "POST", path, token, {"words": "x"})[0] == 400
    assert ask(reset, "POST", "/events/999/acknowledge", token)[0] == 404
    other = reset.add_token("other", "--region", "370103", "--role", "reviewer")
    assert ask(reset, "POST", path, other)[0] == 404
    viewer = reset.add_token("viewer", "--region", "370100")
    assert ask(reset, "POST", path, viewer)[0] == 403
    status, answer = ask(reset, "POST", path, token, {"note": "周一换表"})
    assert status == 200 and answer["state"] == "open", answer
    assert (answer["acknowledged"]["by"], answer["acknowledged"]["note"]) == ("bureau", "周一换表")

    run = reset.stack.run
    server, config = reset.stack.program("server"), reset.server_config
    done = run(server, "event", "acknowledge", str(event["id"]), "--by", "Li Lei", "-c", config)
    assert "acknowledged by Li Lei" in done.stdout
    assert drops(reset, "open")[0]["acknowledged"]["by"] == "Li Lei"
    listed = json.loads(run(server, "event", "list", "--meter", meter_id("e01"), "--json", "-c", config).stdout)
    assert [(e["kind"], e["acknowledged_by"], e["closed"]) for e in listed] == \
        [("unexplained_drop", "Li Lei", None)]
    for words, part in ((["acknowledge"], "number of an event"), (["close"], "no 'close'"),
                        (["list", "--kind", "x"], "no kind 'x'")):
        done = run(server, "event", *words, "-c", config, check=False)
        assert (done.returncode, part in done.stderr) == (2, True), done.stderr
    assert run(server, "event", "acknowledge", "999", "-c", config, check=False).returncode == 1
