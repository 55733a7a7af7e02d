"""response_format: what was asked for, and whether the model supports it. It never answers."""

from __future__ import annotations

from typing import Any

__all__ = ["FormatError", "check_format"]


class FormatError(ValueError):
    """A response_format that the server refuses; `param` says where."""

    def __init__(self, message: str, param: str = "response_format") -> None:
        super().__init__(message)
        self.param = param


def check_format(body: dict[str, Any], supported: frozenset[str]) -> str:
    """The name of the format: "json_schema", "json_object" or "text".

    Raises:
        FormatError: It is malformed or not supported.
    """
    wanted = body.get("response_format")
    if wanted is None:
        return "text"
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in {"json_schema", "json_object", "text"}:
        raise FormatError(f"Invalid value: {kind!r}. Supported values are: 'json_object', 'json_schema', and 'text'.")
    if kind not in supported and kind != "text":
        raise FormatError(
            f"'response_format' of type '{kind}' is not supported with this model.", "response_format.type"
        )
    if kind == "json_object" and "json" not in str(body.get("messages")).lower():
        raise FormatError("'messages' must contain the word 'json' to use 'response_format' of type 'json_object'.")
    if kind == "json_schema":
        _check_schema(wanted.get("json_schema"))
    return str(kind)


def _check_schema(wanted: object) -> None:
    where = "response_format.json_schema"
    if not isinstance(wanted, dict) or not isinstance(wanted.get("name"), str):
        raise FormatError("Missing required parameter: 'response_format.json_schema.name'.", f"{where}.name")
    schema = wanted.get("schema")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise FormatError(
            f"Invalid schema for response_format {wanted['name']!r}: schema must be of type object.", where
        )
    if wanted.get("strict"):
        _check_strict(schema, str(wanted["name"]), where)


def _check_strict(schema: object, name: str, where: str) -> None:
    """Every object lists all its properties as required and allows no others."""
    if isinstance(schema, list):
        for part in schema:
            _check_strict(part, name, where)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            message = "'additionalProperties' is required to be supplied and to be false."
            raise FormatError(f"Invalid schema for response_format {name!r}: {message}", where)
        if set(schema.get("required", [])) != set(schema.get("properties", {})):
            message = "'required' is required to be supplied and to include every key in properties."
            raise FormatError(f"Invalid schema for response_format {name!r}: {message}", where)
    for part in schema.values():
        _check_strict(part, name, where)
