#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check-openapi.py DOCUMENT: valid OpenAPI 3.1, every example valid by its schema, every component used. Needs openapi-spec-validator."""
import json
import re
import sys

import jsonschema
import openapi_spec_validator


def resolve(document, node):
    while isinstance(node, dict) and "$ref" in node:
        at = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            at = at[part]
        node = at
    return node


def examples_of(document, node, where=""):
    """(where, schema, example) of everything that has both."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from examples_of(document, item, f"{where}/{index}")
    elif isinstance(node, dict):
        schema = node.get("schema")
        if isinstance(schema, dict):
            if "example" in node:
                yield where, schema, node["example"]
            for name, example in node.get("examples", {}).items():
                yield f"{where} ({name})", schema, resolve(document, example)["value"]
        elif "/schemas/" in where and isinstance(node.get("examples"), list):
            for example in node["examples"]:
                yield where, node, example
        for name, item in node.items():
            if name not in ("example", "examples"):
                yield from examples_of(document, item, f"{where}/{name}")


def check_examples(document):
    for where, schema, example in examples_of(document, document):
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "components": document["components"]}
        errors = jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).iter_errors(example)
        yield from (f"{where}: {error.message}" for error in errors)


def check_components(document, text):
    used = set(re.findall(r'"\$ref": "#/components/([^"]+)"', text))
    there = {f"{kind}/{name}" for kind, items in document["components"].items() if kind != "securitySchemes" for name in items}
    yield from (f"component {name} is not used" for name in sorted(there - used))
    names = [node["operationId"] for item in document["paths"].values() for node in item.values() if isinstance(node, dict)]
    yield from (f"operationId {name} is there twice" for name in sorted({name for name in names if names.count(name) > 1}))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    document = json.loads(text)
    openapi_spec_validator.validate(document)
    faults = [*check_examples(document), *check_components(document, text)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
