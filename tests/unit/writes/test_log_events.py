"""Requests about the log itself."""

from __future__ import annotations

import pytest

from regesta.v1 import heads_service_pb2 as pb
from regesta.v1 import log_status_pb2 as log_pb
from regesta_service.api.writes import translate_log
from regesta_service.domain.limits import MAX_NOTE_BYTES
from regesta_service.domain.log import (
    RecordFork,
    RecordKeyCompromise,
    RecordKeyRotation,
    RecordWitness,
)
from tests.unit.writes.requests import VKEY, refusal, salts

SIGNATURE = "— log.example.com/acme " + "A" * 91 + "=\n"
NOTE = "log.example.com/acme\n12\n" + "A" * 43 + "=\n\n" + SIGNATURE


def translated(**event):
    request = pb.RecordLogEventRequest(parent="namespaces/acme", request_id="r", **event)
    return translate_log.record_log_event(request, salts()).command


def refused(field, **event):
    return refusal(lambda: translated(**event), field)


def test_each_kind_becomes_its_command():
    assert RecordKeyRotation(new_vkey=VKEY, last_checkpoint=NOTE) == translated(
        key_rotated=pb.KeyRotation(new_vkey=VKEY, last_checkpoint=NOTE)
    )
    assert RecordKeyCompromise(vkey=VKEY, last_good_size=7, checkpoint=NOTE) == translated(
        key_compromised=pb.KeyCompromise(vkey=VKEY, last_good_size=7, checkpoint=NOTE)
    )
    assert RecordWitness(checkpoint=NOTE) == translated(
        log_witnessed=pb.LogWitness(checkpoint=NOTE)
    )
    fork = log_pb.LogFork(
        old_checkpoint=NOTE,
        recovered_size=1,
        recovered_root=bytes(32),
        first_lost=2,
        last_lost=3,
    )
    assert RecordFork(
        old_checkpoint=NOTE,
        recovered_size=1,
        recovered_root=bytes(32),
        first_lost=2,
        last_lost=3,
    ) == translated(log_forked=fork)


def test_one_kind_is_required():
    refused("event")


@pytest.mark.parametrize(
    "vkey", ["", "acme", "acme+00000000+AAAA", VKEY[:-4], VKEY + "\n", "a b" + VKEY]
)
def test_a_key_is_a_vkey(vkey):
    refused("key_rotated.new_vkey", key_rotated=pb.KeyRotation(new_vkey=vkey))
    refused("key_compromised.vkey", key_compromised=pb.KeyCompromise(vkey=vkey))


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text",
        NOTE.partition("—")[0],
        NOTE.replace("12", "012"),
        NOTE + "\n",
        NOTE + SIGNATURE * (MAX_NOTE_BYTES // len(SIGNATURE)),
    ],
)
def test_a_checkpoint_is_a_signed_note_that_is_not_too_long(note):
    refused("log_witnessed.checkpoint", log_witnessed=pb.LogWitness(checkpoint=note))
    if note:
        refused(
            "key_rotated.last_checkpoint",
            key_rotated=pb.KeyRotation(new_vkey=VKEY, last_checkpoint=note),
        )


def test_sizes_are_not_negative_and_a_root_has_32_bytes():
    fork = log_pb.LogFork(old_checkpoint=NOTE, recovered_size=-1, recovered_root=bytes(32))
    refused("log_forked.recovered_size", log_forked=fork)
    refused("log_forked.recovered_root", log_forked=log_pb.LogFork(old_checkpoint=NOTE))
    refused(
        "key_compromised.last_good_size",
        key_compromised=pb.KeyCompromise(vkey=VKEY, last_good_size=-1),
    )
