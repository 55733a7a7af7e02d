"""The catalogue of faults: what each route can do wrong, in a line each. It never decides when."""

from __future__ import annotations

__all__ = ["FAULTS", "SERVICES"]

SERVICES = ("x", "llm", "api")

_TRANSPORT = {
    "hang": "no answer for `seconds` (3600), then the connection is closed; nothing is done",
    "slow": "waits `seconds` (1), then acts and answers properly",
    "drop": "closes the connection without an answer; nothing is done",
    "drip": "acts, then sends the body in pieces of `bytes` (1), `seconds` (0.05) apart",
    "flood_chunks": "acts, then sends `bytes` (2,000,000) blanks and the body, each byte as a chunk of its own",
    "flood_1xx": "sends 100 Continue without a pause for `seconds` (3600), then closes; nothing is done",
    "cut": "acts, then closes the connection in the middle of the body",
    "lost_answer": "acts, then closes the connection without answering",
    "html": "200 with an HTML page; nothing is done",
    "html_503": "503 with an HTML page, as a proxy sends it",
    "blank": "200 with an empty body; nothing is done",
    "not_json": "200 with a body that is cut JSON; nothing is done",
    "500": "500 with the service's error body",
    "503": "503 with the service's error body, and Retry-After when `retry_after` is given",
}

_X = {
    "400": "400 invalid-request",
    "401": "401 as for a wrong token",
    "402": "402 credits: none left",
    "403": "403 client-forbidden",
    "429": "429 rate-limit-exceeded, no requests remaining",
    "429_usage_capped": "429 usage-capped with requests remaining",
    "429_code_88": "429 with the old error list, code 88",
    "partial": "200 with data, an author missing and `errors` saying so",
    "missing_author": "200 with every other author missing from `includes`, without a word",
    "list_body": "200 with a JSON list",
    "empty": "200 with no posts",
    "odd_date": "200 with the newest post dated `at` (9999-12-31T23:59:59.000Z)",
    "ignores_time": "200 with the oldest posts of all, whatever time was asked for",
    "edited": "200 with every post edited: from now on under a new id, with its history",
}

_USAGE = {
    "401": "401 as for a wrong token",
    "402": "402 credits: none left",
    "403": "403 client-forbidden",
    "404": "404 resource-not-found",
    "429": "429 rate-limit-exceeded, no requests remaining",
    "429_usage_capped": "429 usage-capped with requests remaining",
    "capped": "200 with as many posts used as the project may read",
    "no_numbers": "200 with `data: {}`",
}

_LLM = {
    "400": "400 invalid request",
    "401": "401 as for a wrong key",
    "402": "402 quota exhausted",
    "403": "403 forbidden",
    "404": "404 model not found",
    "429": "429 with Retry-After of `retry_after` (1) seconds",
    "429_long": "429 with Retry-After of 600 seconds",
    "empty_choices": "200 with `choices: []`",
    "null_usage": "200 with `usage: null`",
    "null_content": "200 with `content: null`",
    "refusal": "200 with a refusal in place of content",
    "fenced": "the JSON in a code fence, whatever format was asked for",
    "prose": "the JSON with prose around it, whatever format was asked for",
    "truncated": "half of the answer, finish_reason length",
    "unknown_names": "names that were not among the candidates",
    "bad_category": "a sentiment outside the five categories",
    "bad_indexes": "function indexes out of range",
    "wrong_shape": "valid JSON with other keys",
    "garbled": "content that is no JSON",
    "thinking": "the model thinks first, and drafts the opposite of its answer",
    "long_thinking": "the same with thoughts of 1,500 tokens, which max_tokens may cut off",
    "refused_format": "400 for any response_format but text",
    "refused_parameter": "400 for a seed",
    "context": "400 for a question of more than 2,048 tokens",
    "error_in_200": "200 with the error of a 429 in it",
}

_MODELS = {
    "401": "401 as for a wrong key",
    "402": "402 quota exhausted",
    "403": "403 forbidden",
    "404": "404 as from a server that keeps no list",
    "429": "429 with Retry-After of `retry_after` (1) seconds",
    "bare_list": "200 with the models as a JSON list",
    "other_models": "200 without the model of the configuration",
    "wrong_shape": "200 with valid JSON of another kind",
}

_LIES = {
    "time_block": "unix time in place of every block number",
    "far_block": "block numbers 9,000 too high",
    "window_ahead": "block numbers a window too high",
    "short_windows": "blocks_per_window 1",
    "large_quota": "max_submissions 100",
}

_STATUS = {
    **{name: f"200 with {what}" for name, what in _LIES.items()},
    "401": "401 {detail}",
    "403": "403 {detail}",
    "429": "429 with rate_limit and headers",
    "no_block": "200 without block numbers",
    "bad_block": "200 with block numbers as words",
    "mismatch": "200 with blocks_per_window twice as large",
    "stall": "200 with the block of the answer before",
    "rollback": "200 with a block one window back",
    "undated": "answered as usual, without a Date header",
}

_SUBMIT = {
    **{name: f"accepted as usual, answered with {what}" for name, what in _LIES.items()},
    "401": "401 {detail}, which `detail` can say",
    "403": "403 {detail}, likewise",
    "409": "409 {detail: {message}} and block numbers; the post belongs to another hotkey from now on",
    "409_text": "409 {detail: text}; likewise",
    "422": "422 {detail: [{field, message}]}",
    "422_nested": "422 {detail: {detail: [...]}}",
    "422_message": "422 {detail: {message}}",
    "422_text": "422 {detail: text}",
    "429": "429 with rate_limit and headers",
    "429_text": "429 {detail: text} with headers",
    "429_body": "429 with rate_limit, without headers",
    "429_headers": "429 with headers, without a body",
    "429_bare": "429 without body or headers",
    "weird_status": "200 with a `status` nobody documented; nothing is done",
    "other_post": "200 with success of another post; nothing is done",
    "other_hotkey": "200 with success of another hotkey; nothing is done",
    "plain_ok": "accepted as usual, answered with status ok",
    "no_block": "accepted as usual, answered without block numbers",
    "bad_block": "accepted as usual, answered with block numbers as words",
    "mismatch": "accepted as usual, answered with blocks_per_window twice as large",
    "created": "accepted as usual, answered with 201",
    "selected": "accepted and selected for validation whatever the probability",
    "x_failed": "accepted and selected, but the check against X fails",
}

FAULTS: dict[str, dict[str, str]] = {
    "x.search": {**_TRANSPORT, **_X},
    "x.usage": {**_TRANSPORT, **_USAGE},
    "llm.chat": {**_TRANSPORT, **_LLM},
    "llm.models": {**_TRANSPORT, **_MODELS},
    "api.status": {**_TRANSPORT, **_STATUS},
    "api.submit": {**_TRANSPORT, **_SUBMIT},
}
