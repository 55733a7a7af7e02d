"""Liars: whoever has some honest bundles of a miner makes others of them, and seals them as well as he can.

A third party has the bundles of several posts from two journals of one hotkey, and can write and hash anew whatever no
signature covers. The operator has the key besides: he signs lists again after he has changed a record in them. A lie is
a function of a bundle, the world and a draw; it gives None where the bundle has nothing to lie about in that way.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias

from bittensor_core import Keypair

from actor.machine.history import folded
from audit.dispute import encode_bundle, make_bundles
from audit.posts import post_rows
from events.catalogue import EVENTS, CheckpointSigned
from events.journal.record import checkpoint_message, decode_event, hashes_sha256
from tests.audit.dispute_kit import at, leaves
from tests.audit.replay_kit import write
from tests.audit.walks import Walk

__all__ = ["LIES", "OPERATOR_S_LIES", "World", "world"]

Data: TypeAlias = dict[str, Any]
Lie: TypeAlias = "Callable[[Data, World, Random], Data | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Two honest journals of one hotkey with all their bundles.

    Attributes:
        places: Where they lie.
        walks: The machines that wrote them.
        bundles: The bundle of each post, as JSON, by journal.
    """

    places: tuple[Path, Path]
    walks: tuple[Walk, Walk]
    bundles: tuple[Mapping[str, Data], Mapping[str, Data]]

    def shown(self, seq: int, journal: int = 0) -> Data:
        """A record as a bundle shows it."""
        walk = self.walks[journal]
        previous = walk.records[seq - 2].hash if seq > 1 else "0" * 64
        return {"seq": seq, "previous": previous, "line": walk.lines[seq - 1].decode().removesuffix("\n")}


def world(folder: Path, seed: int) -> World:
    """Two random histories of 150 turns."""
    walks = tuple(Walk(seed * 2 + number).go(150) for number in (0, 1))
    places = tuple(write(folder / str(number), walk) for number, walk in enumerate(walks))
    bundles = tuple(_bundles(place, walk) for place, walk in zip(places, walks, strict=True))
    return World(places=places, walks=walks, bundles=bundles)  # type: ignore[arg-type]  # two of each


def _bundles(place: Path, walk: Walk) -> dict[str, Data]:
    posts = [row.post.id for row in post_rows(folded(walk.records))]
    return {bundle.post_id: json.loads(encode_bundle(bundle)) for bundle in make_bundles(place, posts)}


def _name(record: Data) -> str:
    name: str = json.loads(record["line"])["event"]
    return name


def _names_post(record: Data, post_id: str) -> bool:
    return bool(json.loads(record["line"])["data"].get("post_id") == post_id)


# What is hidden, doubled, moved


def _drop_record(data: Data, _: World, random: Random) -> Data | None:
    del data["records"][random.randrange(len(data["records"]))]
    return data


def _hide(data: Data, records: list[Data], names: list[str]) -> Data:
    """Move records to those that are left out, under these names."""
    told = [{"seq": record["seq"], "event": name} for record, name in zip(records, names, strict=True)]
    data["records"] = [record for record in data["records"] if record not in records]
    data["left_out"] = sorted([*data["left_out"], *told], key=lambda left: int(left["seq"]))
    return data


def _hide_some(data: Data, _: World, random: Random) -> Data | None:
    late = [record for record in data["records"] if record["seq"] > data["search"]["seq"]]
    if not late:
        return None
    gone = random.sample(late, random.randint(1, len(late)))
    return _hide(data, gone, [_name(record) if random.random() < 0.8 else random.choice([*EVENTS]) for record in gone])


def _hide_attempts(data: Data, _: World, random: Random) -> Data | None:
    """Attempts with their answers, from the first one on or from the last one back."""
    ours = [record for record in data["records"] if _names_post(record, data["post_id"])]
    sent = [place for place, record in enumerate(ours) if _name(record) == "SubmissionStarted"]
    if not sent:
        return None
    cut = random.choice(sent[1:] or sent)
    gone = ours[sent[0] : cut] if cut > sent[0] and random.random() < 0.7 else ours[cut:]
    return _hide(data, gone, [_name(record) for record in gone])


