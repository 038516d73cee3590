# SPDX-License-Identifier: Apache-2.0
"""Who hears of alarms: a webhook, a mailbox, a subscriber; and a server that tells them."""
import base64
import email
import http.server
import json
import socketserver
import threading

import paho.mqtt.client as mqtt
import pytest
import yaml

from plant import INSTITUTION, Plant, PlainDates
from stack import wait_until

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

    def __init__(self, stack, rules=None, alarms=None, **names):
        super().__init__(stack, tsdb=False, **names)
        stack.mosquitto(extra="allow_anonymous true\npersistence true\n"
                              f"persistence_location {self.folder}/\nautosave_interval 1\n")
        self.hook, self.mailbox, self.ear = Webhook(), Mailbox(), Ear(stack.broker_port)
        self.write_meters()
        (self.folder / "rules").mkdir()
        (self.folder / "rules" / "rules.yaml").write_text(yaml.safe_dump(rules or RULES, allow_unicode=True))
        (self.folder / "secret").write_text(SECRET + "\n")
        (self.folder / "secret").chmod(0o600)
        self.write_server(alarms={
            "rules": str(self.folder / "rules"), "gather": "0s", "summary_above": 0,
            "smtp": {"url": f"smtp://127.0.0.1:{self.mailbox.port}", "from": "nenghao@city.test",
                     "tls": "never"},
            "receivers": [
                {"name": "hook", "kind": "webhook", "url": f"http://127.0.0.1:{self.hook.port}/x",
                 "secret_file": str(self.folder / "secret")},
                {"name": "bus", "kind": "mqtt"},
                {"name": "box", "kind": "email", "to": ["a@city.test", "b@city.test"],
                 "language": "both", "digest": True}], **(alarms or {})})
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

    def letters(self):
        """(subject, text) of each mail."""
        return [(str(email.header.make_header(email.header.decode_header(mail["Subject"]))),
                 mail.get_payload(decode=True).decode()) for mail in self.mailbox.mails()]

    def run(self):
        """Starts the server; it hears agents when this returns."""
        server = self.stack.server(self.server_config)
        self.wait_hears()
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
