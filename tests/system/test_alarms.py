# SPDX-License-Identifier: Apache-2.0
"""Alarms to a broker, a webhook and a mailbox: each told once, whatever is killed and when."""
import base64
import email
import hashlib
import hmac
import itertools
import json
import random
import time

import pytest
import yaml

from alarm_plant import N_METERS, RULES, make  # noqa: F401, make is a fixture
from hand_made import HandMadeAgent, going_on
from plant import INSTITUTION
from stack import http as ask, wait_until


@pytest.mark.sanitize
def test_an_alarm_is_told_everywhere_and_ends(make, stack):
    """An agent goes silent and comes back: signed JSON, a mail, a message; raised and cleared."""
    plant = make(start_local="2026-03-02T10:00:00", speed=120)
    server = plant.run()
    agent = HandMadeAgent(stack.broker_port)

    def read(seq, value):
        now = plant.now_ms()
        agent.send(now, 1, [f"reading,meter={INSTITUTION}-m00 active_energy_import_kwh={value} {now}"],
                   time_ms=now)

    read(1, 100.5)
    wait_until(lambda: all(len(ids) == 1 for ids in plant.told().values()), 60, "the agent's silence is told")
    with going_on(lambda: read(2, 101.5)):  # from now on it is heard, whatever takes how long
        wait_until(lambda: all(len(ids) == 2 for ids in plant.told().values()), 60, "its end is told")
        wait_until(lambda: plant.metric('nenghao_alarm_notices_sent_total{receiver="box"}') == 2, 10, "counted")
        event, = plant.events(kind="agent_down")
    assert event["state"] == "closed" and event["cause"] == "gone"
    first, last = plant.hook.notices()
    assert (first["what"], last["what"]) == ("raised", "cleared")
    assert first["event"] == last["event"] and first["severity"] == "error"
    assert first["agent"] == "hand-a1" and first["title"]["zh"].startswith("[严重] 采集网关离线：采集网关 hand-a1")
    assert [n["id"] for n in plant.ear.got] == [first["id"], last["id"]]

    headers, body = plant.hook.got[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(b"0123456789abcdef", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}" and headers["webhook-id"] == first["id"]

    mail = plant.mailbox.mails()[0]
    subject = str(email.header.make_header(email.header.decode_header(mail["Subject"])))
    assert subject == first["title"]["zh"]
    text = mail.get_payload(decode=True).decode()
    assert first["text"]["zh"] in text and first["text"]["en"] in text
    assert mail["Message-ID"] == f"<{first['id']}@city.test>" and "b@city.test" in mail["To"]

    agent.close()
    assert server.stop() == 0


def test_an_agent_and_its_meters_are_one_alarm(make, stack):
    """Nothing says whose the meters are; but they fell silent together."""
    plant = make(start_local="2026-03-02T10:00:00", speed=600)
    plant.write_meters(agent=None)
    rules = RULES["rules"] + [
        {"id": "silent", "watch": "meter_silent", "raise": 0.5, "clear": 0.2,
         "title": {"zh": "失联", "en": "silent"}, "text": {"zh": "{subject}", "en": "{subject}"}}]
    (plant.folder / "rules" / "rules.yaml").write_text(yaml.safe_dump({"rules": rules}, allow_unicode=True))
    plant.run()
    agent = HandMadeAgent(stack.broker_port)

    def read(seq, shorts, epoch=5):
        now = plant.now_ms()
        agent.send(epoch, seq, [f"reading,meter={INSTITUTION}-{short} active_energy_import_kwh={seq} {now}"
                                for short in shorts], oldest=seq, time_ms=now)

    def opened(kind):
        return plant.events(kind=kind, state="open")
    read(1, ("m00", "m01", "m02"))
    wait_until(lambda: opened("agent_down"), 60, "the agent is missed")
    later = plant.now_ms() + 75 * 60 * 1000
    wait_until(lambda: plant.now_ms() > later, 60, "longer than the rule waits")
    assert not opened("meter_silent")
    seqs = itertools.count(2)
    with going_on(lambda: read(next(seqs), ("m00",))):  # the agent is back, two meters are not
        wait_until(lambda: {event["meter"] for event in opened("meter_silent")} ==
                   {f"{INSTITUTION}-m01", f"{INSTITUTION}-m02"}, 60, "each for itself")
    agent.close()


def test_the_week_comes_in_a_letter(make, stack):
    """On Monday at eight: what is open, to those who want it, once."""
    plant = make(start_local="2026-03-01T20:00:00", speed=3600)
    server = plant.run()
    agent = HandMadeAgent(stack.broker_port)
    drop(plant, agent, 1, "m01")

    def letters():
        return [text for subject, text in plant.letters() if subject.startswith("[周报]")]
    [text] = wait_until(letters, 60, "the week's letter")
    server.kill()
    plant.run()
    assert "上周（2026-02-23 至 2026-03-01）新增告警" in text
    assert "In the week from 2026-02-23 to 2026-03-01" in text
    assert "计量数据异常" in text and f"{INSTITUTION}-m01" in text
    wait_until(lambda: plant.metric('nenghao_alarm_notices_waiting{receiver="box"}') == 0, 30, "all is told")
    assert len(letters()) == 1
    agent.close()


def test_a_dead_mailbox_holds_up_nobody(make, stack):
    plant = make()
    plant.mailbox.close()
    plant.hook.broken = True
    plant.run()
    agent = HandMadeAgent(stack.broker_port)
    drop(plant, agent, 1, "m01")
    wait_until(lambda: len(plant.ear.got) == 1, 30, "the broker was told")
    wait_until(lambda: (plant.metric('nenghao_alarm_notices_failed_total{receiver="box"}') or 0) >= 1
               and plant.metric('nenghao_alarm_notices_waiting{receiver="hook"}') == 1, 30, "counted")
    assert ask("GET", f"http://127.0.0.1:{plant.http_port}/readyz")[0] == 200
    listed = alarm(plant, "list").stdout
    assert f"hook (webhook http://127.0.0.1:{plant.hook.port}): 1 wait, 1 of them tried in vain" in listed
    assert "it answered 500" in listed and "/x" not in listed, "the path of a webhook may be a secret"
    assert "box (email a@city.test, b@city.test): 1 wait" in listed
    assert "There is no such notice." in alarm(plant, "list", "--state", "given_up").stdout
    assert "bus  " in alarm(plant, "list", "--state", "sent", "--receiver", "bus").stdout
    wrong = alarm(plant, "list", "--state", "sen")
    assert wrong.returncode == 2 and "did you mean 'sent'?" in wrong.stderr
    outbox_is_told(plant)
    assert alarm(plant, "test", "bus").returncode == 0 and plant.ear.got[-1]["what"] == "test"
    failed = alarm(plant, "test", "hook")
    assert failed.returncode == 1 and "hook: it answered 500" in failed.stderr
    wrong = alarm(plant, "test", "hok")
    assert wrong.returncode == 2 and "did you mean 'hook'?" in wrong.stderr
    wrong = alarm(plant, "retry", "--receiver", "hok")
    assert wrong.returncode == 2 and "did you mean 'hook'?" in wrong.stderr
    assert alarm(plant, "retry", "--receiver", "bus").stdout == "No notice waits after an attempt that failed.\n"
    plant.hook.broken = False
    assert alarm(plant, "retry", "--receiver", "hook").returncode == 0
    wait_until(lambda: len(plant.hook.got) == 1, 60, "the webhook is told when it works again")
    assert plant.told()["hook"] == plant.told()["bus"][:1]
    agent.close()


def outbox_is_told(plant):
    """The API says to whom, how often and why not; to admins and auditors, of what they may see."""
    notices = plant.get_quietly("/api/v1/alarms/notices")["notices"]
    states = {one["receiver"]: one for one in notices}
    assert {name: one["state"] for name, one in states.items()} == {"hook": "waiting", "box": "waiting", "bus": "sent"}
    assert states["hook"]["trouble"] == "it answered 500" and states["hook"]["attempts"] >= 1
    assert states["hook"]["next"] and states["bus"]["done"] and states["bus"]["trouble"] is None
    assert states["bus"]["notice"] == plant.ear.got[0]["id"] and states["bus"]["event"] == plant.ear.got[0]["event"]
    failing = plant.get_quietly("/api/v1/alarms/notices?state=failing&limit=1")
    assert len(failing["notices"]) == 1 and failing["next"]
    rest = plant.get_quietly(f"/api/v1/alarms/notices?state=failing&cursor={failing['next']}")
    assert {failing["notices"][0]["receiver"], rest["notices"][0]["receiver"]} == {"hook", "box"}
    receivers = {one["receiver"]: one for one in plant.get_quietly("/api/v1/alarms/receivers")["receivers"]}
    assert list(receivers) == ["hook", "bus", "box"] and receivers["box"]["to"] == "a@city.test, b@city.test"
    assert (receivers["hook"]["failing"], receivers["bus"]["waiting"]) == (1, 0) and receivers["bus"]["last_sent"]
    assert receivers["hook"]["to"].endswith(str(plant.hook.port)), "not its path"
    for role, region, n in (("auditor", "370100", 3), ("auditor", "370103", 0), ("admin", "370102", 0)):
        token = plant.add_token(f"{role}{region}", "--region", region, "--role", role, "--grade", "L2")
        got = [json.loads(ask("GET", f"http://127.0.0.1:{plant.http_port}/api/v1/alarms/{what}", token=token)[2])[what]
               for what in ("receivers", "notices")]
        assert (len(got[0]), len(got[1])) == (n, 0 if region == "370103" else 3), (role, region)
    token = plant.add_token("looker", "--region", "370100", "--grade", "L4")
    assert ask("GET", f"http://127.0.0.1:{plant.http_port}/api/v1/alarms/notices", token=token)[0] == 403


def alarm(plant, *words):
    return plant.stack.run(plant.stack.program("server"), "alarm", *words, "-c", plant.server_config,
                           check=False)


def drop(plant, agent, seq, short, epoch=None):
    """A register that falls without a reason: one event of its own."""
    now = plant.now_ms()
    meter = f"{INSTITUTION}-{short}"
    lines = [f"reading,meter={meter} active_energy_import_kwh={value} {now - back * 60000}"
             for value, back in ((5000, 40), (5001, 30), (10, 20), (11, 10))]
    agent.send(epoch or now, seq, lines, oldest=seq, time_ms=now)


def test_kill_at_any_moment(make, stack):
    kill_and_count(make(), stack, random.Random(7))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(12))
