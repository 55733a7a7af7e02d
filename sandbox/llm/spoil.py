"""What faults make of an analysis, of its text and of the completion around it. Pure; it never answers."""

from __future__ import annotations

from typing import Any

__all__ = ["spoil_answer", "spoil_completion", "spoil_text"]


def spoil_answer(result: dict[str, Any], fault: str) -> dict[str, Any]:
    """Faults in the analysis itself."""
    if fault == "unknown_names":
        return {**result, "subnets": [{"name": "no_such_subnet", "functions": [0], "bittensor_terms": ["bittensor"]}]}
    if fault == "bad_category":
        return {**result, "sentiment": "extremely_bullish"}
    if fault == "bad_indexes":
        return {**result, "subnets": [{**entry, "functions": [99, -1]} for entry in result["subnets"]]}
    if fault == "wrong_shape":
        return {"analysis": result["sentiment"], "relevance": len(result["subnets"])}
    return result


def spoil_text(text: str, fault: str) -> str:
    """Faults in how the analysis is written down."""
    if fault == "fenced":
        return f"```json\n{text}\n```"
    if fault == "prose":
        return f"Sure, here is the analysis you asked for:\n\n{text}\n\nLet me know if you need anything else."
    if fault == "garbled":
        return "The post seems rather bullish about several subnets."
    return text


def spoil_completion(completion: dict[str, Any], fault: str) -> dict[str, Any]:
    """Faults in the completion around the text."""
    if fault == "empty_choices":
        return {**completion, "choices": []}
    if fault == "null_usage":
        return {**completion, "usage": None}
    (choice,) = completion["choices"]
    text = choice["message"]["content"]
    spoiled: dict[str, tuple[dict[str, str | None], str]] = {
        "null_content": ({"content": None}, "stop"),
        "refusal": ({"content": None, "refusal": "I cannot help with that."}, "stop"),
        "truncated": ({"content": text[: len(text) // 2]}, "length"),
    }
    if fault not in spoiled:
        return completion
    message, reason = spoiled[fault]
    return {**completion, "choices": [{**choice, "message": {**choice["message"], **message}, "finish_reason": reason}]}
