"""Who decides: the pure state machine. It imports ``events`` and answer types, and never does IO."""

from actor.machine.encoding import decode_state, encode_state, state_sha256
from actor.machine.scoring import content_sha256, norm_text, score_post_entry
from actor.machine.state import INITIAL, REDUCER, STATES, State
from actor.machine.step import IllegalEventError, fold, fold_record, step
from actor.machine.wanted import at_rest, wanted

__all__ = [
    "INITIAL",
    "REDUCER",
    "STATES",
    "IllegalEventError",
    "State",
    "at_rest",
    "content_sha256",
    "decode_state",
    "encode_state",
    "fold",
    "fold_record",
    "norm_text",
    "score_post_entry",
    "state_sha256",
    "step",
    "wanted",
]
