"""What real servers say of each kind of refusal, in every shape of a body: its kind, what is dropped, its words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from actor.analyzer.port import FORMAT_TYPE, LLMError, LLMErrorKind
from actor.edges.llm_wire import read_completion, refusal
from actor.edges.reply import Reply

SENT: Final = ("max_tokens", "temperature", "seed", "system")

# In no shape but as one text, each under a status that says nothing.
SAID: Final[Mapping[LLMErrorKind, tuple[str, ...]]] = {
    "auth": (
        "API key expired. Please renew the API key.",
        "API key not valid. Please pass a valid API key.",
        "API_KEY_INVALID",
        "Invalid bearer token",
        "Incorrect API key provided: sk-x",
        "invalid x-api-key",
        "InvalidApiKey: the key is wrong",
        "Invalid access token or token expired.",
        "Your API key has been revoked",
        "No auth credentials found",
        "login fail: Please carry the API secret key in the 'Authorization' field of the request header",
        "Authentication Fails, Your api key: ****x is invalid",
        "token seems invalid",
        "This organization has been disabled.",
        "无效的令牌",
    ),
    "quota": (
        "balance not enough",
        "insufficient balance",
        "InsufficientBalance",
        "Insufficient account balance",
        "Your paid balance is insufficient. Please top up and try again.",
        "余额不足或无可用资源包,请充值。",
        "您的账户已欠费",
        "该令牌额度已用尽",
        "Insufficient balance or no resource package. Please recharge.",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details",
        "Your account org-x is suspended due to insufficient balance, please recharge your account",
        "Your account is not active, organization exceeded current quota (exceeded_current_quota_error)",
        "Arrearage: Access denied, please make sure your account is in good standing.",
        "Your credit balance is too low to access the Anthropic API.",
        "Budget has been exceeded! Current cost: 1.0, Max budget: 1.0",
        "This request requires more credits, or fewer max_tokens",
        "You have exceeded your monthly included credits",
        "you have reached your monthly usage limit",
        "Out of call volume quota. Quota will be replenished in 12.03:11:41.",
        "The free tier of the model has been exhausted.",
        "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
        "Quota exceeded for metric: generate_content_free_tier_requests, limit: 0, model: m. Please retry in 45.5s",
        "Key limit exceeded (total limit). Manage it in the settings",
        "Your free trial has ended. Please add a payment method.",
        "Your trial period expired",
        "Please update your payment method",
        "The gateway requires a valid credit card on file to service requests.",
        "token quota is not enough, token remain quota: $0.001",
        "Your wallet balance is 0",
        "account balance is $0.00, please pay",
        "Subscription usage cap exceeded",
        "you have used up your daily free allocation of 10,000 neurons",
        "You are limited to 1000 API calls / month",
        "Trial keys are limited to 20 calls per day",
    ),
    "model": (
        "unknown engine m",
        "no such deployment",
        "DeploymentNotFound: The API deployment for this resource does not exist.",
        "The model `gpt-4.1-x` does not exist or you do not have access to it.",
        "The model `m` has been decommissioned and is no longer supported.",
        "model 'a/b:c' not found, try pulling it first",
        "Model Not Exist",
        "m is not a valid model ID",
        "Invalid model name passed in model=m",
        "ModelNotOpen: Your account has not activated it",
        "The model or endpoint m does not exist or you do not have access to it.",
        "key not allowed to access model. This key can only access models=['x']",
        "No available channel for model m under group default (distributor)",
        "This is not a chat model and thus not supported in the v1/chat/completions endpoint.",
        '"m" does not support chat',
        "Model m is not supported",
        "LLM Provider NOT provided. Pass in the LLM provider you are trying to call. You passed model=m",
        "Not found the model m or Permission denied",
        "模型不存在,请检查模型代码。",
        "You don't have access to the model with the specified model ID.",
        "Model access denied.",
        "Model disabled.",
        "The model `x` is blocked at the organization level",
        "The model x is not enabled for this project",
        "You are not allowed to sample from this model",
        "Your plan does not include access to this model",
        "Your subscription doesn't cover the model m",
        "This model is only supported in v1/responses and not in v1/chat/completions.",
        "m is only available via the Responses API",
        "The provided model identifier is invalid.",
        "Invocation of model ID m with on-demand throughput isn't supported.",
        "The model `m` requires terms acceptance",
        "This model requires a subscription",
        "Requested model foo is not loaded",
        "your current token plan not support model, m",
    ),
    "rate_limit": (
        "Rate limit reached for m on requests per min",
        "Too many requests",
        "Requests rate limit exceeded, please try again later.",
        "Throttling.RateQuota",
        "Allocated quota exceeded (Throttling.AllocationQuota)",
        "Resource has been exhausted (e.g. check quota).",
        "You exceeded your current quota. Limit: 20 per minute. Please retry in 34s.",
        "Quota exceeded for requests per minute",
        "Rate limit on tokens per day (TPD). Please try again in 7m12s. See https://console.example/settings/billing",
        "您当前使用该API的并发数过高",
    ),
    "context": (
        "sequence length 3000 > 2048",
        "the prompt does not fit: n_ctx=2048",
        "request of 3000 tokens is above max_model_len",
        "Invalid request: Your request exceeded model token limit: 8192",
        "prompt is too long: 209353 tokens > 199999 maximum",
        "input length 3000 exceeds 2048",
        "This model's maximum context length is 4097 tokens. However, your messages resulted in 6988 tokens.",
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        "The input (3000 tokens) is longer than the model's context length (2048 tokens).",
        "Range of input length should be [1, 30720]",
        "Input is too long for requested model.",
        "invalid params, context window exceeds limit",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 6204",
        "`inputs` must have less than 1024 tokens. Given: 1062",
        "Illegal param: prefill 744 tokens exceed n_ctx_per_seq",
        "Requested tokens (3000) exceed context window of 2048",
        "too many tokens: total number of tokens in the message cannot exceed 4081",
        "Trying to keep the first 6547 tokens when context overflows, with a context length of only 4096 tokens",
        "tokens_limit_reached: Request body too large for m. Max size: 8000 tokens.",
        "The input token count (9000) exceeds the maximum number of tokens allowed (4096).",
        "Prompt contains 9000 tokens, too large for model with 4096 maximum context length",
        "Request too large for model `m` on tokens per minute (TPM): Limit 60, Requested 148 (rate_limit_exceeded).",
        "Prompt exceeds max length",
    ),
    "declined": (
        "Content Exists Risk",
        "DataInspectionFailed: Input data may contain inappropriate content.",
        "The request was rejected because it was considered high risk",
        "Content violates usage guidelines.",
        "input new_sensitive",
        "The response was filtered due to the content management policy",
    ),
    "server": (
        "The model m is currently loading",
        "model m is being loaded, wait",
        "Model m is temporarily unavailable",
        "model m is not available on any instance right now",
    ),
}
# What is dropped for each.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "Temperature is fixed at 1 for this model": ("temperature",),
    "invalid temperature: only 1 is allowed for this model": ("temperature",),
    "temperature is deprecated for this model.": ("temperature",),
    "Unsupported value for model 'foo': temperature=0 not found in allowed list": ("temperature",),
    "the role of message with odd index in the messages must be user or function": ("system",),
    "Use 'max_completion_tokens' instead of 'max_tokens'": ("max_tokens",),
    "Range of max_tokens should be [1, 8192]": ("max_tokens",),
    "maxOutputTokens is out of range": ("max_tokens",),
    "`max_tokens` must be less than or equal to `8`, the maximum is less than the `context_window`": ("max_tokens",),
    "body.seed: Extra inputs are not permitted": ("seed",),
    "unexpected keyword argument 'seed'": ("seed",),
    "[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs are not permitted'}]": ("seed",),
    "[{'type': 'value_error', 'loc': ('body', 'temperature'), 'msg': 'Value error'}]": ("temperature",),
    "messages[0].role: expected one of user, assistant": ("system",),
    "Unsupported value: 'messages[0].role' does not support 'system' with this model.": ("system",),
    "Input tag 'system' found using 'role' does not match any of the expected tags: 'user', 'assistant'": ("system",),
    "unknown variant `system`, expected `user` or `assistant`": ("system",),
    "Only user and assistant roles are supported!": ("system",),
    "Conversation roles must alternate user/assistant/user/assistant": ("system",),
    "First message must be from user": ("system",),
    "system role is not supported": ("system",),
}
FORMATS: Final = (
    "extra fields not permitted: response_format",
    "This response_format type is unavailable now",
    "'response_format.type' must be 'json_schema' or 'text'",
    'Unknown name "response_format": Cannot find field.',
)
SHAPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "error": lambda said: {"error": {"message": said, "type": "invalid_request_error", "param": None, "code": None}},
    "list": lambda said: [{"error": {"message": said, "status": "INVALID_ARGUMENT", "code": 400}}],
    "text": lambda said: {"error": said},
    "flagged": lambda said: {"error": True, "message": said},
    "message": lambda said: {"object": "error", "message": said, "code": 400},
    "detail": lambda said: {"detail": said},
    "msg": lambda said: {"success": False, "msg": said, "data": None},
    "nested": lambda said: {"error": {"error": {"message": said}}},
    "details": lambda said: {"detail": [{"loc": ["body"], "msg": said, "type": "value_error"}]},
    "base_resp": lambda said: {"base_resp": {"status_code": 2013, "status_msg": said}},
    "routed": lambda said: {"error": {"message": "Provider returned error", "metadata": {"raw": said}}},
    "inside": lambda said: {"error": {"message": json.dumps({"error": {"message": said}})}},
}
# Refusals may come with any of these, each of which says less than the words.
VAGUE: Final = (200, 400, 403, 404, 405, 409, 410, 413, 415, 422, 451, 501)
EACH: Final = [
    *((said, kind, ()) for kind, texts in SAID.items() for said in texts),
    *((said, "refused_parameter", names) for said, names in PARTS.items()),
    *((said, "refused_format", (FORMAT_TYPE,)) for said in FORMATS),
]


def _refused(status: int, body: Any, *, formatted: bool = True, sent: tuple[str, ...] = SENT) -> LLMError:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    if status == 200:
        with pytest.raises(LLMError) as caught:
            read_completion(text, asked="m", formatted=formatted, sent=sent)
        return caught.value
    reply = Reply(status=status, body=text.encode())
    return refusal(status, reply.summary(str), whole=text, headers={}, formatted=formatted, sent=sent)


@pytest.mark.parametrize(("said", "kind", "names"), EACH)
def test_words_decide_where_the_status_does_not(said: str, kind: str, names: tuple[str, ...]) -> None:
    """Under each vague status, in each shape; they are kept, and the fix is behind them."""
    for status in VAGUE:
        for shape, made in SHAPES.items():
            error = _refused(status, made(said))
            assert (error.kind, error.refused) == (kind, names), (status, shape, error.reason)
            assert " ".join(said.split())[:100] in error.reason
        assert status == 200 or _refused(status, said).kind == kind
        has_camel = re.search("[a-z][A-Z]", said)
        assert has_camel or _refused(status, {"error": said.upper()}).kind == kind


@pytest.mark.parametrize("kind", ["quota", "rate_limit", "context"])
def test_too_many_requests_may_be_an_empty_account(kind: LLMErrorKind) -> None:
    """Or one request that is alone above the limit; each in any shape."""
    for said in SAID[kind]:
        for made in SHAPES.values():
            too_large = "Request too large" in said
            assert _refused(429, made(said)).kind == (kind if kind != "context" or too_large else "rate_limit"), said


# Beside words that say nothing, a code decides; as a number, a text or a name, wherever it stands.
CODES: Final[Mapping[LLMErrorKind, tuple[Any, ...]]] = {
    "auth": (401, 401.0, " 401 ", "403", "UNAUTHENTICATED", "PERMISSION_DENIED", "permission_denied"),
    "quota": (402, "402"),
    "rate_limit": (429, 429.0, "429", "RESOURCE_EXHAUSTED"),
    "model": (404, "NOT_FOUND"),
    "server": (500, 503.0, "529", "UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED"),
    "context": (413,),
}


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in CODES.items() for code in codes])
@pytest.mark.parametrize("status", [200, 400, 422])
def test_a_code_decides_where_words_say_nothing(status: int, kind: LLMErrorKind, code: Any) -> None:
    """Under any name that servers have for it."""
    for name in ("code", "status", "status_code", "http_code", "error_code", "http_status", "statusCode"):
        for body in (
            {"error": {"message": "WORDS", name: code}},
            {"error": {"error": {"message": "WORDS", name: code}}},
            {"message": "WORDS", name: code},
            {"object": "error", "detail": "WORDS", name: code},
            [{"error": {"message": "WORDS", name: code}}],
            {"error": True, "msg": "WORDS", name: code, "choices": [], "usage": None},
            {"error": "WORDS", name: code, "choices": None},
            {"error": {"message": json.dumps({"error": {"message": "WORDS", name: code}})}},
        ):
            error = _refused(status, body)
            assert (error.kind, "WORDS" in error.reason) == (kind, True), (body, error.reason)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1000, "server"),
        (1001, "server"),
        (1002, "rate_limit"),
        (1004, "auth"),
        (1008, "quota"),
        (1033, "server"),
        (1039, "rate_limit"),
        (2049, "auth"),
        (2013, "refused_format"),
    ],
)
def test_the_codes_of_an_answer_that_is_always_a_success(code: int, kind: LLMErrorKind) -> None:
    """MiniMax's, which mean nothing in other bodies."""
    error = _refused(200, {"id": "x", "choices": None, "base_resp": {"status_code": code, "status_msg": "WORDS"}})
    assert (error.kind, "WORDS" in error.reason) == (kind, True)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"code": 401, "message": "x"}, "auth"),
        ({"code": 401}, "auth"),
        ({"object": "error", "message": "The model `m` does not exist.", "code": 404}, "model"),
        ({"detail": "Unauthorized"}, "auth"),
        ({"success": False, "msg": "unknown"}, "refused_format"),
        ({"code": 0, "msg": "success", "data": {}}, "malformed"),
        ({"code": "200", "message": "ok"}, "malformed"),
        ({"status": "ok", "message": "fine"}, "malformed"),
        ({"success": True, "message": "fine"}, "malformed"),
        ({"choices": [], "base_resp": {"status_code": 0, "status_msg": "success"}}, "malformed"),
        ({"model": "m", "message": {"role": "assistant", "content": "rate limit"}, "done": True}, "malformed"),
        ({"object": "response", "status": "completed", "output": [], "error": None}, "malformed"),
        (
            {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "invalid api key"}]},
            "malformed",
        ),
        ({"object": "list", "data": []}, "malformed"),
    ],
)
def test_a_success_without_a_completion(body: Any, kind: LLMErrorKind) -> None:
    """Is an error where it tells of one, and else no completion."""
    assert _refused(200, body).kind == kind


