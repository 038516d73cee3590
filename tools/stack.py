# SPDX-License-Identifier: Apache-2.0
"""Starts brokers, databases, simulator, agents and server in one folder on free loopback ports.

Used by the demonstration and by the system tests. Every process is ended by its own id; nothing
else is touched.
"""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent


def source_ports():
    """(first, last) of the ports that the kernel gives to connections which name none."""
    try:
        first, last = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        return int(first), int(last)
    except OSError:
        return 32768, 60999


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


_given = set()


def free_port():
    """A port of the loopback address at which nobody listens, never given before by this program.

    It lies outside of the ports of outgoing connections: none of these takes it before it is used.
    """
    first, last = source_ports()
    choice = [port for port in range(10000, 65000) if not first <= port <= last]
    while True:
        port = random.choice(choice)
        if port not in _given and is_free(port):
            _given.add(port)
            return port


# How many times as long as on an idle machine it may take. Who waits in vain waits this much longer.
PATIENCE = 3


def wait_until(condition, seconds, what):
    """Calls condition until it gives something true; returns that."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s still not: {what}")
        time.sleep(0.05)


def port_answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def http(method, url, body=None, token=None, timeout=30, headers=None):
    """(status, headers, bytes) of any answer."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


class Process:
    """A program with its log file."""

    def __init__(self, name, command, folder, env=None):
        self.name, self.command, self.folder = name, [str(c) for c in command], folder
        self.env = {**os.environ, **(env or {})}
        self.log_path = pathlib.Path(folder) / f"{name}.log"
        self.child = None

    def start(self):
        with open(self.log_path, "ab") as log:
            # A session of its own: Ctrl-C in the terminal reaches only the parent.
            self.child = subprocess.Popen(self.command, stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL, cwd=self.folder,
                                          env=self.env, start_new_session=True)
        return self

    def is_running(self):
        return self.child is not None and self.child.poll() is None

    def kill(self):
        """As a power cut would."""
        if self.is_running():
            self.child.send_signal(signal.SIGKILL)
            self.child.wait()

    def hang_up(self):
        """Asks a daemon to read its files anew."""
        self.child.send_signal(signal.SIGHUP)

    def stop(self, seconds=20):
        """Ends it in an orderly way; returns its exit status."""
        if self.is_running():
            self.child.terminate()
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        return self.child.returncode if self.child else None

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")


class Stack:
    """All parts of one trial. Parts are started on request and stopped in reverse order."""

    def __init__(self, folder, mode=None, env=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.bin = ROOT / "build" / (mode or os.environ.get("NENGHAO_MODE", "release"))
        self.env = dict(env or {})
        self.processes = []

    def program(self, name):
        return self.bin / f"nenghao-{name}"

    def add(self, name, command, env=None):
        process = Process(name, command, self.folder, {**self.env, **(env or {})})
        self.processes.append(process)
        return process.start()

    def run(self, *command, check=True, timeout=120, text=True, env=None):
        """Runs a command of ours to its end."""
        command = [str(c) for c in command]
        done = subprocess.run(command, capture_output=True, text=text, timeout=timeout,
                              cwd=self.folder, env={**os.environ, **self.env, **(env or {})},
                              stdin=subprocess.DEVNULL, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}\n"
                               f"{done.stdout}\n{done.stderr}")
        return done

    def close(self):
        for process in reversed(self.processes):
            process.stop()

    # ---- the parts ----
    def mosquitto(self, port=None, extra="allow_anonymous true\n"):
        """A broker that keeps nothing on disk."""
        self.broker_port = port or free_port()
        config = self.folder / "mosquitto.conf"
        config.write_text(f"listener {self.broker_port} 127.0.0.1\npersistence false\n"
                          f"max_queued_messages 100000\n{extra}")
        broker = self.add("mosquitto", [find_program("mosquitto"), "-c", config])
        wait_until(lambda: port_answers(self.broker_port), 10, "mosquitto listens")
        return broker

    def influxdb(self, port=None, index="tsi1"):
        """index "inmem" makes far fewer files, which counts when they are removed."""
        self.influx_port = port or free_port()
        folder = self.folder / "influxdb"
        config = self.folder / "influxdb.conf"
        config.write_text(f"""
reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "{index}"
  cache-snapshot-memory-size = "512m"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{self.influx_port}"
  log-enabled = false
[monitor]
  store-enabled = false
""")
        database = self.add("influxdb", [find_program("influxd"), "-config", config])
        wait_until(lambda: self.influx_answers(), 30, "influxdb answers")
        return database

    def influx_answers(self):
        try:
            return http("GET", f"http://127.0.0.1:{self.influx_port}/ping", timeout=2)[0] == 204
        except OSError:
            return False

    def influx_query(self, query, database="nenghao"):
        from urllib.parse import urlencode
        status, _, body = http(
            "GET", f"http://127.0.0.1:{self.influx_port}/query?"
            + urlencode({"db": database, "q": query, "epoch": "ms"}))
        answer = json.loads(body)
        if status != 200 or "error" in answer["results"][0]:
            raise RuntimeError(f"{query}: {status} {body!r}")
        return answer["results"][0].get("series", [])

    def victoriametrics(self, port=None):
        self.victoria_port = port or free_port()
        database = self.add("victoria-metrics", [
            find_program("victoria-metrics"), f"-httpListenAddr=127.0.0.1:{self.victoria_port}",
            f"-storageDataPath={self.folder}/victoria", "-retentionPeriod=100y"])
        wait_until(lambda: port_answers(self.victoria_port), 30, "victoria-metrics listens")
        return database

    def simulator(self, config, name="sim"):
        """Starts nenghao-sim; returns the process and where its buses are."""
        where = self.folder / f"{name}.where.json"
        where.unlink(missing_ok=True)
        process = self.add(name, [self.program("sim"), "run", "-c", config, "--where", where])
        wait_until(lambda: where.exists() or not process.is_running(), 20, "the simulator is ready")
        if not where.exists():
            raise RuntimeError(process.log())
        return process, json.loads(where.read_text())

    def agent(self, config, name="agent"):
        return self.add(name, [self.program("agent"), "run", "-c", config])

    def server(self, config, name="server"):
        return self.add(name, [self.program("server"), "run", "-c", config])


def find_program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        raise RuntimeError(f"{name} is not installed; run: make setup")
    return found
