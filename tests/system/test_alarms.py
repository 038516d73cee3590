# SPDX-License-Identifier: Apache-2.0
"""Alarms to a broker, a webhook and a mailbox: each told once, whatever is killed and when."""
import base64
import email
import hashlib
import hmac
import http.server
import json
import random
import socketserver
import threading
import time

import paho.mqtt.client as mqtt
import pytest
import yaml

from hand_made import HandMadeAgent
from plant import INSTITUTION, Plant, PlainDates
from stack import free_port, http as ask, wait_until

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef").decode()


class Webhook:
    """Keeps what is posted. While broken it answers 500 after having read it all."""

    def __init__(self):
        self.got, self.broken, webhook = [], False, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not webhook.broken:
                    webhook.got.append((dict(self.headers), body))
                self.send_response(500 if webhook.broken else 204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def notices(self):
        return [json.loads(body) for _, body in list(self.got)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Mailbox:
    """The least of an SMTP server (RFC 5321)."""

    def __init__(self):
        self.got, mailbox = [], self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(line.encode() + b"\r\n")

            def handle(self):
                self.say("220 test")
                for line in self.rfile:
                    word = line.split(b" ")[0].strip().upper()
                    if word == b"QUIT":
                        return self.say("221 bye")
                    if word == b"DATA":
                        self.say("354 go on")
                        lines = []
                        for text in self.rfile:
                            if text == b".\r\n":
                                break
                            lines.append(text[1:] if text.startswith(b"..") else text)
                        else:
                            return None  # cut off: nothing was taken
                        mailbox.got.append(b"".join(lines))
                    self.say("250 ok")
                return None

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads = True, True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def mails(self):
        return [email.message_from_bytes(mail) for mail in list(self.got)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Ear:
    """Hears the topic of alarms, also after the broker was away."""

    def __init__(self, port):
        self.got = []
        self.client = mqtt.Client(client_id="ear", clean_session=False)
        self.client.on_message = lambda *a: self.got.append(json.loads(a[2].payload))
        self.client.on_connect = lambda *a: self.client.subscribe("nenghao/1/alarms/#", 1)
        ready = []
        self.client.on_subscribe = lambda *a: ready.append(1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        wait_until(lambda: ready, 10, "subscribed")

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


RULES = {"rules": [
    {"id": "gone", "watch": "agent_down", "severity": "error", "raise": 0.2, "clear": 0.1,
     "title": {"zh": "采集网关离线", "en": "agent down"},
     "text": {"zh": "{agent} 已 {value} 小时", "en": "{agent} since {since}"}},
    {"id": "anomaly", "watch": "event", "kinds": ["unexplained_drop"],
     "title": {"zh": "计量数据异常", "en": "anomaly"},
     "text": {"zh": "{institution} {meter}：{subject}。{text}", "en": "{meter}: {text}"}}]}
N_METERS = 40


class AlarmPlant(Plant):
    """Many meters that a hand-made agent reads, and three receivers."""

    def __init__(self, stack, **names):
        super().__init__(stack, tsdb=False, **names)
        stack.mosquitto(extra="allow_anonymous true\npersistence true\n"
                              f"persistence_location {self.folder}/\nautosave_interval 1\n")
        self.hook, self.mailbox, self.ear = Webhook(), Mailbox(), Ear(stack.broker_port)
        self.write_meters()
        (self.folder / "rules").mkdir()
        (self.folder / "rules" / "rules.yaml").write_text(yaml.safe_dump(RULES, allow_unicode=True))
        (self.folder / "secret").write_text(SECRET + "\n")
        (self.folder / "secret").chmod(0o600)
        self.write_server(alarms={
            "rules": str(self.folder / "rules"),
            "smtp": {"url": f"smtp://127.0.0.1:{self.mailbox.port}", "from": "nenghao@city.test",
                     "tls": "never"},
            "receivers": [
                {"name": "hook", "kind": "webhook", "url": f"http://127.0.0.1:{self.hook.port}/x",
                 "secret_file": str(self.folder / "secret")},
                {"name": "bus", "kind": "mqtt"},
                {"name": "box", "kind": "email", "to": ["a@city.test", "b@city.test"],
                 "language": "both", "digest": True}]})
        self.token = self.add_token("test", "--region", "370100", "--grade", "L3", "--role", "admin")

    def write_meters(self, agent="hand-a1"):
        owner = {"agent": agent} if agent else {}
        meters = [{"id": f"{INSTITUTION}-m{i:02}", "carrier": "electricity", "item": "01A00",
                   "role": "main" if i == 0 else "sub", "quantity": "active_energy_import_kwh",
                   "interval": "15m", **owner,
                   "lives": [{"serial": "1", "from": "2023-01-01", "ratio": 1}]}
                  for i in range(N_METERS)]
        folder = self.folder / "registry" / "institutions"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{INSTITUTION}.yaml").write_text(yaml.dump(
            {"id": INSTITUTION, "name": "历下区档案馆", "type": "culture", "region": "370102",
             "meters": meters}, allow_unicode=True, sort_keys=False, Dumper=PlainDates))

    def events(self, **query):
        words = "&".join(f"{key}={value}" for key, value in query.items())
        got = self.get_quietly(f"/api/v1/events?limit=1000&{words}")
        return got["events"] if got else []

    def told(self):
        """Ids that each receiver was told, with repeats."""
        return {"hook": [n["id"] for n in self.hook.notices()],
                "bus": [n["id"] for n in self.ear.got],
                "box": [m["X-Nenghao-Notice"] for m in self.mailbox.mails()]}

    def metric(self, line):
        text = ask("GET", f"http://127.0.0.1:{self.http_port}/metrics")[2].decode()
        found = [row.split(" ")[-1] for row in text.splitlines() if row.startswith(line + " ")]
        return float(found[0]) if found else None

    def metric_quietly(self, line):
        try:
            return self.metric(line)
        except OSError:
            return None

    def run(self):
        """Starts the server; it hears agents when this returns."""
        server = self.stack.server(self.server_config)
        self.wait_ready()
        wait_until(lambda: self.metric("nenghao_broker_connected") == 1, 20, "connected")
        return server

    def close(self):
        for part in (self.hook, self.mailbox, self.ear):
            part.close()


@pytest.fixture
def make(stack):
    plants = []

    def make(**names):
        plants.append(AlarmPlant(stack, **names))
        return plants[-1]
    yield make
    for plant in plants:
        plant.close()


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
    wait_until(lambda: len(plant.told()["box"]) == 1 and len(plant.told()["hook"]) == 1
               and len(plant.told()["bus"]) == 1, 60, "the agent's silence is told")
    deadline = time.monotonic() + 60
    while len(plant.told()["hook"]) < 2 and time.monotonic() < deadline:
        read(2, 101.5)  # it goes on being heard
        time.sleep(0.5)
    wait_until(lambda: all(len(ids) == 2 for ids in plant.told().values()), 30, "its end is told")
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

    event = plant.events(kind="agent_down")[0]
    assert event["state"] == "closed" and event["cause"] == "gone"
    assert wait_until(lambda: plant.metric('nenghao_alarm_notices_sent_total{receiver="box"}') == 2,
                      10, "counted")
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
    deadline, seq = time.monotonic() + 60, 2
    while not opened("meter_silent") and time.monotonic() < deadline:
        read(seq, ("m00",))  # the agent is back, two meters are not
        seq += 1
        time.sleep(0.3)
    wait_until(lambda: {event["meter"] for event in opened("meter_silent")} ==
               {f"{INSTITUTION}-m01", f"{INSTITUTION}-m02"}, 20, "each for itself")
    agent.close()


def test_the_week_comes_in_a_letter(make, stack):
    """On Monday at eight: what is open, to those who want it, once."""
    plant = make(start_local="2026-03-01T20:00:00", speed=3600)
    server = plant.run()
    agent = HandMadeAgent(stack.broker_port)
    drop(plant, agent, 1, "m01")

    def letters():
        mails = [(str(email.header.make_header(email.header.decode_header(mail["Subject"]))),
                  mail.get_payload(decode=True).decode()) for mail in plant.mailbox.mails()]
        return [text for subject, text in mails if subject.startswith("[周报]")]
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
    assert alarm(plant, "list").returncode == 0 and "box" in alarm(plant, "list").stdout
    assert alarm(plant, "test", "bus").returncode == 0 and plant.ear.got[-1]["what"] == "test"
    failed = alarm(plant, "test", "hook")
    assert failed.returncode == 1 and "hook: it answered 500" in failed.stderr
    wrong = alarm(plant, "test", "hok")
    assert wrong.returncode == 2 and "did you mean 'hook'?" in wrong.stderr
    plant.hook.broken = False
    wait_until(lambda: len(plant.hook.got) == 1, 60, "the webhook is told when it works again")
    assert plant.told()["hook"] == plant.told()["bus"][:1]
    agent.close()


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


def history(folder, start, days):
    """Six weeks of a quarter of an hour each: an office whose last four nights run on, whose pipe
    leaks since six days, and whose demand is above its contract; the gas meter's readings end."""
    registers = {"e01": 0.0, "w01": 0.0, "g01": 0.0}
    with open(folder / "history.lp", "w") as file:
        for quarter in range(days * 96):
            at = start + quarter * 900000
            day, hour = quarter // 96, quarter % 96 // 4
            works = (3 + day) % 7 < 5 and 9 <= hour < 17  # 2026-01-01 is a Thursday
            for short, quantity in (("e01", "active_energy_import_kwh"), ("w01", "volume_total_m3"),
                                    ("g01", "volume_total_m3")):
                if short == "g01" and day >= days - 6:
                    continue
                file.write(f"reading,meter={INSTITUTION}-{short} {quantity}={registers[short]:.3f} {at}\n")
            at_night = day >= days - 4 and (hour < 7 or hour >= 19)
            registers["e01"] += 25 if works else 22 if at_night else 5
            registers["w01"] += (0.5 if works else 0.01) + (0.2 if day >= days - 6 else 0)
            registers["g01"] += 1


def test_rules_look_at_what_was_read(stack):
    """Loads, water, coverage, demand and silence, through import, roll-ups and rules as shipped."""
    days = 42
    plant = Plant(stack, tsdb=False, start_local="2026-02-12T06:30:00", speed=240)
    stack.mosquitto()
    meters = [{"id": f"{INSTITUTION}-{short}", "carrier": carrier, "role": "main",
               "quantity": quantity, "interval": "15m",
               "lives": [{"serial": "1", "from": "2025-01-01", "ratio": 1}]}
              for short, carrier, quantity in (
                  ("e01", "electricity", "active_energy_import_kwh"),
                  ("w01", "water", "volume_total_m3"), ("g01", "natural_gas", "volume_total_m3"))]
    folder = plant.folder / "registry" / "institutions"
    folder.mkdir(parents=True)
    (folder / f"{INSTITUTION}.yaml").write_text(yaml.dump(
        {"id": INSTITUTION, "name": "历下区档案馆", "type": "culture", "region": "370102",
         "headcount": [{"from": "2020-01-01", "persons": 100}], "meters": meters,
         "accounts": [{"number": "4711", "carrier": "electricity", "demand_kw": 90,
                       "meters": [f"{INSTITUTION}-e01"]}]},
        allow_unicode=True, sort_keys=False, Dumper=PlainDates))
    plant.write_server()
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3", "--role", "admin")
    history(plant.folder, plant.utc_start - int(6.5 * 3600000) - days * 86400000, days)
    stack.run(stack.program("server"), "import", plant.folder / "history.lp", "-c", plant.server_config)
    server = stack.server(plant.server_config)
    plant.wait_ready()

    def opened():
        got = plant.get_quietly("/api/v1/events?limit=1000&state=open") or {"events": []}
        return {event["kind"]: event for event in got["events"]}
    wanted = {"night_load_high", "water_night_flow", "demand_above_contract", "coverage_low",
              "meter_silent"}
    try:
        wait_until(lambda: wanted <= set(opened()), 60, "they are found")
    except TimeoutError:
        raise AssertionError(sorted(opened())) from None
    events = opened()
    assert "water_night_rise" not in events, "one leak, one alarm"
    assert events["night_load_high"]["cause"] == "night-load"
    assert events["night_load_high"]["time"].startswith("2026-02-08T00:00"), "its first night"
    assert abs(events["night_load_high"]["value"] - 0.88) < 0.01
    assert events["demand_above_contract"]["cause"] == "demand/4711"
    assert events["demand_above_contract"]["value"] > 1.1
    assert events["coverage_low"]["cause"] == "coverage-low/natural_gas"

    assert events["meter_silent"]["meter"] is None, "all of them at once have one cause"

    # A person has seen it: it stays open, and its notices go on as before.
    status, _, _ = ask("POST", f"http://127.0.0.1:{plant.http_port}/api/v1/events/"
                       f"{events['night_load_high']['id']}/acknowledge", '{"note": "物业已通知"}'.encode(),
                       plant.token, headers={"Content-Type": "application/json"})
    assert status == 200 and opened()["night_load_high"]["acknowledged"]["note"] == "物业已通知"
    assert server.stop() == 0

    # A rule that is gone takes its alarms along.
    (plant.folder / "none").mkdir()
    plant.write_server(alarms={"rules": str(plant.folder / "none")})
    server = stack.server(plant.server_config)
    plant.wait_ready()
    wait_until(lambda: not wanted & set(opened()), 30, "they are over")
    assert server.stop() == 0
