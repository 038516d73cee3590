# SPDX-License-Identifier: Apache-2.0
"""Start, reload and end of both daemons; what they say when they cannot start."""
import os
import signal
import stat
import subprocess
import time

import pytest

from plant import Plant, meter_id
from stack import ROOT, http, wait_until


@pytest.fixture
def plant(stack):
    return Plant(stack, interval="15s", tsdb=False)


def first_reading(plant):
    now = plant.now_ms()
    return plant.get_quietly("/healthz") and any(
        plant.readings(short, now - 60000, now + 60000) for short in plant.meters)


@pytest.mark.sanitize
def test_a_reading_is_in_the_ledger_soon_after_the_start(plant, stack):
    plant.interval = "120s"  # who waited for a slot would be late
    stack.mosquitto()
    plant.write_campus()
    plant.write_registry()
    plant.write_server()
    _, where = stack.simulator(plant.campus)
    plant.write_agent(where)
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3")
    began = time.monotonic()
    plant.server = stack.server(plant.server_config)
    plant.agent = stack.agent(plant.agent_config)
    wait_until(lambda: first_reading(plant), 30, "the first reading")
    took = time.monotonic() - began
    assert took < 15, f"{took:.1f} s"
    # All meters follow within the first sweep.
    wait_until(lambda: all(plant.readings(short, plant.now_ms() - 60000, plant.now_ms() + 60000)
                           for short in plant.meters), 20, "every meter's reading")
    assert plant.agent.stop() == 0
    assert plant.server.stop() == 0
    status = plant.stack.run(stack.program("server"), "status", "-c", plant.server_config).stdout
    assert "test-a1" in status


def test_a_clean_end_loses_nothing(plant):
    """SIGTERM to the agent while the broker is away: what was read waits in the spool."""
    plant.start()
    wait_until(lambda: first_reading(plant), 30, "the first reading")
    plant.broker.kill()
    time.sleep(16)  # at least one slot passes
    assert plant.agent.stop() == 0
    waiting = plant.stack.run(plant.stack.program("agent"), "status", "--json", "-c",
                              plant.agent_config, check=False)
    assert waiting.returncode == 1
    plant.broker.start()
    plant.agent.start()
    wait_until(lambda: gaps(plant, "e01") == [], 30, "no slot is missing")


def gaps(plant, short):
    """Slots of the last minutes without a reading, as far as the agent was running."""
    times = [t for t, _ in plant.readings(short, plant.now_ms() - 120000, plant.now_ms() + 1000)]
    if not times or times[-1] < plant.now_ms() - 20000:
        return ["nothing recent"]
    return [b - a for a, b in zip(times, times[1:]) if b - a > 40000]


def test_reload_takes_a_new_meter_and_keeps_the_old_on_a_mistake(plant):
    plant.meters.pop("e04")
    plant.start()
    wait_until(lambda: first_reading(plant), 30, "the first reading")
    text = plant.agent_config.read_text()
    plant.agent_config.write_text(text.replace("unit: 1", "unit: 1000", 1))
    plant.agent.hang_up()
    wait_until(lambda: "1000" in plant.agent.log() and "old one stays" in plant.agent.log(), 10,
               "the mistake is named")
    assert plant.agent.is_running()
    plant.agent_config.write_text(text.replace("interval: 15s", "interval: 5s"))
    plant.agent.hang_up()
    wait_until(lambda: "was read anew" in plant.agent.log(), 15, "the new file is in force")
    since = plant.now_ms()
    wait_until(lambda: len(plant.readings("e01", since, plant.now_ms() + 1)) >= 3, 25,
               "readings at the new pace")


@pytest.mark.parametrize("program", ["agent", "server", "sim"])
def test_help_version_and_wrong_usage(stack, program):
    run = lambda *a: stack.run(stack.program(program), *a, check=False)  # noqa: E731
    done = run("--help")
    assert done.returncode == 0 and "xamples" in done.stdout and "run" in done.stdout
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith(f"nenghao-{program} ")
    done = run("chekc")
    assert done.returncode == 2 and "check" in done.stderr, done.stderr
    assert run().returncode == 2
    assert run("run", "--nonsense").returncode == 2
    done = run("check", "-c", "/nowhere/at/all.yaml")
    assert done.returncode == 78 and "/nowhere/at/all.yaml" in done.stderr


