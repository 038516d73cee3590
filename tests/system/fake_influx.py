# SPDX-License-Identifier: Apache-2.0
"""InfluxDB 2 and 3 as their HTTP contracts say, for what a writer needs: strict about all that a
real one is strict about, and keeping what it took.

Sources: InfluxDB OSS v2 API, POST /api/v2/write and /api/v2/delete with the delete predicate syntax
(equality and AND only); InfluxDB 3 Core, POST /api/v3/write_lp; the line protocol reference
(escapes, types, "i" integers, one type a field).
"""
import datetime
import gzip
import http.server
import json
import re
import threading
import urllib.parse

LIMIT = 10_000_000  # bytes of a body, as InfluxDB 3 by default

KEY = r"(?:[^,= \\\n]|\\.)+"
NAME = r"(?:[^, \\\n#]|\\.)(?:[^, \\\n]|\\.)*"
STRING = r'"(?:[^"\\]|\\.)*"'
NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
VALUE = rf"(?:{STRING}|{NUMBER}|-?\d+i|\d+u|true|false)"
FIELD = rf"{KEY}={VALUE}"
LINE = re.compile(rf"({NAME})((?:,{KEY}={KEY})*) ({FIELD}(?:,{FIELD})*) (-?\d+)")
PAIR = re.compile(rf"({KEY})=({VALUE})")
TAG = re.compile(rf",({KEY})=({KEY})")
EQUALS = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
PREDICATE = re.compile(rf"{EQUALS.pattern}(?: AND {EQUALS.pattern})*")
MIN_MS, MAX_MS = 0, 4102444800000  # from 1970 until 2100: another unit than ms falls outside


class BadLine(Exception):
    pass


def type_of(value):
    if value.startswith('"'):
        return "string"
    if value in ("true", "false"):
        return "boolean"
    return {"i": "integer", "u": "unsigned"}.get(value[-1], "float")


def nanoseconds(text):
    """Of an RFC 3339 text in UTC."""
    whole, fraction = re.fullmatch(r"([0-9T:-]{19})(?:\.(\d{1,9}))?(?:Z|\+00:00)", text).groups()
    moment = datetime.datetime.fromisoformat(whole + "+00:00")
    return int(moment.timestamp()) * 10**9 + int((fraction or "0").ljust(9, "0"))


def unescape(text):
    return re.sub(r"\\(.)", r"\1", text)


