"""The phrases by which servers of language models tell what a refusal is about: data alone.

Read in lower case, with spaces or underscores between words (see `llm_words.words_of`). A phrase names its matter
closely enough that no other refusal has it: "invalid token", but not "token".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

__all__ = [
    "AWAY",
    "COMPLAINT",
    "DECLINED",
    "DENIED_MODEL",
    "FORMAT",
    "KEY",
    "LARGE_CAP",
    "LIFTING",
    "LIMITED",
    "LONG",
    "MODEL",
    "NAMES",
    "NONE_AT_ALL",
    "NO_CREDIT",
    "PASSING",
    "PATH",
    "PER_DAY",
    "PER_MINUTE",
    "PLACE",
    "SCHEMA",
    "SPENT",
    "TOO_LARGE",
    "TROUBLE",
]

DECLINED: Final = re.compile(
    r"content[ _](management[ _]policy|filter)|responsible_?ai|content_policy|moderation|flagged|data[ _]?inspection|"
    r"content exists risk|considered high risk|prohibited[ _]content|"
    r"(sensitive|unsafe|inappropriate|harmful) (content|words?|information)|new_sensitive|usage guidelines|"
    r"不安全|敏感内容|敏感词|违规"
)
# The account is empty, whatever else is said.
NO_CREDIT: Final = re.compile(
    r"insufficient[ _](account[ _]|paid[ _]|your[ _])?(quota|balance|credits?|funds)|"
    r"(balance|credits?|funds)\b[^.;]{0,40}(insufficient|too low|not enough|exhausted|depleted|negative|used up)|"
    r"(not enough|no more|no remaining|out of|used all available|exceeded your monthly included) (\w{1,20} )?"
    r"(balance|credits?|funds)|"
    r"(more|add( \d{1,6})?|buy|purchase|prepaid) credits|payment[ _]required|arrearage|in arrears|overdue|"
    r"good standing|recharge your account|top[ _]up|budget[ _](has been )?exceeded|exceeded_?budget|over[ _]budget|"
    r"(balance|credits?|funds)( is| are|:)? [$€£]?-?0(\.0{1,8})?(?![.\d])|"
    r"(free )?trial [^.;]{0,40}(ended|expired|is over)|"
    r"(add|update|provide|requires?|need|no|set up|missing) (an? |your )?(valid )?(payment method|credit card|billing)|"
    r"token quota is not enough|(past|unpaid) (due|invoices?)|"
    r"余额|欠费|充值|额度已|额度不足"
)
# A quota is used up: the account's, unless it is one that fills up again by itself.
SPENT: Final = re.compile(
    r"exceeded (your )?current[ _]quota|exceeded_current_quota|out of (\w{1,20} ){0,2}quota|"
    r"free[ _]tier( \w{1,20}){0,6} exhausted|free_tier_only|"
    r"quota[ _](is |has been |was )?(exceeded|exhausted|used up|reached)|billing|usage (limit|cap)|"
    r"spend(ing)?[ _]limit|"
    r"(monthly|weekly|daily|credit|hard)[ _](\w{1,20}[ _])?(limit|quota|allocation)|\bkey limit exceeded|"
    r"limited to \d[\d,]{0,11} (\w{1,20} ){1,3}(/|per|a|each) ?(day|week|month)"
)
LIFTING: Final = re.compile(
    r"retry_?delay|per[ _-]?(second|minute|min)(?![a-z])|rate_limit_exceeded|throttl|(retry|try again) in \d|"
    r"allocated quota|\d[ -]hour usage cap"
)
# Though the server names a time to retry: there is none of it at all, or it is a day's.
NONE_AT_ALL: Final = re.compile(r"\blimit: 0(?![.\d])")
PER_DAY: Final = re.compile(r"quota_id( ;|:) \w{0,80}per_day")
PER_MINUTE: Final = re.compile(r"per[ _-]?(second|minute|min)(?![a-z])")
LIMITED: Final = re.compile(
    r"rate[ _-]?limit|too many (concurrent )?requests|request limit|per (minute|second)\b|resource_exhausted|"
    r"resource has been exhausted|overloaded|throttl|请求过多|并发数过高|访问量过大|频率"
)
# One request alone is above the limit: waiting helps nothing, a shorter one does.
TOO_LARGE: Final = re.compile(r"request too large for|reduce your message size|input or output tokens must be reduced")
KEY: Final = re.compile(
    r"(invalid|incorrect|wrong|missing|no|bad|expired|malformed|revoked|disabled|inactive|unknown)[ _-]"
    r"(\w{1,20}[ _-]){0,3}(api[ _-]?key|access[ _-]?key|credentials?)\b|"
    r"(invalid|incorrect|wrong|missing|bad|expired|malformed|revoked)[ _-]"
    r"((bearer|access|auth\w{0,20}|api|jwt|proxy|server|security)[ _-])+token\b|"
    r"api[ _-]?key(?![a-z])[^.;]{0,60}?(not[ _](valid|found|exist|active|enabled|provided)|"
    r"invalid|missing|required|expired|revoked|disabled|incorrect|wrong|blocked|deleted|suspended|leaked)|"
    r"token (is |has |was )?(been )?(expired|revoked|invalid)|token (seems )?invalid|invalid x-api-key|authentication|"
    r"unauthori[sz]ed|unauthenticated|not auth(ori[sz]|enticat)ed|login fail|no connected db|authorization header|"
    r"permission[ _]denied|(organi[sz]ation|account) (has been|is) (disabled|restricted|deactivated|banned)|无效的令牌|"
    r"未提供令牌|令牌(已|状态)|身份验证失败|鉴权失败|认证失败|无效的api|密钥"
)
# The key is right, and not for this model.
DENIED_MODEL: Final = re.compile(
    r"model_access_denied|not allowed to access model|access to (the |this |that |any )?model|"
    r"not found the model .{0,80}permission denied|model[ _](access[ _])?(denied|disabled|blocked)|"
    r"(?<![a-z])model\b( \S{1,80})? (is|has been) (blocked|disabled|gated|restricted|not (enabled|allowed|activated))|"
    r"not allowed to (sample from|use|call|query) (this|the|that) model|"
    r"(plan|subscription|tier|package)( \w{1,20}){0,2}( not|n.t) (include|support|cover|allow|have)[^.;]{0,40}\bmodel|"
    r"\bmodel\b[^.;]{0,80}(requires? (terms|a subscription|a paid)|terms[ _](acceptance|required))|model_terms_required"
)
MODEL: Final = re.compile(
    r"(invalid|unknown|no such|unsupported|non-?existent)[ _](model|engine|deployment)\b(?! (param|output|resp))|"
    r"(?<![a-z])(models?|engine|deployment)\b=?([^.;=]|\.(?=\S)){0,120}?(not[ _](found|exist|deployed|loaded)|"
    r"do(es)? not exist|doesn.t exist)|"
    r"(model|engine|deployment)\b( \S{1,80})? (is|has been|was) (deprecated|decommissioned|retired|"
    r"no longer (available|supported|served)|not supported\b(?! (with|for|in|by|on|when)))|"
    r"(model|deployment)_?(not_?(found|supported|open|available)|decommissioned|deprecated)|not a valid model|"
    r"not_found_error|not a chat model|llm provider not provided|not work with the specified model|"
    r"does not support chat|no models? (is |are )?(currently )?loaded|no available channel for|"
    r"only (supported|available) (in|with|via|through|on) \W?(the )?(/?v1/)?(responses|completions|embeddings)|"
    r"model[ _]?(id|identifier|name|code)? [^.;=]{0,80}(is|are) (invalid|unknown|incorrect|wrong)|on-demand throughput|"
    r"\bloc ; \w{1,20} ; model( ;|$)|"
    r"模型[^.;]{0,60}(不存在|未找到|已下线)|无可用渠道"
)
# A server in trouble says so, too, of a model that comes back by itself.
AWAY: Final = re.compile(
    r"\bmodels?\b[^.;]{0,100}?(not available (on|for)|no access)|\bmodels?\b( \S{1,80})? is (not available|unavailable)"
)
# There is something else at this address, or nothing.
PATH: Final = re.compile(
    r"unexpected endpoint|endpoint or method|"
    r"(unknown|invalid|no such|unsupported) (request )?(endpoint|url|path|route)\b|"
    r"(endpoint|url|path|route) (\S{1,80} )?(is |was |does )?not (found|exist|supported)|could not route to|"
    r"(no|not match any) route|cannot (post|get) /|unrecogni[sz]ed request url|missing required query parameter|"
    r"https? request [^.;]{0,20}to (an )?https? (port|server)"
)
LONG: Final = re.compile(
    r"context[ _](length|size|window)|maximum[ _]context|exceed_context|too many (input |prompt )?tokens|"
    r"(prompt|inputs?|messages?|request|conversation|body|text)s?( is| are|[ _]body|) too (long|large)|"
    r"reduce the length|inputs?\W+tokens|must be at least 1, got -|exceeds? the maximum number of tokens|"
    r"(prompt|input|sequence|token)[ _](length|count|limit|size)|(message|request)[ _](length|size)|"
    r"tokens_limit_reached|(prompt|input|messages?|request|context)( \w{1,20}){0,3} exceed|"
    r"maximum (prompt|input|sequence)|\bn_ctx|\bn_keep|num_ctx|max_model_len|max_seq_len|max_num_tokens|"
    r"max_position_embeddings|max_(input|prompt)_tokens|must have less than \d+ tokens|too large for model with|"
    r"longer than the (model|specified|max)|requested tokens? [^.;]{0,20}exceed|current length is \d+ while limit|"
    r"string too long|超长|过长|超过[^.;]{0,20}(长度|上下文|token)"
)
PASSING: Final = re.compile(
    r"\b(is|are|still|currently|being) (being |still |currently ){0,2}"
    r"(loading|warming|starting|initiali[sz]ing|downloading)\b|"
    r"being loaded|not (yet )?ready|warming up|cold start|estimated_time|"
    r"temporar(y|ily) (unavailable|overloaded|failure|error|down)|available\b[^.;]{0,60}right now|no healthy upstream|"
    r"(over|at) capacity|capacity[ _]exceeded"
)
TROUBLE: Final = re.compile(
    r"unavailable|internal|server[ _]error|upstream|bad gateway|no instances|provider returned error"
)
PLACE: Final = re.compile(
    r"location is not supported|unsupported_country|(country|region|territory)[^.;]{0,40}not supported"
)
LARGE_CAP: Final = re.compile(
    r"(?<!\+ )(?<!\+ .)max_(completion_|output_)?tokens\b[^.]{0,60}?"
    r"(too (large|high|big)|must be (<|less|at most|smaller|between)|less than or equal|out of range)"
)
FORMAT: Final = re.compile(
    r"response_?\s?format|json_?\s?schema|json_?\s?object|\bguided|structured[ _]output|grammar|\bschema\b|"
    r"json[ _]mode|requested parameters"
)
# Complaints of what stands in a schema, not of schemas as such.
SCHEMA: Final = re.compile(
    r"max_?(items|length)|\benum\b|invalid schema|(?<!json_)schema\W.{0,60}(invalid|not (valid|permitted|supported))|"
    r"keyword|additional_?properties|constraint"
)
COMPLAINT: Final = re.compile(
    r"unsupported|not[ _]support|n.t support|unknown|unrecogni[sz]ed|not recogni[sz]ed|unexpected|expected|extra|"
    r"not[ _](a )?(permitted|allowed|valid|accepted|implemented)|invalid|illegal|forbidden|disallowed|deprecated|"
    r"must (be|start|begin|have|not)|should (be|not|have)|\bonly|no field|no longer|not available|cannot|can.t|"
    r"too (large|high|big|small|low)|not enabled|must alternate|instead|\bfixed|\brange|less than|greater than|"
    r"at (most|least)|does( not|n.t) (match|accept)|rejected|不支持|无效|非法|取值|"
    r"\b(param|parameter|loc|field|argument|property|pointer) ; |'loc': "  # a field that points at what is wrong
)
NAMES: Final[Mapping[str, re.Pattern[str]]] = {
    "max_tokens": re.compile(r"(?<!\w)max[ _-]((output|new)[ _-])?tokens(?!\w)"),
    "max_completion_tokens": re.compile(r"(?<!\w)max[ _-](completion|output|new)[ _-]tokens(?!\w)"),
    "temperature": re.compile(r"(?<!\w)temperature(?!\w)"),
    "seed": re.compile(r"(?<!\w)(random_)?seed(?!\w)"),
    "system": re.compile(
        r"system[ _](role|message|prompt|instruction)|developer (role|instruction)|role\W{1,4}system|"
        r"\Wsystem\W{1,4}role|['\"`]system['\"`]|variant \W?system|role of (the )?messages?\b|"
        r"messages?\W{1,4}0?\W{1,4}((user|system)\W{1,4})?role\b|roles must alternate|"
        r"roles? [^.;]{0,40}user[^.;]{0,20}assistant|user and assistant roles|got system|"
        r"(first|start)\b[^.;]{0,40}\buser\b"
    ),
}
