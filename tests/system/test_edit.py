# SPDX-License-Identifier: Apache-2.0
"""A register that was reset is a task, not a number, until somebody says what happened."""
import json
import time
from decimal import Decimal

import pytest

from plant import iso, meter_id
from stack import wait_until
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


@pytest.mark.parametrize("words, status, part", [
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
])
def test_what_makes_no_sense_is_refused_and_changes_nothing(plant, words, status, part):  # noqa: F811
    done = edit(plant, *words, check=False)
    assert (done.returncode, part in done.stderr) == (status, True), done.stderr
    assert edit(plant, "list").stdout == "There are no edits.\n"