def _hide_by_name(data: Data, _: World, random: Random) -> Data | None:
    """All records of one or two kinds, such as analysis and attempt, so that the text is free."""
    names = random.sample(sorted({_name(record) for record in data["records"]}), 2)
    late = data["search"]["seq"]
    gone = [record for record in data["records"] if _name(record) in names and record["seq"] > late]
    return _hide(data, gone, [_name(record) for record in gone]) if gone else None


def _swap(data: Data, _: World, random: Random) -> Data | None:
    records = data["records"]
    one, other = random.sample(range(len(records)), 2)
    records[one], records[other] = records[other], records[one]
    return data


def _twice(data: Data, _: World, random: Random) -> Data | None:
    data["records"].insert(random.randrange(len(data["records"])), random.choice(data["records"]))
    return data


def _shorten(data: Data, _: World, random: Random) -> Data | None:
    if not data["left_out"]:
        return None
    del data["left_out"][random.choice([0, -1, random.randrange(len(data["left_out"]))])]
    return data


def _rename(data: Data, _: World, random: Random) -> Data | None:
    if not data["left_out"]:
        return None
    random.choice(data["left_out"])["event"] = random.choice([*EVENTS, "Nothing", ""])
    return data


def _cut_off(data: Data, _: World, random: Random) -> Data | None:
    last = max([data["search"]["seq"], *(record["seq"] for record in data["records"])])
    end = random.randint(data["search"]["seq"], last)
    for part in ("records", "left_out"):
        data[part] = [record for record in data[part] if record["seq"] <= end]
    return data


def _forget_checkpoint(data: Data, _: World, random: Random) -> Data | None:
    if not data["checkpoints"]:
        return None
    del data["checkpoints"][random.randrange(len(data["checkpoints"]))]
    return data


# What is made up


def _another_text(data: Data, _: World, random: Random) -> Data | None:
    post = data["search"]["post"]
    post["content"] = random.choice(
        ["made up", "", post["content"][:-1], post["content"] + "!", f" {post['content'].replace(' ', chr(0x2028))} "]
    )
    return data


def _another_post(data: Data, _: World, random: Random) -> Data | None:
    post = data["search"]["post"]
    field = random.choice([*post])
    value = post[field]
    post[field] = (
        value + random.choice(["0", "é"]) if isinstance(value, str) else random.choice([0, value + 1, -1, 2**62])
    )
    return data


def _all_of_it_with_nothing_shown(data: Data, world: World, random: Random) -> Data | None:
    """A post of another id, text and author, under records of which none names the true one."""
    gone = [record for record in data["records"] if _names_post(record, data["post_id"])]
    data = _hide(data, gone, [_name(record) for record in gone])
    data["post_id"] = random.choice(["999", *world.bundles[0], *world.bundles[1]])
    data["search"]["post"] |= {"id": data["post_id"], "content": "made up", "author": "nobody", "likes": 4_999}
    return data


def _with_a_crash(data: Data, world: World, random: Random) -> Data | None:
    """The same, with a record shown that names no post, though others of its kind do."""
    lied = _all_of_it_with_nothing_shown(data, world, random)
    seqs = {left["seq"] for left in data["left_out"]}
    loose = [r.seq for r in world.walks[0].records if r.seq in seqs and r.data.get("post_id", "") is None]
    if lied is None or not loose:
        return None
    data["left_out"] = [left for left in data["left_out"] if left["seq"] != loose[0]]
    data["records"] = sorted([*data["records"], world.shown(loose[0])], key=lambda record: int(record["seq"]))
    return data


def _another_time(data: Data, _: World, random: Random) -> Data | None:
    data["search"]["at"] = random.choice(["2026-11-22T14:12:05.123Z", "1970-01-01T00:00:00.000Z", "yesterday"])
    return data


def _another_number(data: Data, _: World, random: Random) -> Data | None:
    search = data["search"]
    name = random.choice([name for name, value in search.items() if isinstance(value, int)])
    search[name] = random.choice([0, 1, search[name] + 1, search[name] * 2, 7])
    return data