@pytest.mark.parametrize("beside", [{"base_resp": {"status_code": 1004, "status_msg": "x"}}, {"message": "rate limit"}])
def test_a_completion_is_one_whatever_stands_beside_it(beside: dict[str, Any]) -> None:
    """Words of its own are no error."""
    body = {"choices": [{"message": {"content": "hi"}}], **beside}
    assert read_completion(json.dumps(body), asked="m").text == "hi"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        # A server in trouble: what it says of a model, a key or an account passes.
        (503, "model m is not available on any instance right now", "server"),
        (503, "The model m is not available", "server"),
        (503, "Loading model", "server"),
        (503, "the model is loading", "server"),
        (500, "invalid api key", "server"),
        (502, "insufficient balance", "server"),
        (500, "You exceeded your current quota", "server"),
        (504, "", "server"),
        (524, "<html><title>A timeout occurred</title></html>", "server"),
        (424, {"error": "Request failed during generation", "error_type": "generation"}, "server"),
        (425, "too early", "server"),
        # It never will: the words are too plain.
        (503, {"error": {"message": "No available channel for model m", "code": "model_not_found"}}, "model"),
        (500, "The model `m` does not exist.", "model"),
        # A limit that lifts by itself, under a status that says otherwise.
        (403, "rate limit exceeded", "rate_limit"),
        (400, {"error": {"code": "rate_limit_exceeded", "message": "x"}}, "rate_limit"),
        (503, "Too many requests", "rate_limit"),
        # What is no limit, under one that says so.
        (429, "x", "rate_limit"),
        (429, "Subscription 4-hour usage cap exceeded, retry later", "rate_limit"),
        (429, {"error": {"code": "1113", "message": "余额不足或无可用资源包,请充值。"}}, "quota"),
        (429, "generate_content_requests, quotaId: GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quota"),
        (429, "quotaId: RequestsPerDayPerProject, quotaId: GenerateRequestsPerMinutePerProject", "rate_limit"),
        # The status decides.
        (401, "", "auth"),
        (401, "unknown model or rate limit", "auth"),
        (401, "Your account is suspended due to insufficient balance", "quota"),
        (401, {"error": {"message": "key not allowed to access model", "type": "key_model_access_denied"}}, "model"),
        (402, "invalid api key", "quota"),
        (403, "Your request was forbidden", "auth"),
        (404, "x", "model"),
        (405, {"detail": "Method Not Allowed"}, "model"),
        (408, "rate limit", "timeout"),
        (410, "", "model"),
        (413, "<html>413</html>", "context"),
        (413, {"error": {"message": "See https://a.example/settings/billing", "code": "x"}}, "context"),
        (451, "", "request"),
        (400, "User location is not supported for the API use.", "request"),
    ],
)
def test_what_a_status_and_its_words_mean_together(status: int, body: Any, kind: LLMErrorKind) -> None:
    """What passes is never taken for a setting, nor a setting for what passes."""
    assert _refused(status, body).kind == kind


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Invalid model parameters", "refused_format"),
        ("expected token '}' in the request", "refused_format"),
        ("a post about tokens, credits, models and keys", "refused_format"),
        ("See https://docs.example/rate-limits and https://docs.example/billing/api-key-invalid", "refused_format"),
        ("this model does not support response_format json_schema", "refused_format"),
        ("model m does not support structured output", "refused_format"),
        ("The value of 'stop' must be a list", "refused_format"),
    ],
)
def test_words_that_only_look_like_another_matter(said: str, kind: LLMErrorKind) -> None:
    """They say nothing of a key, an account, a model or a limit."""
    for made in SHAPES.values():
        assert _refused(400, made(said)).kind == kind


