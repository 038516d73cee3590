# SPDX-License-Identifier: Apache-2.0
"""Finds every sentence that nenghao-agent's commands can say to people, in the sources."""
import errno
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LITERAL = r'"(?:[^"\\\n]|\\.)*"'
# What a person can meet: all of the agent, and of the common part what reads files and options.
COMMON = ["conf.c", "conf_fill.c", "conf_scalar.c", "conf_yaml.c", "conf_reference.c", "cli.c",
          "civil.c", "mqtt_config.c", "file.c"]
TABLES = sorted((ROOT / "agent" / "command").glob("phrases_*.c"))


def sources():
    for path in sorted((ROOT / "agent").rglob("*.[ch]")):
        if path not in TABLES:
            yield path
    for name in COMMON:
        if (ROOT / "common" / name).exists():
            yield ROOT / "common" / name


def text_of(path):
    text = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S)
    text = re.sub(r'"\s*PRId64\s*"', "lld", text)
    return re.sub(r'%"\s*PRId64', '%lld"', text)


def calls(text, function):
    """The arguments of each call, as source."""
    for match in re.finditer(rf"\b{function}\(", text):
        depth, start, inside, args, i = 1, match.end(), False, [], match.end()
        while depth > 0 and i < len(text):
            c = text[i]
            if inside:
                i += c == "\\"
                inside = c != '"'
            elif c == '"':
                inside = True
            elif c in "({[":
                depth += 1
            elif c in ")}]":
                depth -= 1
            if depth == (1 if c == "," else 0) and not inside and c in ",)":
                args.append(text[start:i])
                start = i + 1
            i += 1
        yield args


def literals(source):
    """Neighbours are one."""
    return ["".join(part[1:-1] for part in re.findall(LITERAL, match.group(0)))
            for match in re.finditer(rf"{LITERAL}(?:\s*{LITERAL})*", source)]


def array(text, name):
    match = re.search(rf"{name}\[\w*\]\s*=\s*\{{(.*?)\}};", text, re.S)
    return literals(match.group(1)) if match else []


def structs(text, before):
    """The literals of each row of the struct array that is declared as before."""
    match = re.search(rf"{before}\s*=?\s*\{{(.*?)\n\}};", text, re.S)
    rows = re.findall(rf'\{{((?:{LITERAL}|[^{{}}"])*)\}}', match.group(1)) if match else []
    return [literals(row) for row in rows if literals(row)]


REASONS = ROOT / "common" / "mqtt.c"  # why there is no broker
FORMATS = {"conf_error": 3, "err_set": 2, "err_prefix": 2, "refuse": 1, "refuse_value": None,
           "fail": 2}


def found_in(path):
    text = text_of(path)
    for args in calls(text, "phrase_say"):
        yield from literals(args[0])
    for function, place in FORMATS.items():
        if function in ("refuse", "fail") and path.name not in ("conf_scalar.c", "conf_yaml.c"):
            continue
        for args in calls(text, function):
            if place is not None and len(args) > place:
                yield from literals(args[place])
    if path.name == "conf_scalar.c":
        yield from array(text, "words")
    if path.name == "conf_yaml.c":
        yield from (row[-1] for row in structs(text, r"sentences\[\]"))
        yield from (row[-1] for row in structs(text, r"wide_signs\[\]"))
        yield from literals(" , ".join(re.findall(rf'\bwords = ((?:{LITERAL}|[^;"])*);', text)))
    if path.name == "cli.c":
        for function, places in (("say", (1, 3)), ("print_row", (1,))):
            for args in calls(text, function):
                for place in places:
                    if len(args) > place:
                        yield from literals(args[place])
    if path.name == "trial.c":
        yield from array(text, "reasons")
    if path.name == "health_print.c":
        yield from array(text, "deliveries")
        yield from (row[-1] for row in structs(text, r"advices\[\]"))
    for row in re.findall(rf'\{{\s*{LITERAL},\s*CLI_\w+,(?:{LITERAL}|[^{{}}"])*\}}', text):
        yield literals(row)[-1]
    for row in re.findall(rf'{LITERAL},\s*CLI_\w+,\s*{LITERAL},\s*\\?\s*({LITERAL})', text):
        yield row[1:-1]
    if path.name == "main.c":
        yield from (row[2] for row in structs(text, r"struct cli_command commands\[\]") if row)
        yield from literals(re.search(r"\.summary = ([^,]*),", text).group(1))


# Codes of the status and of faults, which are words there.
CODES = ["ok", "silent", "waiting", "timeout", "exception", "crc", "garbled", "wrong_unit",
         "link_down", "no_value", "implausible", "wrong_device", "wrong_serial", "not_polled", "is too large", *(os.strerror(code) for code in (
             errno.ECONNREFUSED, errno.ETIMEDOUT, errno.ECONNRESET, errno.EHOSTUNREACH,
             errno.ENETUNREACH, errno.EHOSTDOWN, errno.EADDRNOTAVAIL, errno.EADDRINUSE,
             errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EACCES, errno.EPERM, errno.EISDIR,
             errno.ENOTDIR, errno.EBUSY, errno.EIO, errno.ENOTTY, errno.ENOSPC, errno.EROFS,
             errno.EMFILE)), "unknown error"]


def reasons():
    text = text_of(REASONS)
    for args in calls(text, "mqtt_end"):
        yield from literals(args[1]) if len(args) > 1 else []
    body = re.search(r"static const char \*unreachable\(.*?\n\}", text, re.S).group(0)
    yield from (part[1:-1] for part in re.findall(rf"return ({LITERAL})", body))


def is_sentence(text):
    """Not a bare format such as "%s: %s"."""
    bare = re.sub(r"%[-+ #0-9.*]*(?:ll|l|z|t|h)?[a-zA-Z%]", "", text)
    return re.search(r"[A-Za-z]{2}", re.sub(r"\\.", "", bare)) is not None


def sentences():
    """{English: where it stands first}"""
    found = {code: "codes" for code in CODES}
    found.update((text, "common/mqtt.c") for text in reasons())
    for path in sources():
        for text in found_in(path):
            if is_sentence(text):
                found.setdefault(text, str(path.relative_to(ROOT)))
    return found


def translations():
    """[(English, Chinese)] of all tables."""
    pairs = []
    for path in TABLES:
        for row in structs(text_of(path), r"struct phrase \w+\[\]"):
            if len(row) == 2:
                pairs.append(tuple(row))
    return pairs


if __name__ == "__main__":
    known = {english for english, _ in translations()}
    for english, where in sentences().items():
        if english not in known:
            print(f"{where}: {english}")