def _another_search(data: Data, world: World, random: Random) -> Data | None:
    """The search is said to be another record, and what lies between it and the end is told to fit."""
    end = max([data["search"]["seq"], *(record["seq"] for record in data["records"])])
    seq = random.randint(2, end)
    data["search"] |= {"seq": seq, "hash": world.walks[0].records[seq - 1].hash}
    data["records"] = [record for record in data["records"] if record["seq"] != seq]
    shown = {record["seq"] for record in data["records"]}
    names = {number: world.walks[0].records[number - 1].name for number in range(seq + 1, end + 1)}
    data["left_out"] = [{"seq": number, "event": name} for number, name in names.items() if number not in shown]
    return data


def _another_kind(data: Data, _: World, random: Random) -> Data | None:
    """Another type in any place, a field too many or too few."""
    path = random.choice([*leaves(data)])
    holder, key = at(data, path[:-1]), path[-1]
    value = holder[key]
    others: list[Any] = [None, True, 1.0, "1", [], {}, 2**70, [value]]
    if isinstance(value, int):
        others += [float(value), bool(value), str(value)]
    elif isinstance(value, str):
        others += ["\ud800", f"{value}\ud83d", f"{value}\x00"]
    if isinstance(holder, dict) and random.random() < 0.3:
        holder["more" if random.random() < 0.5 else key] = holder.pop(key)
    else:
        holder[key] = random.choice(others)
    return data


def _another_value(data: Data, _: World, random: Random) -> Data | None:
    path = random.choice([*leaves(data)])
    holder, key = at(data, path[:-1]), path[-1]
    value = holder[key]
    if isinstance(value, int):
        holder[key] = random.choice([value + 1, value - 1, 0, -value])
    elif isinstance(value, str) and value:
        place = random.randrange(len(value))
        holder[key] = value[:place] + random.choice("01ab{ ") + value[place + 1 :]
    return data


FORGER_S_ROWS: Final = "\nverdict: rejected\nproven\x1b[8m"


def _steer(data: Data, _: World, random: Random) -> Data | None:
    """Rows of his own, in whatever is text."""
    path = random.choice([path for path in leaves(data) if isinstance(at(data, path), str)])
    at(data, path[:-1])[path[-1]] += FORGER_S_ROWS
    return data


def _hide_move(data: Data, _: World, __: Random) -> Data | None:
    """The API that the post was sent to."""
    moves = [record for record in data["records"] if _name(record) == "ApiMoved"]
    data["records"] = [record for record in data["records"] if record not in moves]
    return data if moves else None


# What is taken from elsewhere


def _from_another_post(data: Data, world: World, random: Random) -> Data | None:
    """A record of another post, or of none, of the same journal."""
    records = world.walks[0].records
    seq = random.randint(1, len(records))
    data["left_out"] = [left for left in data["left_out"] if left["seq"] != seq]
    others = [record for record in data["records"] if record["seq"] != seq]
    data["records"] = sorted([*others, world.shown(seq)], key=lambda record: int(record["seq"]))
    lists = {c["seq"]: c for other in world.bundles[0].values() for c in other["checkpoints"]}
    data["checkpoints"] = [lists[number] for number in sorted(lists)]
    return data


def _from_another_journal(data: Data, world: World, random: Random) -> Data | None:
    """Some records, checkpoints or both of another journal of the same hotkey."""
    if not world.bundles[1]:
        return None
    foreign = copy.deepcopy(random.choice([*world.bundles[1].values()]))
    border = random.choice([1, *(c["seq"] for c in [*data["checkpoints"], *foreign["checkpoints"]])])
    parts = random.choice([["records"], ["checkpoints"], ["records", "checkpoints"], ["search"], ["post_id", "search"]])
    for part in parts:
        if isinstance(data[part], list):
            early, late = (data, foreign) if random.random() < 0.5 else (foreign, data)
            data[part] = [x for x in early[part] if x["seq"] <= border] + [x for x in late[part] if x["seq"] > border]
        else:
            data[part] = foreign[part]
    return data


