# SPDX-License-Identifier: Apache-2.0
"""Kinds of fields of a JSON body and of a query, and from each the values that must be refused and those that must be taken.
A kind is an object with `bad`: (what, value, where) with `where` the JSON pointer below the field, and `edges`: values that are just
right. Bodies are written by dump(), which also knows Raw text and Pairs with a name twice."""
import json


class Raw:
    """JSON text as it is."""

    def __init__(self, text):
        self.text = text if isinstance(text, bytes) else text.encode()


class Pairs:
    """An object whose names may stand twice."""

    def __init__(self, *pairs):
        self.pairs = pairs


def dump(value):
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        value = Pairs(*value.items())
    if isinstance(value, Pairs):
        return b"{" + b", ".join(json.dumps(name).encode() + b": " + dump(item) for name, item in value.pairs) + b"}"
    if isinstance(value, list):
        return b"[" + b", ".join(map(dump, value)) + b"]"
    return json.dumps(value).encode()


def pointer(name):
    return "/" + name.replace("~", "~0").replace("/", "~1")


# What must never be more than text, wherever it stands.
TRICKS = (
    "' OR '1'='1", "'; DROP TABLE sessions; --", '" OR ""="', "1 UNION SELECT secret FROM containers", "%27%20OR%201=1", "\\' OR 1=1 -- ",
    "../../../etc/passwd", "..", ".", "/etc/passwd", "..\\..\\x", "%2e%2e%2f", "a/b", "~/x", "$(reboot)", "`id`", "${PATH}", "; id", "| id",
    "<script>alert(1)</script>", "{{7*7}}", "%s%s%n", "a\nX-Injected: yes", "\ufeff", "\u202e", "\U0001f600", "a b",
)
HUGE = ("9" * 30, "-" + "9" * 30, "9" * 5000, "1e300", "1e99999", "-1e99999", "0.1e-99999")
OTHERS = {"a number": 7, "true": True, "a string": "x", "an array": [], "an object": {}, "an array of null": [None]}


def wrong_types(*fine):
    return [(f"is {what}", value, "") for what, value in OTHERS.items() if what not in fine]


class Kind:
    required = False

    def __init__(self, good, bad, edges, required=False):
        self.good, self.required = good, required
        self.bad = bad + ([("is null", None, "")] if required else [])
        self.edges = edges + ([] if required else [None])