@pytest.mark.parametrize("name", ["max_tokens", "temperature", "seed"])
@pytest.mark.parametrize(
    "said", ["ensure this value is less than 5", "value is not a valid integer", "No.", "型が違います"]
)
def test_a_field_that_points_at_a_parameter_is_a_complaint(name: str, said: str) -> None:
    """Whatever it says of it, in pydantic's lists and in others."""
    for body in (
        {"detail": [{"loc": ["body", name], "msg": said, "type": "x"}]},
        {"error": {"message": said, "param": name}},
        {"object": "error", "message": {"detail": [{"loc": ["body", name], "msg": said, "input": {"seed": 1}}]}},
        {"message": json.dumps({"detail": [{"loc": ["body", name], "msg": said}]})},
        {"errors": [{"field": name, "message": said}]},
    ):
        error = _refused(422, body)
        assert (error.kind, error.refused) == ("refused_parameter", (name,))
        assert said in error.reason


def test_a_parameter_that_nobody_points_at_is_none() -> None:
    """An empty field names nothing, and what was not sent cannot be left out."""
    assert _refused(400, {"error": {"message": "a hot temperature", "param": None}}).kind == "refused_format"
    error = _refused(400, {"error": {"message": "temperature is unsupported"}}, sent=("seed",))
    assert (error.kind, error.refused) == ("refused_parameter", ())


