"""The search language of X, as much of it as a keyword search needs. It never sorts or limits.

AND (a space) binds before OR; a minus negates a term or a group; at least one term must be positive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["QueryError", "Searchable", "parse_query"]

_TOKEN = re.compile(r'\s*(?:(\()|(\))|(-)|(OR)(?=[\s()]|$)|([a-z_]+):([^\s()"]+|"[^"]*")|"([^"]*)"|([^\s()"]+))')
_WORDS = re.compile(r"[$#@]?\w+")


class QueryError(ValueError):
    """A query that X would refuse."""


class Searchable(Protocol):
    """What a query looks at."""

    @property
    def full_text(self) -> str:
        """The whole text, entities decoded."""

    @property
    def lang(self) -> str:
        """Such as "en"."""

    @property
    def is_retweet(self) -> bool:
        """Whether it repeats another post."""

    @property
    def username(self) -> str:
        """The author's name without @."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: str = ""


def parse_query(text: str) -> Callable[[Searchable], bool]:
    """The predicate that a query stands for.

    Raises:
        QueryError: X would refuse the query; the message says why.
    """
    parser = _Parser(_tokens(text))
    predicate = parser.alternatives()
    if parser.peek() is not None:
        raise QueryError(f"missing EOF at '{parser.peek_value()}'")
    if not parser.positive:
        raise QueryError("Rules must contain at least one positive, non-stopword clause")
    return predicate


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise QueryError(f"no viable alternative at character '{text[at]}'")
        tokens.append(_token(match))
        at = match.end()
    return tokens


def _token(match: re.Match[str]) -> _Token:
    opening, closing, minus, alternative, operator, operand, phrase, word = match.groups()
    for kind, found in (("(", opening), (")", closing), ("-", minus), ("OR", alternative)):
        if found:
            return _Token(kind)
    if operator:
        return _Token("operator", f"{operator}:{operand.strip(chr(34))}")
    return _Token("word", phrase if phrase is not None else word)


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self.positive = False

    def peek(self) -> str | None:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else None

    def peek_value(self) -> str:
        token = self._tokens[self._at]
        return token.value or token.kind

    def alternatives(self) -> Callable[[Searchable], bool]:
        choices = [self._conjunction()]
        while self.peek() == "OR":
            self._at += 1
            choices.append(self._conjunction())
        return lambda post: any(choice(post) for choice in choices)

    def _conjunction(self) -> Callable[[Searchable], bool]:
        parts = [self._term()]
        while self.peek() not in (None, "OR", ")"):
            parts.append(self._term())
        return lambda post: all(part(post) for part in parts)

    def _term(self) -> Callable[[Searchable], bool]:
        negated = self.peek() == "-"
        if negated:
            self._at += 1
        inner = self._atom(negated=negated)
        return (lambda post: not inner(post)) if negated else inner

    def _atom(self, *, negated: bool) -> Callable[[Searchable], bool]:
        kind = self.peek()
        if kind is None or kind not in ("(", "word", "operator"):
            raise QueryError(f"no viable alternative at '{self.peek_value() if kind else '<EOF>'}'")
        token = self._tokens[self._at]
        self._at += 1
        if kind == "(":
            before = self.positive
            inner = self.alternatives()
            if self.peek() != ")":
                raise QueryError("missing ')'")
            self._at += 1
            self.positive = before if negated else self.positive
            return inner
        if kind == "word":
            self.positive = self.positive or not negated
            return _keyword(token.value)
        return self._operator(token.value, negated=negated)

    def _operator(self, text: str, *, negated: bool) -> Callable[[Searchable], bool]:
        name, _, value = text.lower().partition(":")
        if (name, value) == ("is", "retweet"):
            return lambda post: post.is_retweet
        if name == "lang":
            return lambda post: post.lang == value
        if name == "from":
            self.positive = self.positive or not negated
            return lambda post: post.username.lower() == value.removeprefix("@")
        raise QueryError(f"Reference to invalid operator '{text}'")


def _keyword(phrase: str) -> Callable[[Searchable], bool]:
    wanted = _words(phrase)
    if not wanted:
        raise QueryError(f"'{phrase}' holds no word to search for")
    size = len(wanted)

    def matches(post: Searchable) -> bool:
        have = _words(post.full_text)
        return any(
            all(_same(word, have[at + n]) for n, word in enumerate(wanted)) for at in range(len(have) - size + 1)
        )

    return matches


def _same(wanted: str, have: str) -> bool:
    """A plain word also matches behind ``$``, ``#`` or ``@``; a word with such a sign matches only with that sign."""
    return have == wanted if wanted[0] in "$#@" else have.lstrip("$#@") == wanted


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold())
