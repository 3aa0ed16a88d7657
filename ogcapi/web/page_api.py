"""The operations of an OpenAPI document, as the API's page lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["operations_by_tag"]


def operations_by_tag(openapi: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Operations grouped by their first tag: {method, path, summary, description, parameters, types}.

    References are followed to this document's own components.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, item in openapi["paths"].items():
        shared = item.get("parameters", [])
        for method, operation in item.items():
            if method not in {"get", "post", "put", "patch", "delete"}:
                continue
            tag = next(iter(operation.get("tags", ())), "Operations")
            answers = (_resolved(openapi, answer) for answer in operation.get("responses", {}).values())
            types = dict.fromkeys(type for answer in answers for type in answer.get("content", ()))
            groups.setdefault(tag, []).append(
                {
                    "method": method.upper(),
                    "path": path,
                    "summary": operation.get("summary", ""),
                    "description": operation.get("description", ""),
                    "parameters": [_parameter(openapi, p) for p in [*shared, *operation.get("parameters", ())]],
                    "types": list(types),
                }
            )
    return list(groups.items())


def _parameter(openapi: Mapping[str, Any], parameter: Mapping[str, Any]) -> dict[str, str]:
    known = _resolved(openapi, parameter)
    return {"name": known["name"], "place": known["in"], "description": known.get("description", "")}


def _resolved(openapi: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in value:
        return value
    found: Any = openapi
    for name in value["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return _resolved(openapi, found)
