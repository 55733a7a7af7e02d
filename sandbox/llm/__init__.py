"""Stand-in for an OpenAI-compatible chat endpoint. It never runs a language model."""

from __future__ import annotations

from sandbox.llm.app import LlmService
from sandbox.llm.model import Question, answer, read_question

__all__ = ["LlmService", "Question", "answer", "read_question"]