def _another_hotkey(data: Data, _: World, random: Random) -> Data | None:
    data["hotkey"] = Keypair.create_from_uri(random.choice(["//Bob", "//Eve"])).ss58_address
    return data


def _nothing(data: Data, _: World, __: Random) -> Data | None:
    return data


LIES: Final[tuple[Lie, ...]] = (
    _all_of_it_with_nothing_shown,
    _another_hotkey,
    _another_kind,
    _another_number,
    _another_post,
    _another_search,
    _another_text,
    _another_time,
    _another_value,
    _cut_off,
    _drop_record,
    _forget_checkpoint,
    _from_another_journal,
    _from_another_post,
    _hide_attempts,
    _hide_by_name,
    _hide_move,
    _hide_some,
    _nothing,
    _rename,
    _shorten,
    _steer,
    _swap,
    _twice,
    _with_a_crash,
)


# What only the operator can


def _resign(data: Data) -> Data:
    """Every list signed as it stands."""
    alice = Keypair.create_from_uri("//Alice")
    for listed in data["checkpoints"]:
        listed |= {"hashes_sha256": hashes_sha256(listed["hashes"]), "head": (listed["hashes"] or ["0" * 64])[-1]}
        fields = {name: value for name, value in listed.items() if name != "hashes"}
        listed["signature"] = alice.sign(checkpoint_message(CheckpointSigned(**fields))).hex()
    return data


def _rewrite_record(data: Data, _: World, random: Random) -> Data | None:
    """A record says something else, its hash in the list too; those behind it may follow, or not."""
    follow = random.random() < 0.5
    place = random.randrange(len(data["records"]))
    hashes: dict[int, str] = {}
    for number, shown in enumerate(data["records"][place:]):
        if number and not (follow and shown["seq"] - 1 in hashes):
            continue
        line = json.loads(shown["line"])
        if not number and not _change(line, random):
            return None
        shown["previous"] = hashes.get(shown["seq"] - 1, shown["previous"])
        text = json.dumps(line, separators=(",", ":"), ensure_ascii=False)[:-75]
        hashes[shown["seq"]] = hashlib.sha256((shown["previous"] + text).encode()).hexdigest()
        shown["line"] = f'{text},"hash":"{hashes[shown["seq"]]}"}}'
    for listed in data["checkpoints"]:
        for seq, hash_ in hashes.items():
            if listed["since"] < seq <= listed["seq"]:
                listed["hashes"][seq - listed["since"] - 1] = hash_
        if 1 in hashes:
            listed["journal"] = hashes[1]
    return _resign(data)


def _change(line: Data, random: Random) -> bool:
    """Another word, number or time in a record, of the same type; whether this build can still read it."""
    paths = [path for path in leaves(line["data"]) if isinstance(at(line["data"], path), str | int)]
    if not paths or random.random() < 0.2:
        line["at"] = "2026-11-20T00:00:00.000Z"
        return True
    path = random.choice(paths)
    holder = at(line["data"], path[:-1])
    value = holder[path[-1]]
    if isinstance(value, bool):
        holder[path[-1]] = not value
    else:
        holder[path[-1]] = (
            value + 1
            if isinstance(value, int)
            else random.choice([f"{value}0", "999", "SubmitPost:1", value + FORGER_S_ROWS])
        )
    try:
        decode_event(line["event"], line["v"], json.dumps(line["data"]).encode())
    except ValueError:
        return False
    return True


def _list_otherwise(data: Data, _: World, random: Random) -> Data | None:
    """A list with a hash too many, too few, exchanged or moved; signed all the same."""
    listed = random.choice(data["checkpoints"] or [None])
    if listed is None:
        return None
    place = random.randrange(len(listed["hashes"]))
    match random.randrange(4):
        case 0:
            listed["hashes"][place] = "ab" * 32
        case 1:
            del listed["hashes"][place]
        case 2:
            listed["hashes"].insert(place, "cd" * 32)
        case _:
            listed["since"] += random.choice([-1, 1])
    return _resign(data) if listed["since"] < listed["seq"] else None


OPERATOR_S_LIES: Final[tuple[Lie, ...]] = (_list_otherwise, _rewrite_record)
