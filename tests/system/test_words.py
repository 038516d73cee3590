# SPDX-License-Identifier: Apache-2.0
"""nenghao-agent speaks Chinese and English: every sentence, in 80 columns, in every command."""
import json
import os
import pty
import re
import select
import subprocess
import unicodedata

import pytest
import yaml

from phrases import sentences, translations
from stack import ROOT, free_port, wait_until

PROFILES = str(ROOT / "config" / "profiles")
COMMANDS = ["run", "check", "plan", "status", "read", "scan", "probe", "linetest", "trace", "spool"]


def conversions(text):
    return re.findall(r"%[-+ #0-9.*]*((?:ll|l|z)?[a-zA-Z%])", text)


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


# ---- the tables ----
def test_every_sentence_has_its_translation():
    known = {english for english, _ in translations()}
    missing = [f"{where}: {text}" for text, where in sentences().items() if text not in known]
    assert len(known) > 300
    assert not missing


def test_no_translation_is_left_over():
    said = sentences()
    assert not [english for english, _ in translations() if english not in said]
    assert len({english for english, _ in translations()}) == len(translations())


def test_both_languages_take_the_same():
    for english, chinese in translations():
        assert conversions(english) == conversions(chinese), (english, chinese)
        assert re.search("[\u4e00-\u9fff]", chinese) or not re.search("[a-z]{4}", chinese), chinese
        assert len(re.findall(r"\\n", english)) == len(re.findall(r"\\n", chinese)), english


# ---- the commands ----
class Terminal:
    """Runs a command as somebody at a terminal of 80 columns sees it."""

    def __init__(self, stack, lang):
        self.stack, self.lang = stack, lang

    def run(self, *words, seconds=30):
        """(exit status, text)"""
        master, slave = pty.openpty()
        child = subprocess.Popen([str(self.stack.program("agent")), *map(str, words)],
                                 stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                                 cwd=self.stack.folder, start_new_session=True,
                                 env={**os.environ, "LC_ALL": self.lang, "COLUMNS": "80",
                                      "XDG_RUNTIME_DIR": str(self.stack.folder)})
        os.close(slave)
        text = b""
        while select.select([master], [], [], seconds)[0]:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
        os.close(master)
        return child.wait(seconds), text.decode("utf-8").replace("\r\n", "\n")


def too_wide(text):
    """Lines as they stand on the screen: what follows a return overwrites."""
    lines = [part for line in text.splitlines() for part in re.split(r"\r|\x1b\[[0-9;]*[A-Z]", line)]
    return [line for line in lines if columns(line) > 80]


@pytest.fixture
def site(stack):
    """A simulated line, an agent at work on it, and a broker that is not there."""
    campus = stack.folder / "campus.yaml"
    campus.write_text(yaml.safe_dump({
        "campus": {"name": "t", "seed": 7, "timezone": "Asia/Shanghai", "start": "2023-01-01"},
        "profiles": [PROFILES],
        "buses": [{"name": "g", "tcp": {"listen": "127.0.0.1", "port": 0}, "meters": [
            {"id": "e1", "unit": 1, "profile": "eastron_sdm630", "load": "office.power",
             "year": 100000, "initial": 5},
            {"id": "e2", "unit": 2, "profile": "chint_dtsu666", "load": "office.power",
             "year": 100000, "initial": 5, "faults": [{"kind": "silence"}]}]}]}))
    _, where = stack.simulator(campus)
    stack.port = where["buses"][0]["port"]
    stack.config = stack.folder / "agent.yaml"
    stack.config.write_text(yaml.safe_dump({
        "agent": {"id": "t-a1", "region": "370102"},
        "mqtt": {"url": f"tcp://127.0.0.1:{free_port()}"},
        "spool": {"path": str(stack.folder / "spool.db")},
        "control": {"socket": str(stack.folder / "agent.sock")},
        "interval": "1s", "profiles": [PROFILES],
        "buses": [{"name": "g", "tcp": {"host": "127.0.0.1", "port": stack.port}, "meters": [
            {"id": "370102-0001-e01", "unit": 1, "profile": "eastron_sdm630"},
            {"id": "370102-0001-the-second-one-in-the-cellar", "unit": 2,
             "profile": "chint_dtsu666"}]}]}))
    stack.agent(stack.config)
    wait_until(lambda: (stack.folder / "agent.sock").exists(), 20, "the agent listens")
    wait_until(lambda: json.loads(stack.run(
        stack.program("agent"), "spool", "--json", "-c", stack.config, check=False).stdout or "{}"
    ).get("waiting"), 30, "batches wait")
    return stack


