# SPDX-License-Identifier: Apache-2.0
"""What a profile's registers mean, worked out a second time: pymodbus decodes, fractions reckon.

Nothing here shares code with nenghao-agent; what both say must be the same.
"""
import datetime
import math
import random
import struct
from fractions import Fraction

import yaml
from pymodbus.constants import Endian
from pymodbus.payload import BinaryPayloadBuilder, BinaryPayloadDecoder

WORDS = {"u16": 1, "i16": 1, "sm16": 1, "bcd16": 1, "u32": 2, "i32": 2, "sm32": 2, "bcd32": 2,
         "acc32": 2, "float32": 2, "epoch32": 2, "u64": 4, "i64": 4, "float64": 4}
TEXTS = {"string", "wide_string", "time", "time_bcd", "epoch32"}
UNITS = {"Wh": ("_kwh", "0.001"), "kWh": ("_kwh", "1"), "MWh": ("_kwh", "1000"),
         "GWh": ("_kwh", "1000000"), "kJ": ("_gj", "0.000001"), "MJ": ("_gj", "0.001"),
         "GJ": ("_gj", "1"), "L": ("_m3", "0.001"), "m3": ("_m3", "1"),
         "ft3": ("_m3", "0.028316846592"), "gal": ("_m3", "0.003785411784"),
         "l/s": ("_m3h", "3.6"), "l/min": ("_m3h", "0.06"), "l/h": ("_m3h", "0.001"),
         "m3/s": ("_m3h", "3600"), "m3/min": ("_m3h", "60"), "m3/h": ("_m3h", "1"),
         "W": ("_w", "1"), "kW": ("_w", "1000"), "MW": ("_w", "1000000"),
         "kWh/h": ("_w", "1000"), "MWh/h": ("_w", "1000000"),
         "MJ/h": ("_w", "277.777777778"), "GJ/h": ("_w", "277777.777778")}


def whole(text):
    return int(str(text), 0)


def fraction(value):
    return Fraction(str(value))


class Profile:
    """A profile's file with repeated points written out."""

    def __init__(self, path):
        self.file = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
        self.id = self.file["id"]
        self.points = {}
        self.published = []
        for kind in ("registers", "points"):
            for point in self.file.get(kind, []):
                for copy in self.copies(point):
                    key = (copy["name"], copy.get("channel", "0"))
                    self.points[key] = copy
                    if kind == "points":
                        self.published.append(key)

    def copies(self, point):
        repeat = point.get("repeat")
        if repeat is None:
            return [point]
        first = whole(repeat.get("first", 1))
        return [self.copy(point, first + k, k * whole(repeat["stride"]))
                for k in range(whole(repeat["count"]))]

    def copy(self, point, number, shift):
        copy = {key: value.replace("{n}", str(number)) if isinstance(value, str) else value
                for key, value in point.items()}
        copy["number"] = number
        for term in [copy] if "address" in copy else []:
            term["address"] = str(whole(term["address"]) + shift)
        if "terms" in copy:
            copy["terms"] = [{**term, "address": str(whole(term["address"]) + shift)}
                             if "address" in term else term for term in copy["terms"]]
        if point["repeat"].get("channel") == "true":
            copy["channel"] = str(number)
        return copy

    def find(self, name, near):
        """The point of that name on the same channel, else the whole device's."""
        number = str(near.get("number", ""))
        for channel in (near.get("channel", "0"), "0"):
            if (name.replace("{n}", number), channel) in self.points:
                return self.points[(name.replace("{n}", number), channel)]
        raise KeyError(name)

    def channels(self):
        """Those to be read one by one: where two have the same names. Else "0", all at once."""
        names = [name for name, _ in self.published]
        if len(names) == len(set(names)):
            return ["0"]
        return sorted({channel for _, channel in self.published if channel != "0"})

    def known_by(self):
        """The points by which the device is known."""
        return [self.find(condition["register"], {}) for condition in
                self.file.get("identify", [])]

    def helpers(self, point):
        names = [*point.get("multiply_by", []), *(point[key] for key in ("exponent", "unit")
                                                  if key in point),
                 *(point[key]["register"] for key in ("valid_if", "sign", "repeat")
                   if "register" in point.get(key, {}))]
        return [self.find(name, point) for name in names]

    def terms(self, point):
        return point.get("terms", [point])

    def type_of(self, term):
        return term.get("type", self.file.get("type"))

    def is_low_first(self, term):
        return term.get("word_order", self.file.get("word_order", "high")) == "low"

    def words(self, term):
        kind = self.type_of(term)
        if "layout" in term:
            return len(term["layout"]) // 4
        return whole(term["length"]) if "length" in term else WORDS[kind]

    def function(self, point):
        return whole(point.get("function", self.file["function"]))

    def spans(self):
        """(function, first, end) of all that can be read, without the base."""
        for point in self.points.values():
            parts = [point, *(h for h in self.helpers(point) if "refresh" not in h)]
            ends = [(whole(term["address"]), whole(term["address"]) + self.words(term))
                    for part in parts for term in self.terms(part) if "address" in term]
            if ends:  # with what stands between it and its helpers: they come in one read
                yield (self.function(point), min(first for first, _ in ends),
                       max(end for _, end in ends))
        for first, last in self.file.get("readable", []):
            yield whole(self.file["function"]), whole(first), whole(last) + 1