NO_MODEL: Final = "(check MODEL: `user-miner doctor` lists what the server has)"
NO_PATH: Final = "(check LLM_BASE, which usually ends in /v1)"


@pytest.mark.parametrize(
    ("status", "body", "fix"),
    [
        (404, {"error": "unknown engine m"}, NO_MODEL),
        (404, {"error": {"message": "no such deployment"}}, NO_MODEL),
        (404, {"error": {"code": "DeploymentNotFound", "message": "x"}}, NO_MODEL),
        (404, "models/m is not found for API version v1beta", NO_MODEL),
        (410, "the model m is gone", NO_MODEL),
        (404, {"error": {"code": "404", "message": "Resource not found"}}, NO_PATH),
        (404, "no route for POST /v1/models/chat/completions", NO_PATH),
        (404, "Cannot POST https://a.example/models/chat/completions", NO_PATH),
        (404, "", NO_PATH),
        (400, "<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>", NO_PATH),
        (400, "Client sent an HTTP request to an HTTPS server.", NO_PATH),
        (400, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}, NO_PATH),
        (400, {"error": {"message": "Invalid URL (POST /chat/completions)"}}, NO_PATH),
        (404, {"errors": [{"code": 7003, "message": "Could not route to /accounts/x/ai/v1, perhaps it is"}]}, NO_PATH),
        (410, "", NO_PATH),
        (405, {"detail": "Method Not Allowed"}, NO_PATH),
    ],
)
def test_an_unknown_model_is_no_wrong_address(status: int, body: Any, fix: str) -> None:
    """By what is said to be unknown; addresses that are repeated say nothing."""
    assert _refused(status, body).reason.endswith(fix)


