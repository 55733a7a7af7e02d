"""The authors of the corpus, made from a seed. They resemble nobody."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["User", "make_users"]

_DAY_S = 86_400
_FIRST_ID = 1_200_000_000
_NAMES = (
    ("Ada Merle", "ada_stakes"), ("Bruno Kell", "brunokell"), ("Chidi O.", "chidi_runs_nodes"),
    ("Dara 🧠", "dara_on_tensors"), ("Emil Roth", "emilroth_"), ("Fen", "fen_quant"),
    ("Gudrun", "gudrun_validates"), ("Hsu Lin", "hsulin88"), ("Ines Vargas", "inesv_ml"),
    ("Jonas τ", "jonas_tao"), ("Kaya", "kaya_builds"), ("Lev Orlov", "lev_gpu"),
    ("Mina P.", "minap_research"), ("Noor", "noor_delegates"), ("Otis Bell", "otisbell"),
    ("Petra Nowak", "petra_nowak_ai"), ("Quill", "quill_notes"), ("Rafael D.", "raf_subnets"),
    ("Suki", "suki_degen"), ("Tomasz W.", "tomasz_onchain"), ("Uma Sen", "umasen"),
    ("Viktor Lund", "viktor_lund"), ("Wren", "wren_mines"), ("Xiu", "xiu_alpha"),
    ("Yara Kim", "yara_kim_dev"), ("Zeno", "zeno_skeptic"), ("AIRDROP DESK", "airdrop_desk_9001"),
    ("Signals Daily", "signals_daily_x"), ("Tensor Digest", "tensor_digest"), ("Block Clerk", "blockclerk"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account. created_at is unix seconds."""

    id: str
    name: str
    username: str
    created_at: float
    description: str
    verified: bool
    followers: int
    following: int
    posts: int
    listed: int


def make_users(seed: int, now: float) -> list[User]:
    """Thirty accounts, from a day to fifteen years old, from no followers to more than the score's cap."""
    rng = random.Random(f"{seed}:users")  # noqa: S311 - a seeded corpus, not security
    return [_user(rng, number, now) for number in range(len(_NAMES))]


def _user(rng: random.Random, number: int, now: float) -> User:
    name, username = _NAMES[number]
    age_days = (1, 30, 2_555, 5_400)[number] if number < 4 else int(rng.triangular(5, 5_000, 900))  # noqa: PLR2004
    followers = (0, 12, 260_000)[number] if number < 3 else int(10 ** rng.uniform(0.5, 5.2))  # noqa: PLR2004
    return User(
        id=str(_FIRST_ID + number * 7_919),
        name=name,
        username=username,
        created_at=float(int(now - age_days * _DAY_S - rng.randrange(3_600, 80_000))),
        description="Made up for a sandbox.",
        verified=rng.random() < 0.3,  # noqa: PLR2004
        followers=followers,
        following=int(10 ** rng.uniform(0.5, 3.5)),
        posts=int(10 ** rng.uniform(0.5, 4.8)),
        listed=followers // 150,
    )