class Meaning:
    """Values of a profile's points from registers {(function, address): word}."""

    def __init__(self, profile, registers):
        self.profile, self.registers = profile, registers

    def raw(self, point, term):
        first = whole(term["address"])
        function = self.profile.function(point)
        return [self.registers.get((function, first + i), 0)
                for i in range(self.profile.words(term))]

    def decoder(self, words, is_low_first):
        order = Endian.Little if is_low_first else Endian.Big
        return BinaryPayloadDecoder.fromRegisters(words, byteorder=Endian.Big, wordorder=order)

    def text(self, kind, words, term):
        if kind == "epoch32":
            seconds = self.decoder(words, self.profile.is_low_first(term)).decode_32bit_uint()
            return iso(datetime.datetime.utcfromtimestamp(seconds), "YMDhms") if seconds else None
        data = b"".join(struct.pack(">H", word) for word in words)
        if "layout" in term:
            return clock(kind, data, term["layout"])
        if kind == "wide_string":
            data = data[1::2]
        text = data.split(b"\0")[0].decode("ascii", "replace").rstrip(" ")
        return "".join(c if " " <= c <= "~" else "?" for c in text) or None

    def integer(self, kind, words, term):
        decoder = self.decoder(words, self.profile.is_low_first(term))
        size = 16 * len(words)
        if kind in ("i16", "i32", "i64"):
            return getattr(decoder, f"decode_{size}bit_int")()
        value = getattr(decoder, f"decode_{size}bit_uint")()
        if "mask" in term:
            mask = whole(term["mask"])
            value = (value & mask) // (mask & -mask)
        if kind.startswith("bcd"):
            return int(f"{value:x}") if f"{value:x}".isdigit() else None
        if kind.startswith("sm"):
            top = 1 << (size - 1)
            return -(value - top) if value >= top else value
        return value if value < 1 << 63 else None

    def is_absent(self, kind, words, term, point):
        marks = point.get("absent", self.profile.file.get("sentinels", {}).get(
            kind, "0" if kind == "acc32" else []))
        raw = 0
        for word in reversed(words) if self.profile.is_low_first(term) else words:
            raw = raw << 16 | word
        for mark in [marks] if isinstance(marks, str) else marks:
            value, _, mask = mark.partition("/")
            if raw & (whole(mask) if mask else ~0) == whole(value):
                return True
        return False

    def number(self, point, term):
        """A register as pymodbus decodes it; a text as it is; None: not available."""
        kind, words = self.profile.type_of(term), self.raw(point, term)
        if kind not in ("string", "wide_string") and self.is_absent(kind, words, term, point):
            return None
        if kind in TEXTS:
            return self.text(kind, words, term)
        if kind in ("float32", "float64"):
            decoder = self.decoder(words, self.profile.is_low_first(term))
            value = getattr(decoder, f"decode_{16 * len(words)}bit_float")()
            return shortest(value, kind) if math.isfinite(value) else None
        value = self.integer(kind, words, term)
        return None if value is None else Fraction(value)

    def total(self, point):
        total = Fraction(0)
        for term in self.profile.terms(point):
            factor = fraction(term.get("factor", 1)) * fraction(point.get("scale", 1))
            if "of" in term:
                part, _ = self.value(self.profile.find(term["of"], point))
            else:
                part = self.number(point, term)
            if part is None or isinstance(part, str):
                return part
            total += part * factor
        return total

    def matches(self, condition, point):
        value, _ = self.value(self.profile.find(condition["register"], point))
        if value is None:
            return None
        return (value if isinstance(value, str) else str(value)) in condition["is"]

    def factors(self, point):
        names = point.get("multiply_by", [])
        values = [self.value(self.profile.find(name, point))[0] for name in names]
        if "exponent" in point:
            power, _ = self.value(self.profile.find(point["exponent"], point))
            if power is None or abs(power) > 18:
                return None
            values.append(Fraction(10) ** int(power))
        if any(value is None for value in values):
            return None
        return math.prod(values, start=Fraction(1))

    def unit(self, point):
        if "unit" not in point:
            return "", Fraction(1)
        code, _ = self.value(self.profile.find(point["unit"], point))
        name = point["units"].get(code if isinstance(code, str) else str(code))
        return (UNITS[name][0], Fraction(UNITS[name][1])) if name else (None, None)

    def is_there(self, point):
        if "valid_if" in point and not self.matches(point["valid_if"], point):
            return False
        counter = point.get("repeat", {}).get("register")
        if counter is None:
            return True
        many, _ = self.value(self.profile.find(counter, point))
        return many is not None and many >= point["number"]

    def value(self, point):
        """(value, suffix of the name)"""
        if not self.is_there(point):
            return None, ""
        total = self.total(point)
        if total is None or isinstance(total, str):
            return total, ""
        factor, (suffix, unit) = self.factors(point), self.unit(point)
        if factor is None or unit is None:
            return None, ""
        value = total * factor * unit
        if point.get("transform") == "power_factor_4q" and abs(value) > 1:
            value = (2 if value > 1 else -2) - value
        if point.get("transform") == "absolute":
            value = abs(value)
        for step in point.get("steps", []):
            if value < fraction(step["below"]):
                value = fraction(step["value"])
                break
        if "sign" in point and self.matches(point["sign"], point):
            value = -value
        key = (point["name"], point.get("channel", "0"))
        limits = limits_of(self.profile, point["name"], key in self.profile.published)
        if limits and not limits[0] <= value <= limits[1]:
            return None, suffix
        return value, suffix

    def all(self, channel):
        """{wire name: value} of all published points, None for what is not there."""
        values = {}
        for key in self.profile.published:
            if channel != "0" and key[1] not in ("0", channel):
                continue
            value, suffix = self.value(self.profile.points[key])
            values[key[0] + (suffix if value is not None else "")] = value
        return values


