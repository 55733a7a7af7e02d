"""Relevance and sentiment of a post: direct mentions, one question to a language model, a deterministic score.

Nothing here does IO of its own but reading the registry file; the language model is reached through `LLM`.
"""

from actor.analyzer.analyzer import Analysis, AnalysisError, Analyzer
from actor.analyzer.port import LLM, Completion, LLMError, LLMErrorKind
from actor.analyzer.prompt import PROMPT_VERSION
from actor.analyzer.registry import Identifier, Registry, RegistryError, Subnet, load_registry

__all__ = [
    "LLM",
    "PROMPT_VERSION",
    "Analysis",
    "AnalysisError",
    "Analyzer",
    "Completion",
    "Identifier",
    "LLMError",
    "LLMErrorKind",
    "Registry",
    "RegistryError",
    "Subnet",
    "load_registry",
]
