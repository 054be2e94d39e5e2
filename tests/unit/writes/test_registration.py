"""Translating registrations."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from regesta.v1.version_pb2 import (
    DatasetReference,
    Lineage,
    ManifestReference,
    Signature,
    TensorSpec,
    Version,
)
from regesta_projections import events as e
from regesta_projections.records import MAX_RECORD_BYTES
from regesta_service.api.writes.translating import NO_CLAIM
from regesta_service.domain import limits
from regesta_service.domain.rejections import EventTooLarge
from tests.unit.writes.requests import NOW, content, refusal, refused_version, register

SHA = "sha256:" + "0123456789abcdef" * 4
CONTROL = ["a\0b", "a\nb", "a\tb", "a\x1bb", "a\x7fb", "a\x9bb"]


def signature(**lists):
    return Version(signature=Signature(**lists))


def lineage(**fields):
    return Version(lineage=Lineage(**fields))


def manifest(**fields):
    return Version(manifest=ManifestReference(**{"digest": SHA, **fields}))


def dataset(**fields):
    return lineage(datasets=[DatasetReference(), DatasetReference(**fields)])


def spec(**fields):
    return signature(outputs=[TensorSpec(), TensorSpec(**fields)])


#: Texts on one line: their path, their limit, and a version that has one.
LINES = {
    "version.source": (limits.MAX_SOURCE, lambda text: Version(source=text)),
    "version.manifest.media_type": (4_096, lambda text: manifest(media_type=text)),
    "version.manifest.uri": (4_096, lambda text: manifest(uri=text)),
    "version.lineage.run": (limits.MAX_LINEAGE_RUN, lambda text: lineage(run=text)),
    "version.lineage.repository": (4_096, lambda text: lineage(repository=text)),
    "version.lineage.commit": (4_096, lambda text: lineage(commit=text)),
    "version.lineage.parents[1]": (4_096, lambda text: lineage(parents=["", text])),
    "version.lineage.datasets[1].name": (4_096, lambda text: dataset(name=text)),
    "version.lineage.datasets[1].role": (4_096, lambda text: dataset(role=text)),
    "version.signature.outputs[1].name": (4_096, lambda text: spec(name=text)),
    "version.signature.outputs[1].data_type": (4_096, lambda text: spec(data_type=text)),
}


@pytest.mark.parametrize("path", LINES)
def test_a_line_is_bounded_in_characters_and_has_no_control_character(path):
    limit, version_with = LINES[path]

    assert content(version_with("é" * limit)) is not None
    for wrong in ("x" * (limit + 1), *CONTROL):
        refused_version(version_with(wrong), path)


def test_what_is_output_only_is_ignored():
    version = Version(
        name="x", version=7, stage="production", aliases=["latest"], created_by="me", etag="x"
    )

    assert content(version) == e.VersionRegistered()


def test_a_version_need_not_say_anything():
    translated = register()

    assert translated.command.model == "churn"
    assert translated.command.content == e.VersionRegistered()
    assert translated.command.texts == ()
    assert not translated.command.allow_missing_model
    assert translated.claim == NO_CLAIM


def test_a_missing_model_may_be_allowed():
    assert register(allow_missing_model=True).command.allow_missing_model


def test_texts_are_sealed_and_known_to_the_answer():
    version = Version(description="better", card="# Card", tags={"notes": "x" * 2_000})

    translated = register(version, reason="weekly")

    texts = translated.command.texts
    assert [field for field, _ in texts] == ["description", "card", "reason", "long_tags.notes"]
    assert translated.texts == {text.digest: text.text for _, text in texts}
    event = translated.command.content
    held = (event.description, event.card, event.reason, event.long_tags["notes"])
    assert [text.digest for _, text in texts] == [text.digests[0] for text in held]


@pytest.mark.parametrize(("field", "limit"), [("description", 100_000), ("card", 1_000_000)])
def test_free_texts_are_bounded_in_characters(field, limit):
    version = Version()
    setattr(version, field, "é" * limit)
    assert getattr(content(version), field) is not None
    for wrong in ("x" * (limit + 1), "a\0b"):
        setattr(version, field, wrong)
        refused_version(version, f"version.{field}")


@pytest.mark.parametrize("semver", ["1", "v1.0.0", "1.0.0-01"])
def test_a_label_is_a_semantic_version(semver):
    refused_version(Version(semver=semver), "version.semver")


def test_a_label_stands_in_the_event():
    assert content(Version(semver="1.0.0-rc.1+b")).semver == "1.0.0-rc.1+b"


WRONG_SHA = ["sha256:", SHA[:-1], SHA + "0", SHA.upper(), SHA[7:], "sha512:" + SHA[7:], SHA + "\n"]


@pytest.mark.parametrize("digest", WRONG_SHA)
def test_a_digest_is_sha256_in_lower_case(digest):
    refused_version(Version(digest=digest), "version.digest")
    refused_version(manifest(digest=digest), "version.manifest.digest")


def test_a_digest_may_be_left_out_but_a_manifest_s():
    assert content(Version(digest=SHA)).digest == SHA
    refused_version(manifest(digest=""), "version.manifest.digest")


def test_a_size_is_not_negative_and_nothing_when_it_is_unknown():
    assert content(Version(size_bytes=0)).size_bytes == ""
    assert content(Version(size_bytes=2**63 - 1)).size_bytes == "9223372036854775807"
    refused_version(Version(size_bytes=-1), "version.size_bytes")
    refused_version(manifest(size_bytes=-1), "version.manifest.size_bytes")


def test_a_manifest_stands_in_the_event():
    version = manifest(size_bytes=7, media_type="application/json", uri="s3://x")

    assert content(version).manifest == e.ManifestReference(
        digest=SHA, size_bytes="7", media_type="application/json", uri="s3://x"
    )


def test_params_are_bounded():
    most = {f"key-{n}": "" for n in range(limits.MAX_PARAMS)}

    assert content(Version(params=most)).params == most
    assert content(Version(params={"a": "é" * 6_000})).params == {"a": "é" * 6_000}
    assert content(Version(params={"a": "1\n\t2"})).params == {"a": "1\n\t2"}
    refused_version(Version(params={**most, "more": ""}), "version.params")
    refused_version(Version(params={"a": "x" * 6_001}), 'version.params["a"]')
    refused_version(Version(params={"a": "\0"}), 'version.params["a"]')
    refused_version(Version(params={"": ""}), "version.params")
    refused_version(Version(params={"k" * 251: ""}), "version.params")


def test_metrics_are_finite_and_bounded():
    most = {f"key-{n}": 0.5 for n in range(limits.MAX_METRICS)}

    assert len(content(Version(metrics=most)).metrics) == limits.MAX_METRICS
    assert content(Version(metrics={"auc": 0.1, "n": 1e300})).metrics == {
        "auc": "0.1",
        "n": "1e+300",
    }
    refused_version(Version(metrics={**most, "more": 0}), "version.metrics")
    refused_version(Version(metrics={"a\0": 0}), "version.metrics")
    for wrong in (math.nan, math.inf, -math.inf):
        refused_version(Version(metrics={"auc": wrong}), 'version.metrics["auc"]')


@pytest.mark.parametrize("part", ["inputs", "outputs", "params"])
def test_a_signature_has_at_most_10000_specs_of_each_kind(part):
    # Refused for its length all together, not for their number.
    with pytest.raises(EventTooLarge):
        register(signature(**{part: [TensorSpec(name="x" * 20)] * limits.MAX_TENSOR_SPECS}))

    refused_version(
        signature(**{part: [TensorSpec()] * (limits.MAX_TENSOR_SPECS + 1)}),
        f"version.signature.{part}",
    )


def test_a_size_of_a_tensor_is_free_or_not_negative():
    event = content(spec(shape=[-1, 0, 2**63 - 1]))

    assert event.signature.outputs[1].shape == ("-1", "0", "9223372036854775807")
    refused_version(spec(shape=[1, -2]), "version.signature.outputs[1].shape")


def test_a_signature_may_say_that_there_are_no_inputs():
    assert content(signature()).signature == e.Signature()
    assert content(Version()).signature is None


@pytest.mark.parametrize("digest", ["md5:x", "sha256:0", "a:b:c"])
def test_a_data_set_s_digest_names_its_algorithm(digest):
    event = content(dataset(digest=digest))

    assert event.lineage.datasets[1].digest == digest


@pytest.mark.parametrize("digest", ["x", ":x", "md5:"])
def test_another_digest_of_a_data_set_is_refused(digest):
    refused_version(dataset(digest=digest), "version.lineage.datasets[1].digest")


def test_a_registration_that_cannot_fit_into_a_record_is_refused_at_once():
    params = {f"key-{n}": "x" * 6_000 for n in range(11)}

    with pytest.raises(EventTooLarge) as caught:
        register(Version(params=params))

    assert int(caught.value.metadata["size"]) > MAX_RECORD_BYTES


def test_long_texts_do_not_count_against_a_record():
    version = Version(card="x" * 1_000_000, tags={f"key-{n}": "x" * 100_000 for n in range(9)})

    assert len(content(version).long_tags) == 9


def occurred(**fields):
    return register(occurred_time=Timestamp(**fields)).claim.occurred_at


SECONDS = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("seconds", "nanos", "time"),
    [
        (SECONDS, 0, NOW),
        (0, 0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, 999_999_999, datetime(1970, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)),
        (-62_135_596_800, 0, datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_importer_may_claim_a_time_until_now(seconds, nanos, time):
    assert occurred(seconds=seconds, nanos=nanos) == time


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [
        (SECONDS, 1_000),
        (SECONDS + 1, 0),
        (253_402_300_799, 0),
        (253_402_300_800, 0),
        (-62_135_596_801, 0),
        (2**63 - 1, 0),
        (-(2**63), 0),
        (0, -1),
        (0, 1_000_000_000),
    ],
)
def test_a_time_in_the_future_or_out_of_range_is_refused(seconds, nanos):
    refusal(lambda: occurred(seconds=seconds, nanos=nanos), "occurred_time")