def limits_of(profile, name, is_published):
    """What is plausible; the last that fits holds."""
    found = None
    for pattern, limits in profile.file.get("plausible", {}).items():
        if pattern == name or (pattern.endswith("*") and is_published and
                               name.startswith(pattern[:-1])):
            found = [fraction(limit) for limit in limits]
    return found


def shortest(value, kind):
    if kind == "float64":
        return Fraction(repr(value))
    for digits in range(1, 10):
        if struct.pack(">f", float(f"{value:.{digits}g}")) == struct.pack(">f", value):
            return Fraction(f"{value:.{digits}g}")
    raise ValueError(value)


def iso(time, parts):
    text = time.strftime("%Y-%m-%dT%H:%M:%S")
    assert parts == "YMDhms"
    return text


def clock(kind, data, layout):
    """Only whole times are in use: date and time of day."""
    parts = {}
    for i, byte in enumerate(data):
        if kind == "time_bcd":
            if not f"{byte:x}".isdigit():
                return None
            byte = int(f"{byte:x}")
        parts[layout[2 * i]] = byte
    try:
        return iso(datetime.datetime(2000 + parts["Y"], parts["M"], parts["D"], parts["h"],
                                     parts["m"], parts["s"]), "YMDhms")
    except ValueError:
        return None