class FakeInflux:
    """kind: "influxdb2" or "influxdb3". points: {(measurement, tags, field, ms): value as written}."""

    def __init__(self, kind, token, place, port=0):
        self.kind, self.token, self.place = kind, token, place
        self.points, self.types, self.refused = {}, {}, []
        self.answers = []  # statuses to give first, whatever comes
        self.is_poison = lambda line: False  # lines with a value of the wrong type
        self.deletions = []
        self.lock = threading.Lock()
        handler = type("Handler", (Handler,), {"fake": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def parse(self, line):
        match = LINE.fullmatch(line)
        if match is None:
            raise BadLine(f"unable to parse '{line[:60]}'")
        name, tags, fields, stamp = match.groups()
        if not MIN_MS < int(stamp) < MAX_MS:
            raise BadLine(f"time {stamp} is no time in milliseconds")
        tag_list = [(unescape(k), unescape(v)) for k, v in TAG.findall(tags)]
        if len(dict(tag_list)) != len(tag_list):
            raise BadLine("a tag is given twice")
        found = PAIR.findall(fields)
        if len(dict(found)) != len(found):
            raise BadLine("a field is given twice")
        if set(dict(found)) & set(dict(tag_list)):
            raise BadLine("a name is both tag and field")
        if self.is_poison(line):
            raise BadLine("field type conflict")
        return unescape(name), tuple(sorted(tag_list)), found, int(stamp)

    def keep(self, parsed):
        name, tags, fields, stamp = parsed
        for key, value in fields:
            known = self.types.setdefault((name, key), type_of(value))
            if known != type_of(value):
                raise BadLine(f"field type conflict: {name}.{key} is {known}, not {type_of(value)}")
        for key, value in fields:
            self.points[name, tags, unescape(key), stamp] = value

    def take(self, text):
        """[(line number, line, why)] of those refused; InfluxDB 2 takes nothing of a batch that does
        not parse, InfluxDB 3 takes the rest."""
        parsed, bad = [], []
        for number, line in enumerate(text.split("\n"), 1):
            if line == "" or line.startswith("#"):
                continue
            try:
                parsed.append((number, line, self.parse(line)))
            except BadLine as why:
                bad.append((number, line, str(why)))
        if bad and self.kind == "influxdb2":
            return bad
        for number, line, point in parsed:
            try:
                self.keep(point)
            except BadLine as why:
                bad.append((number, line, str(why)))
        return bad


class Handler(http.server.BaseHTTPRequestHandler):
    fake = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, **headers):
        payload = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if payload:
            self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(payload)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(payload)

    def refuse(self, status, code, message):
        """The words of each: version 2 has code and message, version 3 an error."""
        if self.fake.kind == "influxdb2":
            self.answer(status, {"code": code, "message": message})
        else:
            self.answer(status, {"error": message})

    def do_GET(self):
        self.answer(200, {"status": "pass"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.fake.lock:
            self.judge(body)

    def delete(self, body):
        """The body says from when to when, and of which measurement and tags."""
        fake, wanted = self.fake, json.loads(body)
        try:
            assert self.headers["Content-Type"] == "application/json"
            assert set(wanted) == {"start", "stop", "predicate"}
            start, stop = (nanoseconds(wanted[key]) for key in ("start", "stop"))
            match = PREDICATE.fullmatch(wanted["predicate"])
            tags = {(key, unescape(text)) for key, text in EQUALS.findall(match[0])}
            name = dict(tags)["_measurement"]
            assert start < stop
        except (AssertionError, KeyError, TypeError, ValueError) as fault:
            fake.refused.append((400, repr(fault), body))
            self.refuse(400, "invalid", "unable to parse the request")
            return
        tags.discard(("_measurement", name))
        for point in [p for p in fake.points if p[0] == name and tags <= set(p[1])
                      and start <= p[3] * 1000000 <= stop]:
            del fake.points[point]
        fake.deletions.append(wanted)
        self.answer(204)

    def judge(self, body):
        fake, parts = self.fake, urllib.parse.urlsplit(self.path)
        scheme = "Token" if fake.kind == "influxdb2" else "Bearer"
        if fake.answers:
            status = fake.answers.pop(0)
            fake.refused.append(status)
            self.answer(status, {"error": "not now"}, Retry_After="1")
            return
        if self.headers.get("Authorization") != f"{scheme} {fake.token}":
            fake.refused.append(401)
            self.refuse(401, "unauthorized", "unauthorized access")
            return
        wanted = {"influxdb2": ("/api/v2/write", {**fake.place, "precision": "ms"}),
                  "influxdb3": ("/api/v3/write_lp", {**fake.place, "precision": "millisecond"})}
        path, query = wanted[fake.kind]
        given = urllib.parse.parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
        if parts.path == "/api/v2/delete" and fake.kind == "influxdb2" and dict(given) == fake.place:
            self.delete(body)
            return
        if parts.path != path or sorted(given) != sorted(query.items()):
            fake.refused.append((404, self.path))
            self.refuse(404, "not found", f"nothing is at {self.path}")
            return
        if self.headers.get("Content-Encoding", "identity") == "gzip":
            body = gzip.decompress(body)
        if len(body) > LIMIT:
            fake.refused.append(413)
            self.refuse(413, "request too large", "the body is too large")
            return
        self.write(body)

    def write(self, body):
        fake = self.fake
        try:
            bad = fake.take(body.decode("utf-8", "strict"))
        except UnicodeDecodeError:
            bad = [(1, "", "is no UTF-8")]
        if not bad:
            self.answer(204)
            return
        fake.refused.append(400)
        if fake.kind == "influxdb2":
            number, _, why = bad[0]
            self.answer(400, {"code": "invalid", "message": why, "line": number})
            return
        self.answer(400, {"error": "partial write of line protocol occurred",
                          "data": [{"original_line": line[:80], "line_number": number,
                                    "error_message": why} for number, line, why in bad]})