def test_bad_configuration_ends_with_78_and_names_the_place(stack):
    bad = stack.folder / "agent.yaml"
    bad.write_text("agent: {id: a1, region: \"370102\"}\nmqtt: {url: tcp://127.0.0.1:1}\n"
                   "buses:\n  - name: b\n    rtu: {device: /dev/null, bauds: 9600}\n    meters: []\n")
    for command in ("run", "check"):
        done = stack.run(stack.program("agent"), command, "-c", bad, check=False)
        assert done.returncode == 78, done.stderr
        assert f"{bad}:5:" in done.stderr and "did you mean 'baud'" in done.stderr, done.stderr


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"- a\n- b\n", b"\xff\xfe", b"a: b: c",
                                     b"{" * 200, b"&a [*a]"])
@pytest.mark.parametrize("program", ["agent", "server", "sim"])
def test_nonsense_as_configuration_is_refused_in_words(stack, program, content):
    file = stack.folder / "nonsense.yaml"
    file.write_bytes(content)
    done = stack.run(stack.program(program), "check", "-c", file, check=False)
    assert done.returncode == 78 and str(file) in done.stderr, (done.returncode, done.stderr)


@pytest.mark.parametrize("text, words", [(None, "No such file"), ("{}", "FeatureCollection"), ("{", "1: ")])
def test_a_map_that_cannot_be_used_is_found_before_the_start(plant, stack, text, words):
    stack.mosquitto()
    plant.write_registry()
    file = stack.folder / "map.geojson"
    if text is not None:
        file.write_text(text)
    plant.write_server(page={"map_file": str(file), "map_approval": "鲁SG(2026)001号"})
    done = stack.run(stack.program("server"), "check", "-c", plant.server_config, check=False)
    assert done.returncode == 78 and "page.map_file: cannot be used" in done.stderr, done.stderr
    assert str(file) in done.stderr and words in done.stderr, done.stderr


def test_secrets_that_others_may_read_are_refused(plant, stack):
    stack.mosquitto()
    secret = stack.folder / "password"
    secret.write_text("secret-words\n")
    secret.chmod(0o644)
    plant.write_registry()
    plant.write_server(mqtt={"url": f"tcp://127.0.0.1:{stack.broker_port}", "username": "u",
                             "password_file": str(secret)})
    server = stack.server(plant.server_config)
    wait_until(lambda: "may be read" in server.log(), 10, "the reason")
    assert "secret-words" not in server.log()


def test_the_demonstration_shows_figures_and_ends_what_it_started(tmp_path):
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([ROOT / "tools" / "demo", "--once"], capture_output=True, text=True,
                          timeout=120, env=env, check=False)
    assert done.returncode == 0, done.stderr
    for words in ("370102-0001", "370102-0002", "370103-0001", "token", "API"):
        assert words in done.stdout
    folder = done.stdout.split("folder")[1].split()[0]
    assert not os.path.exists(folder)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    assert folder.encode() not in file.read()
            except OSError:
                pass


def test_interrupting_the_demonstration_ends_all(tmp_path):
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    demo = subprocess.Popen([ROOT / "tools" / "demo"], stdout=subprocess.PIPE, text=True, env=env,
                            start_new_session=True)
    try:
        for line in demo.stdout:
            if line.startswith("folder"):
                break
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
        assert demo.wait(30) == 0
    finally:
        demo.kill()
    assert os.listdir(tmp_path) == []


def test_files_with_readings_are_private(plant):
    plant.start()
    wait_until(lambda: first_reading(plant), 30, "the first reading")
    for name in ("ledger.db", "spool.db"):
        mode = stat.S_IMODE((plant.folder / name).stat().st_mode)
        assert mode & 0o077 == 0, (name, oct(mode))
    assert http("GET", f"http://127.0.0.1:{plant.http_port}/api/v1/meters/{meter_id('e01')}")[0] == 401
