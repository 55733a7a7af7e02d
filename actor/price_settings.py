"""What reading costs, as far as settings say it. A part of all settings, so that readers need no token for it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from events.prices import Prices

__all__ = ["PriceSettings"]

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PriceSettings(BaseModel):
    """The price table, in US dollars. docs/costs.md says where the defaults are from."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)

    x_usd_per_post: Price = 0.005
    x_usd_per_user: Price = 0.010
    llm_usd_per_million_prompt_tokens: Price | None = None
    llm_usd_per_million_completion_tokens: Price | None = None

    @model_validator(mode="after")
    def _both_token_prices(self) -> Self:
        names = ("LLM_USD_PER_MILLION_PROMPT_TOKENS", "LLM_USD_PER_MILLION_COMPLETION_TOKENS")
        missing = [name for name in names if getattr(self, name.lower()) is None]
        if len(missing) == 1:
            raise ValueError(f"{missing[0]}: is not set, but the other price of tokens is: set both or none")
        return self

    def prices(self) -> Prices:
        """The price table as a value."""
        return Prices(
            x_usd_per_post=self.x_usd_per_post,
            x_usd_per_user=self.x_usd_per_user,
            llm_usd_per_million_prompt_tokens=self.llm_usd_per_million_prompt_tokens,
            llm_usd_per_million_completion_tokens=self.llm_usd_per_million_completion_tokens,
        )