# ---- registers to try ----
def frames(profile):
    """Registers as the profile's tests show them; where two differ, the first."""
    registers = {}
    throw(profile, profile.known_by(), random.Random(1), registers)
    for test in profile.file["tests"]:
        for frame in test["frames"]:
            request, response = (bytes.fromhex(frame[k]) for k in ("request", "response"))
            first = int.from_bytes(request[2:4], "big")
            for i in range(3, len(response) - 2, 2):
                at = (request[1], first + i // 2 - 1)
                registers.setdefault(at, int.from_bytes(response[i:i + 2], "big"))
    return registers


def special(profile):
    """What helpers must say so that most points have a value: {name: codes}."""
    codes = {}
    for point in profile.points.values():
        if "unit" in point:
            codes[point["unit"]] = list(point["units"])
        if "exponent" in point:
            codes[point["exponent"]] = ["-2", "0", "1"]
        for condition in (point.get("valid_if"), point.get("sign")):
            if condition:
                codes[condition["register"]] = condition["is"]
        for name in point.get("multiply_by", []):
            codes[name] = ["1", "40", "1000"]
        if "register" in point.get("repeat", {}):
            codes[point["repeat"]["register"]] = ["2"]
    for condition in profile.file.get("identify", []):
        codes[condition["register"]] = condition["is"]
    return codes


def build(kind, is_low_first, value, words):
    """Registers by pymodbus's builder."""
    order = Endian.Little if is_low_first else Endian.Big
    builder = BinaryPayloadBuilder(byteorder=Endian.Big, wordorder=order)
    if kind == "wide_string":
        return [ord(c) for c in value.ljust(words, "\0")]
    if kind == "string":
        builder.add_string(value.ljust(2 * words, " "))
    elif kind.startswith("float"):
        getattr(builder, f"add_{16 * words}bit_float")(value)
    elif isinstance(value, int) and value < 0:
        getattr(builder, f"add_{16 * words}bit_int")(value)
    else:
        getattr(builder, f"add_{16 * words}bit_uint")(value)
    return builder.to_registers()


def dice_value(dice, kind, words):
    if kind in ("string", "wide_string"):
        return "".join(dice.choice("ABC xyz 0129-") for _ in range(words))
    if kind.startswith("float"):
        return round(dice.choice([1, 100, 300, 1e6]) * (dice.random() - 0.1), 3)
    top = 16 * words - (1 if kind.startswith("i") else 0)
    value = dice.choice([dice.randrange(5000), dice.getrandbits(top)])
    if kind.startswith("bcd"):
        return int(str(value % 10 ** (4 * words)), 16)
    return value if not kind.startswith("i") or dice.random() < 0.7 else -value


def thrown_words(profile, point, term, dice, codes):
    kind, words = profile.type_of(term), profile.words(term)
    if "layout" in term:
        data = [dice.randrange(20, 27), dice.randrange(1, 13), dice.randrange(1, 29),
                dice.randrange(24), dice.randrange(60), dice.randrange(60)]
        return [data[2 * i] << 8 | data[2 * i + 1] for i in range(words)]
    value = dice_value(dice, kind, words)
    limits = limits_of(profile, point["name"], True)
    if limits and kind not in TEXTS and not kind.startswith(("bcd", "sm")) and dice.random() < 0.7:
        value = float(limits[0] + (limits[1] - limits[0]) * Fraction(dice.random()))
        value /= float(fraction(point.get("scale", 1)))
        if not kind.startswith("float"):
            top = 1 << 16 * words - (1 if kind.startswith("i") else 0)
            value = max(0 if kind.startswith(("u", "acc")) else 1 - top, min(int(value), top - 1))
    if point["name"] in codes:
        value = dice.choice(codes[point["name"]])
        if kind not in ("string", "wide_string"):
            value = float(value) if kind.startswith("float") else moved_up(whole(value), term)
    return build(kind, profile.is_low_first(term), value, words)


def throw(profile, points, dice, registers):
    codes = special(profile)
    for point in points:
        for term in profile.terms(point):
            if "address" not in term:
                continue
            first, function = whole(term["address"]), profile.function(point)
            keys = [(function, first + i) for i in range(profile.words(term))]
            # One register can be two things, alone and in a longer read: here it is the first.
            if not any(key in registers for key in keys):
                registers.update(zip(keys, thrown_words(profile, point, term, dice, codes)))


def dice_registers(profile, seed):
    """Registers with other contents than any test of the profile."""
    registers = {}
    throw(profile, [*profile.known_by(), *profile.points.values()],
          random.Random(seed + profile.id), registers)
    return registers


def moved_up(value, term):
    if "mask" not in term:
        return value
    mask = whole(term["mask"])
    return value * (mask & -mask)


def differences(mine, theirs):
    """Of two maps of values; numbers of floats may differ in the last digit that counts."""
    wrong = []
    for name in sorted(set(mine) | set(theirs)):
        one, other = mine.get(name, "missing"), theirs.get(name, "missing")
        if isinstance(one, Fraction) and isinstance(other, Fraction):
            if abs(one - other) > abs(other) * Fraction(1, 10 ** 15):
                wrong.append((name, float(one), float(other)))
        elif one != other:
            wrong.append((name, one, other))
    return wrong
