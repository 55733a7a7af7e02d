"""Every story that once broke a promise, or that an oracle once judged wrongly, in the shortest form that was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from user_miner.simulation.plan import Plan
from user_miner.simulation.shrink import parse_disturbances

__all__ = ["REGRESSIONS", "Regression"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """One story.

    Attributes:
        what: What went wrong, in one sentence.
        seed: Of the world.
        windows: As in the plan.
        only: The disturbances, as the command takes them; empty for all that the seed draws.
    """

    what: str
    seed: int
    windows: int
    only: str = ""

    @property
    def plan(self) -> Plan:
        """What to run."""
        listed = parse_disturbances(self.only) if self.only else None
        return Plan(seed=self.seed, windows=self.windows, disturbances=listed)


REGRESSIONS: Final = (
    Regression(
        what="Tokens of an answer without a text were billed, and neither the journal nor the budget knew of them.",
        seed=8,
        windows=20,
        only="llm.chat#99:null_content=0.309167",
    ),
    Regression(
        what="Tokens of an answer without choices were billed, and neither the journal nor the budget knew of them.",
        seed=15,
        windows=8,
        only="llm.chat#9:empty_choices=0.798901",
    ),
    Regression(
        what="A record that was durable and never acknowledged was left out of what the next start is compared with.",
        seed=3,
        windows=50,
    ),
    Regression(
        what="A request that the network repeated was taken for a second use of its signature.",
        seed=2,
        windows=50,
    ),
    Regression(
        what="A server that told of a window and went back to the one before was counted as the miner's excess.",
        seed=36,
        windows=50,
    ),
    Regression(
        what="The simulated X served posts older than the search asked for, by a host's clock that ran days ahead.",
        seed=267,
        windows=50,
    ),
    Regression(
        what="Damage before a snapshot, which no start reads, was expected to be refused by one.",
        seed=17,
        windows=20,
    ),
    Regression(
        what="check asked what is wanted between a move of the API and the next start, when nobody does.",
        seed=16,
        windows=8,
        only="life.end#1:die=0.4422,life.end#2:io_error=0.757711,life.end#3:kill=0.160085,life.api#4:moved=0.543109",
    ),
    Regression(
        what="Posts were chosen by the settings of when their search began, and recorded behind other ones.",
        seed=358,
        windows=12,
        only="host#1:settings=0.379097,host#10:settings=0.535263",
    ),
    Regression(
        what="A request that outlived its sender, and came behind another process's, was taken for that one's doing.",
        seed=118,
        windows=50,
    ),
    Regression(
        what="A window that was full by a smaller quota already opened in Submitting, and left nothing to send.",
        seed=71,
        windows=40,
        only=(
            "api.status#41:slow=0.738255,chain#21:jump=0.07478,chain#25:jump=0.31705,chain#26:stall=0.676494,"
            "chain#29:resize=0.248746,chain#30:stall=0.31586,api.status#62:slow=0.983882,chain#32:quota=0.10368"
        ),
    ),
    Regression(
        what="A search that a kill cut off was not counted when the next start moved the API: the budget was exceeded.",
        seed=31672,
        windows=32,
        only="life.end#1:kill=0.961754,life.api#2:moved=0.068788,host#1:settings=0.869133",
    ),
    Regression(
        what="A page that X answered too late, behind one that came, was billed, and the budget knew nothing of it.",
        seed=5830,
        windows=19,
        only="host#5:settings=0.865436,host#8:settings=0.707694,x.search#10:missing_author=0.938954,x.search#11:slow=0.555752",
    ),
    Regression(
        what="A clock set back between a crash and a failed attempt let the attempt's wait end with the crash's.",
        seed=9179,
        windows=50,
    ),
    Regression(
        what="A post was expected to be given up by a process that only moved its journal to another API.",
        seed=5301,
        windows=50,
    ),
    Regression(
        what="A search of a process that died was taken for that of the next one, which had moved the API.",
        seed=2962,
        windows=50,
    ),
    Regression(
        what="A miner kept to the window that a stale status named for a bare 429, and was held to the real one.",
        seed=10921,
        windows=50,
    ),
    Regression(
        what="The audit missed a reason: a start that allows fewer attempts gives up posts, which fill their window.",
        seed=3123458253,
        windows=25,
    ),
    Regression(
        what="A submission waited for ever for a second answer about a window that had been taken back meanwhile.",
        seed=128,
        windows=50,
        only="life.end#1:kill=0.476235,llm.chat#12:asleep=0.994709,chain#480:jump=0.553211,chain#488:tells_far=0.764652",
    ),
    Regression(
        what="A window that was told of too early, and that the chain had reached, was taken back for one late answer.",
        seed=1396,
        windows=32,
        only=(
            "chain#12:jump=0.291612,host#17:settings=0.49084,api.status#105:window_ahead=0.266911,"
            "api.status#108:slow=0.781616,chain#21:back=0.405187"
        ),
    ),
    Regression(
        what="Carried posts were expected to be sent in a window that one answer alone told of, just before its end.",
        seed=7100258,
        windows=4,
        only="clock#3:behind=0.470834,chain#4:stall=0.663388",
    ),
    Regression(
        what="A window was taken back that the chain had left and reached again, by blocks that were told before.",
        seed=7200055,
        windows=50,
    ),
    Regression(
        what="The audit missed a reason: the only post of a window grew too old while a second answer was waited for.",
        seed=7100187,
        windows=50,
    ),
    Regression(
        what="A late answer was booked with the block that it hid, so a window that was told once seemed told twice.",
        seed=27095,
        windows=16,
        only="chain#13:back=0.809976,api.status#65:500=0.76243,api.status#67:old_block=0.970874",
    ),
    Regression(
        what="A window that four answers agreed on was taken back for one lower answer and those before all of them.",
        seed=29583,
        windows=50,
    ),
    Regression(
        what="The audit took posts of a window that was taken back for fresh ones when that window was told again.",
        seed=28132,
        windows=8,
        only="chain#6:tells_ahead=0.287441,x.search#6:partial=0.91939",
    ),
    Regression(
        what="The audit did not count a window that was told again as one into which held posts were carried.",
        seed=23846,
        windows=16,
        only=(
            "life.end#1:stop=0.758428,life.authors#1:cached=0.73261,llm#8:refuses=0.027366,life.end#2:kill=0.0947,"
            "life.down#2:long=0.327216,life.end#3:kill=0.324711,llm#13:refuses=0.585017,"
            "api.status#108:window_ahead=0.603774"
        ),
    ),
    Regression(
        what="The audit did not count a window that was told again as one into which spare posts were carried.",
        seed=23963,
        windows=50,
    ),
    Regression(
        what="A window that held posts filled was taken for a missed one when a start gave those posts up.",
        seed=23310,
        windows=24,
        only=(
            "life.end#1:kill=0.607818,life.api#1:moved=0.222943,life.down#1:long=0.535665,life.end#2:kill=0.213523,"
            "llm#16:refuses=0.6,life.end#3:stop=0.05,life.down#3:long=0.253491,life.policy#4:other=0.199358"
        ),
    ),
    Regression(
        what="Attempts in a window that was taken back were counted with those of the same window when it came.",
        seed=394,
        windows=8,
        only=(
            "chain#4:tells_ahead=0.246312,api.submit#12:500=0.5,api.submit#13:500=0.5,api.submit#14:500=0.5,"
            "api.submit#15:500=0.5,api.submit#16:500=0.5,api.submit#17:500=0.5"
        ),
    ),
    Regression(
        what="The audit took a budget that withholds authors behind their search for a second search of the window.",
        seed=40071,
        windows=40,
    ),
    Regression(
        what="A wait was measured anew by a start while the clock was ahead, and taken for one that was cut short.",
        seed=50021,
        windows=40,
    ),
    Regression(
        what="Windows were told to be longer behind a 429, and posts were sent before the true end of its window.",
        seed=28100,
        windows=50,
    ),
    Regression(
        what="A miner was held to the longer window of a 429 before three answers in a row had told of its length.",
        seed=23653,
        windows=50,
    ),
    Regression(
        what="The audit expected spare posts in a window that was told before the last analysis, of one left out.",
        seed=70045,
        windows=40,
    ),
    Regression(
        what="A post that stays invalid was answered so, and booked as if a failure had hidden what was done with it.",
        seed=929109,
        windows=50,
    ),
)