def text(good, low=1, high=None, refused=(), edges=(), free=False, required=False):
    """A string of low to high bytes; `free`: any text is fine. Else the tricks, and what else is `refused`, are."""
    bad = wrong_types("a string") + [
        ("holds NUL", Raw(r'"a\u0000b"'), ""),
        ("is bad UTF-8", Raw(b'"a\xff"'), None), ("is cut UTF-8", Raw(b'"\xc3"'), None), ("is overlong UTF-8", Raw(b'"\xc0\xaf"'), None),
        ("is a surrogate in UTF-8", Raw(b'"\xed\xa0\x80"'), None), ("holds a raw newline", Raw(b'"a\nb"'), None)]
    bad += [(f"is {value[:30]!r}", value, "") for value in (*refused, *(() if free else TRICKS))]
    if low:
        bad.append(("is empty", "", ""))
    edges = [good, *edges, *(TRICKS if free else ())]
    if high:
        bad += [("is too long", "a" * (high + 1), ""), ("is far too long", "a" * (high * 3 + 99), "")]
        edges.append("a" * high)
        if free:
            bad.append(("is too long in bytes", "\u00e4" * (high // 2 + 1), ""))
            edges.append("\u00e4" * (high // 2))
    return Kind(good, bad, edges, required)


def callback_url():
    """Of http or https, to a public address or (as the stack of tests allows) this host; a name is not looked up when it is taken."""
    long = "https://a.example/" + "a" * 2030
    refused = ("http://", "https://", "http:/a.example", "http:///a.example", "//a.example", "a.example", "ftp://a.example/", "file:///etc/passwd",
               "gopher://a.example", "javascript:alert(1)", "http://user@a.example/", "http://user:x@a.example/", "http://a.example/#x", "http://a.example\\b",
               "http://a b/", "http://a.example/\u00e4", "http://\u00e4.example/", "http://a.example:0/", "http://a.example:22/", "http://a.example:65536/",
               "http://a.example:x/", "http://10.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/",
               "http://[fe80::1%25lo]/", "http://[fd00::1]/", "http://[::ffff:10.0.0.1]/", "http://[::ffff:a9fe:a9fe]/", "http://0.0.0.0/", "http://167772161/",
               "http://0xa000001/", "http://012.0.0.1/", "http://10.1/", "http://100.64.0.1/", "http://255.255.255.255/", "http://[64:ff9b::a00:1]/",
               "http://[::]/", "http://[2002:a00:1::]/", "http://224.0.0.1/")
    kind = text("https://hooks.example/sandbox?team=blue", 1, 2048, refused=refused,
                edges=("http://a.example", "https://a.example:8443/", "HTTPS://A.EXAMPLE/", "http://127.0.0.1:9009/", "http://[::1]:9999/x", "https://8.8.8.8/", long))
    kind.edges.remove("a" * 2048)
    return kind


def integer(good, low, high, required=False):
    bad = wrong_types("a number") + [
        ("is a number as text", str(good), ""), ("has a fraction", good + 0.5, ""), ("is below", low - 1, ""), ("is above", high + 1, ""),
        ("is negative", -good - 1, ""), ("is minus 2^63", -2**63, ""), ("is 2^63", 2**63, ""), ("is 2^32", 2**32 + good, "")]
    bad += [(f"is {number[:12]}", Raw(number), "") for number in HUGE]
    bad += [(f"is {number}, no JSON", Raw(number), None) for number in ("NaN", "Infinity", "-Infinity", "0x40", "060", "1.", "+60", "'60'")]
    return Kind(good, bad, [good, low, high], required)


def signed(good, low, high, required=False):
    kind = integer(good, low, high, required)
    kind.bad = [case for case in kind.bad if case[0] != "is negative"]
    return kind


def number(good, high):
    """From 0, with or without a fraction."""
    bad = wrong_types("a number") + [(f"is {text}", Raw(text), "") for text in ("-1", "-0.001", "1e300", "-1e99999", "9" * 30)]
    return Kind(good, bad + [("is no JSON", Raw("1."), None)], [0, good, high, None])


def output():
    """What a program wrote: any text of any length."""
    return Kind("x", wrong_types("a string") + [("is bad UTF-8", Raw(b'"\xff"'), None)], ["", Raw(r'"a\u0000"'), "\u00e4" * 50000, *TRICKS, None])


def path(high):
    """A relative one that does not climb."""
    kind = text("out/a.csv", 1, high, free=True, refused=("/a", "a/", "a//b", "../a", "a/../b", "a/..", "./a", "a/./b"), edges=("a/.b", "...", "a b"))
    climbing = [value for value in kind.edges if isinstance(value, str) and any(part in ("", ".", "..") for part in value.split("/"))]
    kind.edges = [value for value in kind.edges if value not in climbing]
    kind.bad += [(f"is {value!r}", value, "") for value in climbing]
    return kind


def boolean(good=True):
    return Kind(good, wrong_types("true") + [("is 0", 0, ""), ("is text", "true", ""), ("is True", Raw("True"), None)], [True, False])


def choice(good, *words, required=False):
    refused = (good.upper(), good + " ", " " + good, good + "\0x"[1:], good[:-1], good * 2)
    kind = text(good, refused=[word for word in refused if word not in words], required=required)
    kind.edges = list(words) + ([] if required else [None])
    return kind


def size(low, high, below, above):
    return text(low, refused=[below, above, "512", "-512Mi", "512 Mi", "512mi", "512MB", "0x200Mi", "1e3Mi", "Mi", "NaNMi", "9" * 40 + "Mi",
                              "1.Gi", ".5Gi", "512Mi512Mi"], edges=[low, high])


def cpu():
    bad = [(f"is {value!r}", value, "") for value in
           ("0.499", "4.001", "499m", "4001m", "0", "-1", "5", "nan", "inf", "1e0", "0x1", "1 ", " 1", "1.", ".5", "1,5", "m", "", "9" * 40,
            0, -1, 0.49, 4.1, 1e9, True, [], {}, *TRICKS)]
    bad += [(f"is {number[:12]}", Raw(number), "") for number in HUGE]
    return Kind("1", bad, ["0.5", "4", "500m", "4000m", 0.5, 1, 4, None])


def mapping(names_bad, names_good):
    """A map of strings: at most 64 names, 10240 bytes in all."""
    bad = wrong_types("an object") + [(f"a name is {name[:30]!r}", {name: "x"}, "") for name in names_bad]
    bad += [(f"a value {what}", {"A": value}, "/A") for what, value, _ in wrong_types("a string") + [("is null", None, "")]]
    bad += [("a value holds NUL", {"A": "x\0y"}, "/A"), ("a value is bad UTF-8", {"A": Raw(b'"\xff"')}, None),
            ("has 65 names", {f"A{n}": "" for n in range(65)}, ""), ("has 10241 bytes", {"A": "x" * 10240}, ""),
            ("has 10241 bytes in many", {f"A{n:03}": "x" * 250 for n in range(40)} | {"B": "x" * 80}, ""),
            ("a name is there twice", Pairs(("A", "1"), ("B", "2"), ("A", "1")), "/A"),
            ("a name is there twice, once escaped", Raw(rb'{"A": "1", "\u0041": "2"}'), "/A"),
            ("a name holds NUL", Raw(r'{"A\u0000B": "1"}'), None)]
    edges = [{}, {f"A{n}": "" for n in range(64)}, {"A": "x" * 10239}, {"A": "\u00e4" * 5119}, *({name: ""} for name in names_good)]
    return Kind({"A": "1"}, bad, edges + [{"A": trick} for trick in TRICKS])


def env_vars():
    return mapping(["", "1A", "A=B", "A-B", "A B", "\u00c4", "A" * 256, *TRICKS[:16]], ["_", "a1", "A" * 255, "LD_PRELOAD"])


def labels():
    return mapping(["", "A=B", "A B", "\u00c4", "A" * 64, *TRICKS[:6]], ["a/b", "..", "-", "A" * 63])


def array(item, most, least=0, doubles=True):
    """An array of `least` to `most` of a kind of text."""
    bad = wrong_types("an array", "an array of null") + [("is an array of null", [None], None)]
    bad += [(f"an item {what}", [item.good, value], None) for what, value, _ in item.bad]
    if most:
        bad.append(("has too many", [item.good] * (most + 1), ""))
    if least:
        bad.append(("is empty", [], ""))
    if not doubles:
        bad.append(("an item is there twice", [item.good, item.good], None))
    edges = [[value] for value in item.edges if value is not None] + ([[]] if not least else []) + ([[item.good] * most] if most and doubles else [])
    return Kind([item.good], bad, edges)


def anything(most):
    """Any JSON value, of at most so many bytes as text."""
    bad = [("is too large", "x" * (most - 1), ""), ("is nested too deeply", Raw("[" * 64 + "]" * 64), None),
           ("is bad UTF-8", Raw(b'"\xff"'), None), ("is NaN", Raw("NaN"), None)]
    edges = [7, True, "x", [], {}, [None], "x" * (most - 2), Raw("[" * 63 + "]" * 63), Raw('{"a": 1, "a": 2}'), Raw(r'{"\u0000": "\u0000"}'),
             *(Raw(number) for number in HUGE), *TRICKS]
    return Kind({"x": 1}, bad, edges)


class Object(Kind):
    """An object of known members."""

    def __init__(self, members, required=False):
        self.members = members
        good = {name: kind.good for name, kind in members.items() if kind.required}
        bad = wrong_types("an object")
        for name, kind in members.items():
            bad += [(f"{name} {what}", {**good, name: value}, None if where is None else pointer(name) + where)
                    for what, value, where in kind.bad]
            bad.append((f"{name} is there twice", Pairs(*{**good, name: kind.good}.items(), (name, kind.good)), pointer(name)))
            if kind.required:
                bad.append((f"{name} is missing", {other: value for other, value in good.items() if other != name}, pointer(name)))
        for name in ("colour", "", "a/b~c", "\u00e4", "' OR 1=1", *(name.upper() for name in members)):
            bad.append((f"unknown member {name!r}", {**good, name: 1}, pointer(name)))
        edges = [{**good, name: value} for name, kind in members.items() for value in kind.edges] + [good]
        super().__init__(good, bad, edges, required)


# What no body may be: (what, bytes).
NO_BODIES = (
    ("nothing", b""), ("white space", b" \r\n"), ("an open brace", b"{"), ("a closing brace", b"}"), ("two values", b"{} {}"),
    ("text after it", b"{}x"), ("NUL after it", b"{}\0"), ("NUL", b"\0"), ("binary", bytes(range(256))), ("a comment", b"{/* x */}"),
    ("a comma too many", b'{"a": 1,}'), ("no colon", b'{"a" 1}'), ("a name without quotes", b"{a: 1}"), ("single quotes", b"{'a': 1}"),
    ("null", b"null"), ("an array", b"[]"), ("a string", b'"x"'), ("a number", b"7"), ("NaN", b"NaN"), ("a byte order mark", b"\xef\xbb\xbf{}"),
    ("UTF-16", "{}".encode("utf-16")), ("XML", b"<x/>"), ("a form", b"a=1&b=2"), ("deep arrays", b'{"a":' + b"[" * 100000),
    ("deep objects", b'{"a":' * 20000), ("deep, closed", b'{"a":' + b"[" * 64 + b"]" * 64 + b"}"), ("a name that is bad UTF-8", b'{"\xff": 1}'),
    ("a name with NUL", b'{"a\\u0000": 1}'), ("a bad escape", b'{"a": "\\x41"}'), ("a cut escape", b'{"a": "\\u00"}'),
)


class Query:
    """A parameter: text values that are refused, and that are fine."""

    def __init__(self, bad, edges):
        self.bad, self.edges = bad, edges


def q_integer(low, high):
    return Query(["", "x", str(low - 1), str(high + 1), "-1", "+5", "1.5", "1e1", "0x5", " 5", "5 ", "9" * 40, "-" + "9" * 40, "5\u0660", *TRICKS],
                 [str(low), str(high), "0" * 5 + str(high)])


def q_choice(*words):
    return Query(["", words[0].upper(), words[0] + " ", words[0] + "," + words[-1], "*", *TRICKS], list(words))


def q_text(edges=(), bad=()):
    """Compared with what is stored: any text may be asked for."""
    return Query(list(bad), [*edges, *(trick for trick in TRICKS if "\n" not in trick)])
