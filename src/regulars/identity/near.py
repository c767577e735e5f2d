"""Whom a day has to look at: everybody whom a changed profile can reach by something that decides, and nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.blocking import EMAIL, PHONE, RULES, Blocks, Keys, block_keys, sharing
from regulars.identity.exact import named_profiles
from regulars.identity.numbered import profile_keys, whole_numbers
from regulars.identity.portrait import portraits
from regulars.identity.seen import BLOCKS, Seen, by_age
from regulars.identity.separation import Bools, Ints
from regulars.identity.today import Today

Ties = tuple[Ints, Ints]
"""Both ends of each tie: profiles of which one decides about the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """Profiles as the last run left them, and behind them those told of since, as they are today.

    A profile that changed comes twice. Where it comes first it is not alive, and neither is one that is gone: it only
    says whom it used to reach.
    """

    today: Today
    keys: pa.Array                           # of each node: the key of its profile
    alive: Bools                             # whether the node is a profile as it is today
    told: Ints                               # nodes whose profile was told of
    heir: Ints                               # of each node of the last run: the node of its profile today, -1: gone
    blocks: Keys                             # shape (rules, nodes)
    person: Ints                             # as the last run left it, -1 where it knew nobody
    fingerprint: Ints                        # the same

    @classmethod
    def of(cls, today: Today, *, told: pa.Array, compared: pa.Table) -> Nodes:
        """Return the nodes of profiles.

        Args:
            today: All profiles there are.
            told: Keys of those that came, changed or went since the last run, or were ruled on.
            compared: `seen.COMPARED_PROFILES` of the last run.

        """
        before = profile_keys(compared["profile_source"], compared["profile_id"])
        fresh = today.of(told)
        fresh_keys = profile_keys(fresh["profile_source"], fresh["profile_id"])
        count, more = len(before), len(fresh)
        is_past = pc.is_in(before, value_set=told).to_numpy(zero_copy_only=False)
        twin = whole_numbers(pc.index_in(before, fresh_keys).fill_null(-1))
        blocks, fingerprint = np.empty((RULES, count + more), dtype=np.int32), np.full(count + more, -1)
        for rule, name in enumerate(BLOCKS):
            blocks[rule, :count] = compared[name].to_numpy()
        blocks[:, count:] = block_keys(portraits(fresh))
        fingerprint[:count] = compared["fingerprint"].to_numpy()
        fingerprint[count + twin[twin >= 0]] = fingerprint[:count][twin >= 0]
        return cls(
            today=today, keys=pa.concat_arrays([before, fresh_keys]),
            alive=np.append(~is_past, np.full(more, fill_value=True)),
            told=np.append(np.flatnonzero(is_past), count + np.arange(more)),
            heir=np.where(is_past, np.where(twin < 0, -1, count + twin), np.arange(count)), blocks=blocks,
            person=np.append(compared["person"].to_numpy(), np.full(more, -1)), fingerprint=fingerprint,
        )

    def places(self, asked: Sequence[pa.Array]) -> list[Ties]:
        """Return, for each array of keys, the node of each key today and as the last run left it, -1 for none."""
        count, whole = len(self.heir), pa.concat_arrays([keys.cast(pa.string()) for keys in asked])
        was = _places(whole, self.keys.slice(0, count))
        now, is_new = np.append(self.heir, -1)[was], was < 0     # -1 takes the last: nobody
        fresh = _places(whole.filter(pa.array(is_new)), self.keys.slice(count))
        now[is_new] = np.where(fresh < 0, -1, count + fresh)
        ends = np.cumsum([len(keys) for keys in asked])[:-1]
        return list(zip(np.split(now, ends), np.split(was, ends), strict=True))

    def named(self) -> tuple[pa.Array, pa.Array]:
        """Return the keys of profiles whose system names another's id, and the keys that are named."""
        naming = self.today.naming()
        return named_profiles(naming, profile_keys(naming["profile_source"], naming["profile_id"]))

    def reached(self, seeds: Ints, *, ties: Sequence[Ties]) -> Bools:
        """Say of each node whether it shares a contact or person with a seed or is tied to one, and so on from there.

        Args:
            seeds: Nodes.
            ties: More that decides; an end of -1 is nobody.

        """
        is_reached, edge = np.zeros(len(self.keys) + 1, dtype=bool), np.unique(seeds)
        while len(edge):
            is_reached[edge] = True
            near = [sharing(key, key[edge]) for key in (self.blocks[EMAIL], self.blocks[PHONE], self.person)]
            is_edge = np.zeros(len(is_reached), dtype=bool)          # the last is for nobody
            is_edge[edge] = True
            for one, other in ties:
                near += [one[is_edge[other]], other[is_edge[one]]]
            fresh = np.unique(np.concatenate(near))
            edge = fresh[(fresh >= 0) & ~is_reached[fresh]]
        return is_reached[:-1]

    def people(self, nodes: Ints) -> tuple[pa.Table, pa.Array, Ints]:
        """Return the profiles of living nodes by age, the key of each and its node."""
        asked = self.keys.take(pa.array(nodes))
        people = by_age(self.today.of(asked))
        keys = profile_keys(people["profile_source"], people["profile_id"])
        return people, keys, nodes[whole_numbers(pc.index_in(keys, asked))]

    def with_seen(self, seen: Seen, node: Ints, *, limits: Sequence[int]) -> tuple[Ints, Blocks]:
        """Return the person of each node, and the blocks of those that are alive, with what is seen of some now."""
        person, blocks = self.person.copy(), self.blocks.copy()
        blocks[:, ~self.alive], person[~self.alive] = -1, -1
        blocks[:, node], person[node] = seen.blocks, seen.person
        return person, Blocks(keys=blocks, limits=tuple(limits))


def _places(asked: pa.Array, keys: pa.Array) -> Ints:
    """Return where each asked key is among keys that are all different, -1 for nowhere."""
    # Those asked for are few: a set of them is made in no time, one of all keys is made anew for each question.
    few = asked.dictionary_encode()
    met = pc.index_in(keys, few.dictionary)
    place = np.full(len(few.dictionary), -1)
    place[whole_numbers(met.drop_null())] = np.flatnonzero(met.is_valid().to_numpy(zero_copy_only=False))
    return place[whole_numbers(few.indices)]
