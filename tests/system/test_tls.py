# SPDX-License-Identifier: Apache-2.0
"""Both daemons over TLS with client certificates, against the shipped access rules."""
import subprocess
import time

import pytest

from plant import Plant
from stack import ROOT, free_port, wait_until


class Authority:
    """A throw-away certificate authority."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-days", "2", "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem")

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def issue(self, name):
        (self.folder / "ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                 f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                 "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", f"{name}.pem")
        (self.folder / f"{name}.key").chmod(0o600)

    def mqtt(self, port, name, ca="ca.pem"):
        return {"url": f"tls://127.0.0.1:{port}", "ca_file": str(self.folder / ca),
                "cert_file": str(self.folder / f"{name}.pem"),
                "key_file": str(self.folder / f"{name}.key")}


@pytest.fixture
def authority(stack):
    authority = Authority(stack.folder / "ca")
    for name in ("broker", "test-a1", "nenghao-server", "other-a1"):
        authority.issue(name)
    return authority


def start_broker(stack, authority):
    stack.broker_port = free_port()
    folder = authority.folder
    # The rules that are shipped; mosquitto gives up root, so its files must be readable.
    for file in folder.iterdir():
        file.chmod(0o644)
    stack.mosquitto(stack.broker_port, f"""
cafile {folder}/ca.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {ROOT}/config/mosquitto/acl
user root
""")
    for file in folder.glob("*.key"):
        file.chmod(0o600)


def test_readings_cross_with_client_certificates(stack, authority):
    plant = Plant(stack, interval="2s", tsdb=False)
    start_broker(stack, authority)
    plant.write_campus()
    plant.write_registry()
    plant.write_server(mqtt=authority.mqtt(stack.broker_port, "nenghao-server"))
    _, where = stack.simulator(plant.campus)
    plant.write_agent(where, mqtt=authority.mqtt(stack.broker_port, "test-a1"))
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3")
    plant.server = stack.server(plant.server_config)
    plant.agent = stack.agent(plant.agent_config)
    plant.wait_ready()
    wait_until(lambda: plant.readings("e01", plant.now_ms() - 60000, plant.now_ms() + 60000), 20,
               "a reading through TLS")
    wait_until(lambda: plant.agent_status()["batches_waiting"] <= 1, 20, "it is acknowledged")


def test_a_certificate_of_another_agent_delivers_nothing(stack, authority):
    """The broker lets each agent speak under its own name only."""
    plant = Plant(stack, interval="2s", tsdb=False)
    start_broker(stack, authority)
    plant.write_campus()
    _, where = stack.simulator(plant.campus)
    plant.write_registry()
    plant.write_server(mqtt=authority.mqtt(stack.broker_port, "nenghao-server"))
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3")
    plant.server = stack.server(plant.server_config)
    plant.write_agent(where, mqtt=authority.mqtt(stack.broker_port, "other-a1"))
    plant.agent = stack.agent(plant.agent_config)
    plant.wait_ready()
    wait_until(lambda: "not authorized" in plant.agent.log().lower(), 20, "the refusal is named")
    time.sleep(3)
    assert not plant.readings("e01", plant.now_ms() - 60000, plant.now_ms() + 60000)


def test_a_broker_of_a_foreign_authority_is_not_trusted(stack, authority):
    plant = Plant(stack, interval="2s", tsdb=False)
    start_broker(stack, authority)
    foreign = Authority(stack.folder / "foreign")
    plant.write_campus()
    _, where = stack.simulator(plant.campus)
    mqtt = authority.mqtt(stack.broker_port, "test-a1")
    mqtt["ca_file"] = str(foreign.folder / "ca.pem")
    plant.write_agent(where, mqtt=mqtt)
    agent = stack.agent(plant.agent_config)
    wait_until(lambda: "certificate" in agent.log().lower(), 20, "the reason in words")
    assert agent.is_running()  # it keeps polling; the spool fills

    def shown():
        return stack.run(stack.program("agent"), "status", "-c", plant.agent_config, check=False,
                         env={"LC_ALL": "C"}).stdout
    wait_until(lambda: "reason: TLS: certificate verify failed" in shown(), 20, "the status has it too")
    assert "ca_file" in shown()
