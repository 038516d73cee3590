# SPDX-License-Identifier: Apache-2.0
"""Who is on a line: scan against simulated meters, wrong settings, swapped wires and silence."""
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest

from commissioning import PROFILES, Proxy, Site, Wire, check_yaml, registers_answer


@pytest.mark.sanitize
def test_scan_finds_who_is_on_a_gateway(stack):
    site = Site(stack)
    proxy = Proxy(site.port)
    answer, _ = site.run("scan", "--tcp", f"127.0.0.1:{proxy.port}", "--profiles", PROFILES)
    found = {item["unit"]: item["profile"] for item in answer["found"]}
    assert found == {1: "abb_b23_b24", 7: "eastron_sdm630"}
    assert check_yaml(site, answer["yaml"])["meters"] == 2
    assert proxy.functions() <= {1, 2, 3, 4}


def test_scan_finds_the_baud_rate(stack):
    site = Site(stack)
    answer, _ = site.run("scan", "--rtu", site.where["slow"]["device"], "--bauds", "9600,2400",
                         "--formats", "8N1,8E1", "--units", "1-3", "--timeout", "150",
                         "--profiles", PROFILES)
    assert [(i["unit"], i["baud"], i["parity"], i["profile"]) for i in answer["found"]] == \
        [(2, 2400, "N", "eastron_sdm630")]
    checked = check_yaml(site, answer["yaml"])
    assert checked["ok"] and checked["meters"] == 1
    assert "baud: 2400" in answer["yaml"]


def test_scan_tells_two_devices_at_one_id(stack):
    site = Site(stack)

    def both_at_once(request):
        if request[0] != 3:
            return b""
        one = registers_answer(request, {0: 1, 1: 2})
        other = registers_answer(request, {0: 0x5555, 1: 9})
        return bytes(a & b for a, b in zip(one, other))

    wire = Wire(both_at_once)
    answer, _ = site.run("scan", "--rtu", f"{wire.device}:9600", "--units", "2-4", "--timeout",
                         "100", "--profiles", PROFILES)
    assert [(i["unit"], i["answer"]) for i in answer["found"]] == [(3, "garbled")]
    _, text = site.run("scan", "--rtu", f"{wire.device}:9600", "--units", "3", "--timeout", "100",
                       "--profiles", PROFILES, is_json=False)
    assert "two devices at one id" in text


def test_what_is_garbled_at_one_setting_is_found_at_another(stack):
    """A pseudo-terminal has no parity: the device itself answers rightly from its second setting on."""
    site = Site(stack)
    asked = []

    def wrong_at_first(request):
        if request[0] != 3:
            return b""
        asked.append(request)
        right = registers_answer(request, {0: 1, 1: 2})
        return right if len(asked) > 2 else bytes(b | 0x80 for b in right)

    wire = Wire(wrong_at_first)
    words = ["scan", "--rtu", f"{wire.device}:9600:8N1", "--units", "2-4", "--timeout", "100",
             "--formats", "8N1,8E1", "--profiles", PROFILES]
    answer, _ = site.run(*words)
    assert [(i["unit"], i["answer"], i["parity"]) for i in answer["found"]] == [(3, "ok", "E")]
    asked.clear()
    _, text = site.run(*words, is_json=False)
    assert "GARBLED" in text and re.search(r"unit +3 +9600:8E1 +answers", text)
    assert "# two devices at one id" not in text


def test_noise_of_swapped_wires_is_garbled_and_comes_with_hints(stack):
    """A and B the wrong way round: each byte inverted, and not a frame among them."""
    site = Site(stack)
    wire = Wire(lambda request: bytes(b ^ 0xFF for b in registers_answer(request, {0: 1, 1: 2})))
    answer, text = site.run("scan", "--rtu", f"{wire.device}:9600", "--units", "3", "--timeout",
                            "100", "--profiles", PROFILES)
    assert [i["answer"] for i in answer["found"]] == ["garbled"]
    assert check_yaml(site, answer["yaml"])["meters"] == 0
    _, text = site.run("scan", "--rtu", f"{wire.device}:9600", "--units", "3", "--timeout", "100",
                       "--profiles", PROFILES, is_json=False)
    for hint in ("GARBLED", "A and B", "120 ohm", "baud"):
        assert hint in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_terminal_shows_how_long_a_scan_takes_and_ctrl_c_ends_it(stack):
    site = Site(stack)
    master, slave = pty.openpty()
    child = subprocess.Popen([stack.program("agent"), "scan", *site.line("riser"), "--units",
                              "1-200", "--profiles", PROFILES], stdin=slave, stdout=slave,
                             stderr=slave, env={**os.environ, "LC_ALL": "C"},
                             preexec_fn=lambda: (os.setsid(), fcntl.ioctl(slave, termios.TIOCSCTTY)))
    os.close(slave)
    seen = ""

    def read_until(condition):
        nonlocal seen
        deadline = time.monotonic() + 60
        while not condition() and time.monotonic() < deadline:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                seen += os.read(master, 4096).decode()
            except OSError:  # it has ended
                return

    read_until(lambda: "unit   5" in seen and re.search(r"\d+ %, about [\w ]+ left", seen))
    assert re.search(r"\[[#.]+\] +\d+ %, about [\w ]+ left", seen)
    os.write(master, b"\x03")
    read_until(lambda: False)
    assert child.wait(20) == 0
    assert "Interrupted" in seen
    found = seen.replace("\r\n", "\n").split("# paste into agent.yaml")[1].split("\n", 1)[1]
    assert check_yaml(site, found)["meters"] == 2
    widest = max(re.split(r"[\r\n]", seen), key=len)
    assert len(widest) <= 80, widest


def test_silence_comes_with_hints_in_both_languages(stack):
    site = Site(stack)
    words = ["scan", "--rtu", f"{Wire(lambda _: b'').device}:9600", "--units", "1-2", "--timeout",
             "50", "--profiles", PROFILES]
    _, text = site.run(*words, check=False, is_json=False)
    for hint in ("DL/T 645", "A and B", "120 ohm", "baud", "unit id"):
        assert hint in text
    assert all(len(line) <= 80 for line in text.splitlines())
    _, text = site.run(*words, check=False, is_json=False, lang="zh_CN.UTF-8")
    for hint in ("DL/T 645", "A、B", "终端电阻", "波特率", "地址"):
        assert hint in text


def test_ctrl_c_prints_what_was_found(stack):
    site = Site(stack)
    child = subprocess.Popen([stack.program("agent"), "scan", *site.line("riser"), "--units",
                              "1-200", "--profiles", PROFILES], stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"})
    seen = ""
    while "unit   5" not in seen:
        seen += child.stdout.readline()
    child.send_signal(signal.SIGINT)
    rest, errors = child.communicate(timeout=10)
    assert child.returncode == 0
    assert "profile: eastron_sdm630" in rest and "profile: chint_dtsu666" in rest
    assert "Interrupted" in errors
