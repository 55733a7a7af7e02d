"""Relevance and sentiment of a post: direct mentions, one question to a language model, a deterministic score.

Nothing here does IO of its own but reading the registry file; the language model is reached through `LLM`.
"""

from actor.analyzer.analysis import Analysis, AnalysisError
from actor.analyzer.analyzer import Analyzer
from actor.analyzer.port import LLM, Completion, LLMError, LLMErrorKind
from actor.analyzer.prompt import PROMPT_VERSION
from actor.analyzer.registry import Identifier, Registry, RegistryError, Subnet
from actor.analyzer.registry_file import load_registry
from actor.analyzer.strategies import StrategyName, make_strategy
from actor.analyzer.strategy import Judgement, Strategy, Study

__all__ = [
    "LLM",
    "PROMPT_VERSION",
    "Analysis",
    "AnalysisError",
    "Analyzer",
    "Completion",
    "Identifier",
    "Judgement",
    "LLMError",
    "LLMErrorKind",
    "Registry",
    "RegistryError",
    "Strategy",
    "StrategyName",
    "Study",
    "Subnet",
    "load_registry",
    "make_strategy",
]
