# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.json as the tests read it: operations, and what a schema says a value may be."""
import json
import re

from stack import TOP

PATH = TOP / "docs" / "openapi.json"
METHODS = ("get", "put", "post", "delete", "patch")


class Document:
    def __init__(self, path=PATH):
        self.whole = json.loads(path.read_text())

    def plain(self, node):
        """The node that a $ref stands for."""
        while "$ref" in node:
            name = node["$ref"]
            node = self.whole
            for part in name.removeprefix("#/").split("/"):
                node = node[part]
        return node

    def operations(self):
        for path, item in self.whole["paths"].items():
            for method in METHODS:
                if method in item:
                    yield Operation(self, path, item, method)


class Operation:
    """`paths`: as routed, one for each server."""

    def __init__(self, document, path, item, method):
        self.document, self.method, self.path = document, method.upper(), path
        self.node = item[method]
        servers = self.node.get("servers") or item.get("servers") or document.whole["servers"]
        self.paths = [server["url"].rstrip("/") + path for server in servers]
        parameters = [document.plain(p) for p in (*item.get("parameters", ()), *self.node.get("parameters", ()))]
        self.query = {p["name"]: document.plain(p["schema"]) for p in parameters if p["in"] == "query"}
        security = self.node.get("security", document.whole["security"])
        self.access, scopes = next(iter(security[0].items())) if security else ("open", [])
        self.scope = scopes[0] if scopes else None

    def __str__(self):
        return f"{self.method} {self.path}"

    @property
    def body(self):
        """The body's media type: schema, example(s); None: takes no JSON."""
        found = self.document.plain(self.node["requestBody"])["content"].get("application/json") if "requestBody" in self.node else None
        return found

    def example(self):
        """A good body, as an object of its own."""
        body = self.body
        if "examples" in body:
            return json.loads(json.dumps(next(iter(body["examples"].values()))["value"]))
        return json.loads(json.dumps(body["example"]))

    def responses(self):
        for status, node in self.node["responses"].items():
            yield int(status), self.document.plain(node)


def types_of(schema):
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)


WRONG = {"string": "x", "integer": 7, "boolean": True, "object": {}, "array": []}


def strangers(types):
    """A value of each type that is none of these."""
    known = set(types) | ({"integer"} if "number" in types else set())
    return [value for name, value in WRONG.items() if name not in known]


def misfit(pattern):
    """A text that the pattern does not match, or None."""
    return next((text for text in ("a b", "\u00e4", "$", "") if not re.search(pattern, text)), None)


QUANTITY = {"Ki": 1 / 1024, "Mi": 1, "Gi": 1024}


def range_of(schema):
    """The sizes that a description such as "256Mi to 8Gi." names: two at the limits, two just beyond."""
    found = re.match(r"([0-9]+)(Ki|Mi|Gi) to ([0-9]+)(Ki|Mi|Gi)\.", schema.get("description", ""))
    if not found:
        return [], []
    low, high = int(found[1]) * QUANTITY[found[2]], int(found[3]) * QUANTITY[found[4]]
    return [found[1] + found[2], found[3] + found[4]], [f"{low - 1}Mi", f"{high + 1}Mi"]


def edges(document, schema):
    """Values that the schema allows only just, and values that it does not allow only just: two lists. Not of its members."""
    schema = document.plain(schema)
    good, bad = range_of(schema)
    types = types_of(schema)
    if types:
        bad += strangers(types)
        if "null" in types:
            good.append(None)
    if "enum" in schema:
        good += schema["enum"]
        bad += ["x", schema["enum"][0] + "x"]
    if "const" in schema:
        good.append(schema["const"])
        bad.append("x")
    step = 0.001 if "number" in types else 1
    if "minimum" in schema:
        good.append(schema["minimum"])
        bad.append(schema["minimum"] - step)
    if "maximum" in schema:
        good.append(schema["maximum"])
        bad.append(schema["maximum"] + step)
    if "integer" in types:
        bad.append(schema.get("minimum", 0) + 0.5)
    if "minLength" in schema:
        good.append("a" * schema["minLength"])
        bad.append("a" * (schema["minLength"] - 1))
    if "maxLength" in schema:
        good.append("a" * schema["maxLength"])
        bad.append("a" * (schema["maxLength"] + 1))
    if "pattern" in schema:
        good = [value for value in good if not isinstance(value, str) or re.search(schema["pattern"], value)]
    if "pattern" in schema and misfit(schema["pattern"]) is not None:
        bad.append(misfit(schema["pattern"]))
    return good, bad


def array_edges(document, schema):
    item_schema = document.plain(schema["items"])
    item = item_schema["enum"][0] if "enum" in item_schema else "a"
    good, bad = [], []
    if schema.get("uniqueItems"):
        bad.append([item, item])
    if "minItems" in schema:
        good.append([item] * schema["minItems"])
        bad.append([item] * (schema["minItems"] - 1))
    if "maxItems" in schema:
        many = [item + str(i) * bool(schema.get("uniqueItems")) for i in range(schema["maxItems"] + 1)]
        good.append(many[:-1])
        bad.append(many)
    item_good, item_bad = edges(document, item_schema)
    return good + [[value] for value in item_good], bad + [[value] for value in item_bad]


def map_edges(document, schema):
    value = document.plain(schema["additionalProperties"])
    most = schema["maxProperties"]
    good = [{f"A{n}": "" for n in range(most)}]
    bad = [{f"A{n}": "" for n in range(most + 1)}, {misfit(schema["propertyNames"]["pattern"]): ""}]
    value_good, value_bad = edges(document, value)
    return good + [{"A": item} for item in value_good], bad + [{"A": item} for item in value_bad]


def body_edges(document, schema, pointer=""):
    """(pointer, value, whether it is allowed) for each member of an object, members' members included."""
    schema = document.plain(schema)
    yield pointer + "/colour", 1, False
    for name, member in schema.get("properties", {}).items():
        member, at = document.plain(member), f"{pointer}/{name}"
        good, bad = edges(document, member)
        if "items" in member:
            more = array_edges(document, member)
        elif "propertyNames" in member:
            more = map_edges(document, member)
        else:
            more = [], []
        yield from ((at, value, True) for value in good + more[0])
        yield from ((at, value, False) for value in bad + more[1])
        if name in schema.get("required", ()):
            yield at, None, False
        if "properties" in member:
            yield from body_edges(document, member, at)


def put(body, pointer, value):
    """Sets what the pointer names, through objects that may be missing."""
    *way, last = pointer.removeprefix("/").split("/")
    for name in way:
        body = body.setdefault(name, {})
    body[last] = value


def surprises(document, schema, value, where=""):
    """What an answer holds that its schema does not name, and what it lacks. For objects and arrays; of alternatives, the best one."""
    schema = document.plain(schema)
    if "anyOf" in schema:
        return min((list(surprises(document, one, value, where)) for one in schema["anyOf"]), key=len)
    found = []
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        found += [f"{where}/{name} is not in the document" for name in value if name not in known]
        found += [f"{where}/{name} is missing" for name in schema.get("required", ()) if name not in value]
        for name in value:
            if name in known:
                found += surprises(document, known[name], value[name], f"{where}/{name}")
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            found += surprises(document, schema["items"], item, f"{where}/{index}")
    elif value is None and "properties" not in schema and types_of(schema) and "null" not in types_of(schema):
        found.append(f"{where} is null")
    return found