def test_kill_at_many_moments(make, stack, seed):
    kill_and_count(make(), stack, random.Random(seed))


def kill_and_count(plant, stack, rng):
    """The server is killed again and again while alarms arise: nothing is lost, and no cause has a
    second notice. A repeat carries the same id and says the same."""
    server = plant.run()
    agent = HandMadeAgent(stack.broker_port)
    for i in range(N_METERS):
        drop(plant, agent, 1, f"m{i:02}", epoch=1000 + i)
        time.sleep(rng.uniform(0, 0.25))
        if rng.random() < 0.4:
            server.kill()
            if rng.random() < 0.3:
                time.sleep(rng.uniform(0, 0.5))
            server = stack.server(plant.server_config)
        plant.hook.broken = rng.random() < 0.3
    plant.hook.broken = False
    agent.close()
    again = HandMadeAgent(stack.broker_port)  # what a killed server did not take is sent again
    wait_until(lambda: plant.metric_quietly("nenghao_broker_connected") == 1, 30, "the server answers")

    def all_there():
        there = {event["meter"] for event in plant.events(kind="unexplained_drop")}
        for i in range(N_METERS):
            if f"{INSTITUTION}-m{i:02}" not in there:
                drop(plant, again, 1, f"m{i:02}", epoch=plant.now_ms() + i)
        return len(there) == N_METERS
    deadline = time.monotonic() + 60
    while not all_there() and time.monotonic() < deadline:
        time.sleep(1)
    events = {event["id"] for event in plant.events(kind="unexplained_drop")}
    wait_until(lambda: all(len(set(ids)) >= len(events) for ids in plant.told().values()), 90,
               "every receiver was told of every event")
    wait_until(lambda: all(plant.metric(f'nenghao_alarm_notices_waiting{{receiver="{name}"}}') == 0
                           for name in plant.told()), 60, "nothing waits")
    for name, ids in plant.told().items():
        raised = {i for i in ids if i.endswith("-raised")}
        assert len(raised) == len(events), name
        assert {int(i.split("-")[1]) for i in raised} == events, name
    bodies = {}
    for notice in plant.hook.notices():
        assert bodies.setdefault(notice["id"], notice) == notice, "a repeat says the same"
    again.close()