GOOGLE: Final = {
    "error": {
        "code": 429,
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {
                "@type": "type.example/google.rpc.QuotaFailure",
                "violations": [{"quotaId": "QUOTA", "quotaDimensions": {"location": "global", "model": "m"}}],
            },
            {"@type": "type.example/google.rpc.RetryInfo", "retryDelay": "0.5s"},
        ],
    }
}


@pytest.mark.parametrize(
    ("quota", "kind"),
    [("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quota"), ("GenerateRequestsPerMinute", "rate_limit")],
)
def test_a_quota_is_found_however_deep_it_stands(quota: str, kind: LLMErrorKind) -> None:
    """In the list that it comes in from one address, and without it from the other; in lists of lists as well."""
    body: Any = json.loads(json.dumps(GOOGLE).replace("QUOTA", quota))
    for _ in range(4):
        error = _refused(429, body)
        assert (error.kind, error.retry_after_s) == (kind, 0.5)
        body = [body]


def test_a_list_that_points_at_the_model_means_it() -> None:
    """Whatever it says of its name."""
    for said in ("Input should be 'a' or 'b'", "value is not a valid enumeration member; permitted: 'a'"):
        error = _refused(422, {"detail": [{"type": "enum", "loc": ["body", "model"], "msg": said, "input": "m"}]})
        assert (error.kind, error.reason.endswith(NO_MODEL)) == ("model", True)


@pytest.mark.parametrize("before", ["", "no ", "model ", "quota_id: ", "invalid_", "the prompt ", "is still "])
@pytest.mark.parametrize(
    "again", ["_", " ", ". ", "; ", "{", '{"error":', "still ", "invalid_", "model ", "max_tokens "]
)
def test_no_refusal_takes_long_to_read(before: str, again: str) -> None:
    """However often it begins to say something."""
    said = (before + again) * 200_000
    assert _refused(400, said).reason
    assert _refused(429, {"error": {"message": said}}).reason
