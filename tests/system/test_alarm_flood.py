# SPDX-License-Identifier: Apache-2.0
"""Many alarms of one rule at once are one notice, which lists them; killed or not."""
import random
import time

import pytest

from alarm_plant import make  # noqa: F401, make is a fixture
from hand_made import HandMadeAgent, going_on
from stack import wait_until

N_AGENTS = 400
SPEED = 120
FLOOD = {"gather": "10m", "summary_above": 10, "summary_window": "30m",
         "link": "https://energy.city.test/"}


class Crowd(HandMadeAgent):
    """Many agents behind one connection."""

    seq = 0

    def hear_all(self, plant, n=N_AGENTS):
        self.seq = seq = self.seq + 1
        for i in range(n):
            agent, now = f"crowd-{i:03}", plant.now_ms()
            region = "370102" if i % 4 else "370103"
            body = (f"batch,agent={agent} epoch=9i,seq={seq}i,oldest={seq}i,lines=0i {now}\n")
            sent = self.client.publish(f"nenghao/1/{region}/{agent}/data", body, qos=1)
        sent.wait_for_publish(20)


def kill_now_and_then(plant, server, rng, is_done, seconds=40):
    """After that long it is let live: on a busy machine it may never get far."""
    deadline = time.monotonic() + seconds
    while not is_done() and time.monotonic() < deadline:
        time.sleep(rng.uniform(0.05, 0.8))
        if rng.random() < 0.5:
            server.kill()
            server = plant.stack.server(plant.server_config)
    wait_until(is_done, 60, "all are told")
    return server


def members(plant, of):
    """Of the webhook's notices: (id, events told) without repeats."""
    told = {}
    for notice in plant.hook.notices():
        events = notice["events"] if notice["what"] == "summary" else [notice["event"]]
        if of in (notice["what"], notice.get("of")):
            assert told.setdefault(notice["id"], events) == events, "a repeat says the same"
    return told


def assert_told_once(plant, of):
    wait_until(lambda: plant.events(kind="agent_down"), 30, "the server answers")
    events = {event["id"] for event in plant.events(kind="agent_down")}
    told = [event for list in members(plant, of).values() for event in list]
    assert sorted(told) == sorted(events) and len(events) == N_AGENTS


@pytest.mark.parametrize("seed", [pytest.param(n, marks=[pytest.mark.soak] if n else []) for n in range(6)])
def test_four_hundred_agents_are_one_mail(make, stack, seed):
    """All go silent, all come back: two summaries at each receiver, whenever the server is killed."""
    rng = random.Random(seed)
    plant = make(start_local="2026-03-02T10:00:00", speed=SPEED, alarms=FLOOD)
    server = plant.run()
    crowd = Crowd(stack.broker_port)
    crowd.hear_all(plant)

    def opened():
        return len(plant.events(kind="agent_down", state="open"))
    wait_until(lambda: opened() == N_AGENTS, 90, "each has an event of its own")
    server = kill_now_and_then(plant, server, rng, lambda: all(plant.told().values()))
    assert_told_once(plant, "raised")
    for name, ids in plant.told().items():
        assert len(set(ids)) == 1 and ids[0].endswith("-raised-summary"), name
    [notice] = {n["id"]: n for n in plant.hook.notices()}.values()
    assert (notice["what"], notice["of"], notice["count"]) == ("summary", "raised", N_AGENTS)
    assert (notice["rule"], notice["kind"], notice["severity"]) == ("gone", "agent_down", "error")
    assert notice["regions"] == [{"region": "370102", "count": 300}, {"region": "370103", "count": 100}]
    subject, text = plant.letters()[0]
    assert subject == "[严重] 采集网关离线：共 400 项" == notice["title"]["zh"]
    assert "分布：历下区 300、市中区 100" in text and "400 alarms of the rule gone" in text
    assert text.count("采集网关 crowd-") == 20 and "其余 380 项" in text
    assert "https://energy.city.test/#/region/370100/events?state=open&kind=agent_down" in text

    def notices(state):
        got = plant.get_quietly(f"/api/v1/alarms/notices?receiver=box&state={state}&limit=1000")
        return got["notices"] if got else []
    gathered = wait_until(lambda: notices("gathered"), 30, "the server answers")
    assert len(gathered) == N_AGENTS and {one["summary"] for one in gathered} == {notice["id"]}
    [whole] = wait_until(lambda: notices("sent"), 30, "a killed server sends it again")
    assert (whole["what"], whole["of"], whole["members"]) == ("summary", "raised", N_AGENTS)

    # What one summary tells is over: so does one other.
    wait_until(lambda: plant.metric_quietly("nenghao_broker_connected") == 1, 30, "it hears again")
    with going_on(lambda: crowd.hear_all(plant), 0.5):  # nobody goes silent once more
        server = kill_now_and_then(plant, server, rng, lambda: all(any("-cleared" in i for i in ids)
                                                                   for ids in plant.told().values()))
        wait_until(lambda: plant.metric_quietly('nenghao_alarm_notices_waiting{receiver="box"}') == 0, 60,
                   "all is told")
        assert_told_once(plant, "cleared")
        for name, ids in plant.told().items():
            assert len(set(ids)) == 2 and ids[-1].endswith("-cleared-summary"), name
    crowd.close()
    assert server.stop() == 0


def test_a_few_are_told_singly(make, stack):
    plant = make(start_local="2026-03-02T10:00:00", speed=600, alarms=FLOOD)
    server = plant.run()
    crowd = Crowd(stack.broker_port)
    crowd.hear_all(plant, n=10)
    wait_until(lambda: len(plant.told()["box"]) == 10, 60, "each for itself")
    assert all(n["what"] == "raised" for n in plant.hook.notices())
    crowd.close()
    assert server.stop() == 0