def every_command(site):
    """Each command that does not go on for ever, with what it needs."""
    config, line = ["-c", site.config], ["--bus", "g", "-c", site.config]
    return [["check", *config], ["plan", *config], ["status", *config],
            ["read", "370102-0001-e01", *config],
            ["read", "370102-0001-e01", "--registry", *config],
            ["scan", *line, "--units", "1-3", "--timeout", "100"],
            ["probe", *line, "--unit", "1", "--fc", "4", "--display", "49.98"],
            ["linetest", *line, "--unit", "1", "--requests", "5"],
            ["trace", "370102-0001-e01", "--seconds", "2", *config], ["spool", *config]]


def test_every_command_has_json(site):
    for words in every_command(site):
        done = site.run(site.program("agent"), *words, "--json", check=False,
                        env={"LC_ALL": "zh_CN.UTF-8"})
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict) and answer, words
        if words[0] == "status":
            meters = {meter["id"]: meter for meter in answer["meters"]}
            assert meters["370102-0001-e01"]["delivery"] in ("spooled", "memory")
            assert answer["broker_trouble"]


def test_every_command_speaks_chinese_in_80_columns(site):
    chinese, english = Terminal(site, "zh_CN.UTF-8"), Terminal(site, "C")
    for words in every_command(site):
        for terminal in (chinese, english):
            _, text = terminal.run(*words)
            assert text.strip(), words
            assert not too_wide(text), (words, too_wide(text))
            assert bool(re.search("[\u4e00-\u9fff]", text)) == (terminal is chinese), (words, text)


def test_the_columns_of_a_table_stand_below_each_other(site):
    for lang in ("zh_CN.UTF-8", "C"):
        _, text = Terminal(site, lang).run("status", "-c", site.config)
        lines = text.splitlines()
        head = next(i for i, line in enumerate(lines) if "read ago" in line or "距上次" in line)
        title, row = lines[head], lines[head + 1]
        word = "按时" if lang != "C" else "on time"
        assert columns(title[:title.index(word) + len(word)]) == columns(row[:row.index("%") + 1])


def test_help_is_chinese_in_80_columns(stack):
    for lang, is_chinese in (("zh_CN.UTF-8", True), ("C", False)):
        for words in [["--help"]] + [[command, "--help"] for command in COMMANDS]:
            status, text = Terminal(stack, lang).run(*words)
            assert status == 0 and not too_wide(text), (words, too_wide(text))
            assert bool(re.search("[\u4e00-\u9fff]", text)) == is_chinese
            if is_chinese:  # nothing but names of options, files and units is left in English
                for line in text.split("示例")[0].splitlines()[1:]:
                    assert not re.search(r"\b[a-z]{3,} [a-z]{3,}\b", line), line


def test_mistakes_are_told_in_chinese_in_80_columns(stack):
    config = stack.folder / "agent.yaml"
    config.write_text("agent: {id: a1, region: '370102'}\nmqtt: {url: 'tcp://localhost'}\n"
                      f"profiles: [{PROFILES}]\n"
                      "buses:\n  - name: b\n    rtu: {device: /dev/ttyUSB0, buad: 9600}\n"
                      "    meters:\n      - {id: m, unit: 300, profile: eastron_sdm63}\n")
    status, text = Terminal(stack, "zh_CN.UTF-8").run("check", "-c", config)
    assert status == 78 and not too_wide(text)
    flat = re.sub(r"\n +", "", text)
    assert "未知的键" in flat and "是否想写“baud”？" in flat
    done = stack.run(stack.program("agent"), "check", "-c", config, check=False,
                     env={"LC_ALL": "C"})
    assert "unknown key 'buad', did you mean 'baud'?" in done.stderr
    assert len(done.stderr.splitlines()) == len(re.findall(r"^agent.yaml|^/", done.stderr, re.M))
