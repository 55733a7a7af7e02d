"""How real servers differ behind one API: data alone. What they refuse, in which words and shape, and how they think.

The words are those that the servers are known to use, as far as a client goes by them; the rest is shortened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from textwrap import dedent
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PERSONALITIES", "PLAIN", "TERSE", "Personality", "Refusal", "Shape", "Thoughts"]

Shape: TypeAlias = Literal["error", "list", "flat", "text", "typed", "detail", "routed", "coded", "bare"]
Thoughts: TypeAlias = Literal["reasoning_content", "reasoning", "tag", "unopened", "parts", "hidden"]

_ALL = frozenset({"json_schema", "json_object", "text"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal: `message` may hold {model}, {name} of a parameter or {format}."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    code: str | None = None


@dataclass(frozen=True, kw_only=True)
class Personality:
    """A kind of server.

    Attributes:
        about: What it stands for, in a line.
        shape: How its errors are put.
        says: How it refuses, one line each: what is wrong | status | message | kind | code. Wrong can be "401", "402",
            "404" (the model), "429", "format", "bounds", "parameter", "context", or a status that it has words for.
            What is missing does not happen there: such a server serves any model, or takes any parameter.
        formats: Response formats that it takes.
        ignores_formats: It takes them and answers as it likes.
        takes_bounds: Its schemas may have bounds.
        parameters: Those that it refuses.
        thoughts: Where its thoughts stand.
    """

    about: str
    shape: Shape
    says: str
    formats: frozenset[str] = _ALL
    ignores_formats: bool = False
    takes_bounds: bool = True
    parameters: frozenset[str] = field(default_factory=frozenset)
    thoughts: Thoughts = "reasoning_content"

    @cached_property
    def refusals(self) -> Mapping[str, Refusal]:
        """What it says, by what is wrong."""
        found = {}
        for line in dedent(self.says).replace("\n    ", " ").strip().splitlines():
            name, status, *words = (cell.strip() for cell in line.split("|"))
            message, kind, code = [*words, "", ""][:3]
            found[name] = Refusal(int(status), message, kind or "invalid_request_error", code or None)
        return found


PLAIN = Personality(
    about="takes all but unknown models, in the words of the API that all copy",
    shape="error",
    says="""
    400       | 400 | The request was refused because a fault asked for it. | | invalid_value
    401       | 401 | Incorrect API key provided. | | invalid_api_key
    402       | 402 | Quota exceeded: the balance is 0. | insufficient_quota | insufficient_quota
    403       | 403 | Your account has no access to this. | permission_error | forbidden
    404       | 404 | The model `{model}` does not exist or you do not have access to it. | | model_not_found
    429       | 429 | Rate limit reached for requests. | rate_limit_error | rate_limit_exceeded
    429_long  | 429 | Daily limit reached. | rate_limit_error | rate_limit_exceeded
    500       | 500 | The server had an error while processing your request. | server_error | internal_error
    503       | 503 | No instances are available for this model. | server_error | overloaded
    format    | 400 | 'response_format' of type '{format}' is not supported with this model.
    parameter | 400 | Unsupported parameter: '{name}'. | | unsupported_parameter
    context   | 400 | This model's maximum context length is 2048 tokens. | | context_length_exceeded
    """,
)
# The one of the simulation, which says little.
TERSE = Personality(
    about="refuses in few words",
    shape="bare",
    says="""
    400    | 400 | maximum context length exceeded | error
    401    | 401 | Incorrect API key provided | error
    402    | 402 | Insufficient credit | error
    404    | 404 | The model does not exist | error
    429    | 429 | Rate limit reached | error
    500    | 500 | The server had an error | error
    503    | 503 | The server is overloaded | error
    format | 400 | 'response_format' of type '{format}' is not supported with this model.
    """,
)

PERSONALITIES: Mapping[str, Personality] = {
    "openai-o": Personality(
        about="OpenAI's reasoning models: another name for the cap, no temperature, no maxLength, thoughts unseen",
        shape="error",
        says="""
        401        | 401 | Incorrect API key provided. | | invalid_api_key
        402        | 429 | You exceeded your current quota, please check your plan. | insufficient_quota |
            insufficient_quota
        404        | 404 | The model `{model}` does not exist or you do not have access to it. | | model_not_found
        429        | 429 | Rate limit reached for {model} on requests per min. | requests | rate_limit_exceeded
        format     | 400 | Invalid parameter: 'response_format' of type '{format}' is not supported with
            this model.
        bounds     | 400 | Invalid schema for response_format: 'maxLength' is not permitted.
        parameter  | 400 | Unsupported parameter: '{name}' is not supported with this model. | |
            unsupported_parameter
        max_tokens | 400 | Unsupported parameter: 'max_tokens' is not supported with this model. Use
            'max_completion_tokens' instead. | | unsupported_parameter
        context    | 400 | This model's maximum context length is 4096 tokens. | | context_length_exceeded
        """,
        takes_bounds=False,
        parameters=frozenset({"max_tokens"}),
        thoughts="hidden",
    ),
    "gemini": Personality(
        about="Gemini's OpenAI endpoint: errors in a list, no seed, a wrong key is a 400",
        shape="list",
        says="""
        401       | 400 | API key not valid. Please pass a valid API key. | INVALID_ARGUMENT
        402       | 429 | Your prepayment credits are depleted. Please go to your project's billing. |
            RESOURCE_EXHAUSTED
        404       | 404 | models/{model} is not found for API version v1main. | NOT_FOUND
        429       | 429 | You exceeded your current quota. Please retry in 1s. retryDelay | RESOURCE_EXHAUSTED
        format    | 400 | Invalid value at 'response_format.type': '{format}' | INVALID_ARGUMENT
        bounds    | 400 | response_schema.properties[functions].items.enum: only allowed for STRING type |
            INVALID_ARGUMENT
        parameter | 400 | Invalid JSON payload received. Unknown name "{name}": Cannot find field. |
            INVALID_ARGUMENT
        context   | 400 | The input token count exceeds the maximum number of tokens allowed 4096. |
            INVALID_ARGUMENT
        """,
        takes_bounds=False,
        parameters=frozenset({"seed"}),
        thoughts="hidden",
    ),
    "mistral": Personality(
        about="Mistral's API: fields that it does not know are a 422, thoughts come in parts",
        shape="flat",
        says="""
        401       | 401 | Unauthorized
        402       | 402 | Payment required
        404       | 400 | Invalid model: {model} | invalid_model | 1500
        429       | 429 | Requests rate limit exceeded | rate_limited | 1300
        format    | 422 | body.response_format.type: '{format}' is not a valid type | | 3051
        parameter | 422 | extra_forbidden: body.{name}: {name}: Extra inputs are not permitted
        context   | 400 | Prompt contains 9000 tokens, too large for model with 4096 maximum context length
            | | 3051
        """,
        parameters=frozenset({"seed"}),
        thoughts="parts",
    ),
    "deepseek": Personality(
        about="DeepSeek's API: no schemas, its own 402",
        shape="error",
        says="""
        401       | 401 | Authentication Fails (no such user) | authentication_error | invalid_request_error
        402       | 402 | Insufficient Balance | unknown_error | invalid_request_error
        404       | 400 | Model Not Exist | | invalid_request_error
        429       | 429 | Rate limit reached | rate_limit_error
        format    | 400 | This response_format type is unavailable now | | invalid_request_error
        parameter | 422 | Failed to deserialize the JSON body into the target type: unknown field `{name}`
        context   | 400 | This model's maximum context length is 4096 tokens. Please reduce the length of
            the messages.
        """,
        formats=frozenset({"json_object", "text"}),
    ),
    "vllm": Personality(
        about="vLLM's server",
        shape="flat",
        says="""
        401       | 401 | Unauthorized | Unauthorized
        402       | 402 | Quota exceeded and account balance is $0.0 | PaymentRequired
        404       | 404 | The model `{model}` does not exist. | NotFoundError
        429       | 429 | Too many requests | RateLimitError
        format    | 400 | structured outputs are not enabled: guided decoding of {format} | BadRequestError
        parameter | 400 | [{{'type': 'extra_forbidden', 'loc': ('body', '{name}')}}] | BadRequestError
        context   | 400 | This model's maximum context length is 4096 tokens. However, you requested 9000 |
            BadRequestError
        """,
    ),
    "llama.cpp": Personality(
        about="llama.cpp's server: any model's name, a small context",
        shape="coded",
        says="""
        401       | 401 | Invalid API Key | authentication_error
        402       | 402 | Payment required | billing_error
        429       | 429 | Too many requests | rate_limit_error
        format    | 400 | Failed to initialize samplers: failed to parse grammar
        parameter | 400 | Unsupported param: {name}
        context   | 400 | the request exceeds the available context size, try increasing it |
            exceed_context_size_error
        """,
    ),
    "ollama": Personality(
        about="Ollama: thoughts in a field of their own",
        shape="error",
        says="""
        401       | 401 | unauthorized | api_error
        402       | 402 | you have reached your usage limit | api_error
        404       | 404 | model "{model}" not found, try pulling it first | api_error
        429       | 429 | too many concurrent requests | api_error
        format    | 400 | invalid format: expected an object of JSON schema, found {format}
        parameter | 400 | json: unknown field "{name}"
        context   | 400 | the input length exceeds the context length
        """,
        thoughts="reasoning",
    ),
    "litellm": Personality(
        about="LiteLLM's proxy: whatever stands behind it, in its own words",
        shape="error",
        says="""
        401       | 400 | No connected db. | no_db_connection | 400
        402       | 400 | Budget has been exceeded! Current cost: 1.0, Max budget: 1.0 | budget_exceeded | 400
        404       | 400 | /chat/completions: Invalid model name passed in model={model}. Call `/v1/models` | | 400
        429       | 429 | litellm.RateLimitError: No deployments available for selected model |
            throttling_error | 429
        format    | 500 | litellm.APIError: response_format type must be one of text, not {format} | | 500
        parameter | 400 | litellm.UnsupportedParamsError: it does not support parameters: ['{name}'], for
            model={model}. To drop these, set `litellm.drop_params=True` | | 400
        context   | 400 | litellm.ContextWindowExceededError: maximum context length is 4096 tokens | | 400
        """,
    ),
    "openrouter": Personality(
        about="OpenRouter: another server's errors inside its own, some with status 200",
        shape="routed",
        says="""
        401       | 401 | No auth credentials found
        402       | 402 | This request requires more credits, or fewer max_tokens.
        404       | 400 | {model} is not a valid model ID
        429       | 429 | Provider returned error | {model} is temporarily rate-limited upstream
        format    | 404 | No endpoints found that can handle the requested parameters.
        parameter | 400 | Provider returned error | {{"error": {{"message": "{name} is not supported"}}}}
        context   | 400 | This endpoint's maximum context length is 4096 tokens.
        """,
        thoughts="reasoning",
    ),
    "lm-studio": Personality(
        about="LM Studio: schemas, but no json_object; errors as one text; thoughts between tags",
        shape="text",
        says="""
        401       | 401 | Malformed LM Studio API token provided
        402       | 402 | Payment required
        404       | 404 | Invalid model identifier "{model}". Please specify a valid downloaded model.
        429       | 429 | Too many requests
        format    | 400 | 'response_format.type' must be 'json_schema' or 'text'
        parameter | 400 | Unrecognized key(s) in object: '{name}'
        context   | 400 | Trying to keep the first 900 tokens when the model has a context length of only 512
        """,
        formats=frozenset({"json_schema", "text"}),
        thoughts="tag",
    ),
    "tgi": Personality(
        about="Text Generation Inference: formats of its own, any model's name, thoughts without a beginning",
        shape="typed",
        says="""
        401       | 401 | Authorization header is correct, but the token seems invalid | authentication
        402       | 402 | You have exceeded your monthly included credits | payment
        429       | 429 | Model is overloaded | overloaded
        format    | 422 | Failed to deserialize the JSON body: response_format: missing field `value` | validation
        parameter | 422 | Failed to deserialize the JSON body: unknown field `{name}` | validation
        context   | 422 | Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096 | validation
        """,
        formats=frozenset({"text"}),
        thoughts="unopened",
    ),
    "anthropic": Personality(
        about="Anthropic's compatible endpoint: takes formats and seeds, and ignores them",
        shape="error",
        says="""
        401       | 401 | invalid x-api-key | authentication_error
        402       | 400 | Your credit balance is too low to access the Anthropic API.
        404       | 404 | model: {model} | not_found_error
        429       | 429 | This request would exceed your organization's rate limit | rate_limit_error
        format    | 400 | response_format: {format} is not supported
        parameter | 400 | {name}: Extra inputs are not permitted
        context   | 400 | prompt is too long: 9000 tokens > 4096 maximum
        """,
        ignores_formats=True,
        thoughts="hidden",
    ),
    "chutes": Personality(
        about="Chutes, where LLM_BASE points unless it is set: a gateway's words before open models",
        shape="detail",
        says="""
        401       | 401 | Invalid token.
        402       | 402 | Quota exceeded and account balance is $0.0, please pay with fiat or send tao
        404       | 404 | model not found: {model}
        429       | 429 | Infrastructure is at maximum capacity, try again later
        format    | 400 | Bad request: guided decoding of {format} failed
        parameter | 400 | Bad request: unexpected field {name}
        context   | 400 | Requested token count exceeds the model's maximum context length of 4096 tokens.
        """,
    ),
}
