"""What reaches the terminal, and what an error says."""

from __future__ import annotations

import grpc
import pytest

from regesta import errors
from regesta.cli.documents import document, enum_text
from regesta.cli.failing import exit_code, lines, way_out
from regesta.cli.output import Output, visible
from regesta.cli.rendering import size_text
from regesta.cli.session import Session
from regesta.v1 import model_pb2, version_pb2

ALL_ERRORS = errors.RegestaError.__subclasses__()


def test_control_characters_of_others_do_not_steer_the_terminal():
    assert r"red \x1b[31m and \x9b, \u202eturned" == visible("red \x1b[31m and \x9b, \u202eturned")
    assert "tab\tand line\nstay" == visible("tab\tand line\nstay")


def test_text_that_looks_like_markup_stays_text(capsys):
    Output().line("[red]not red[/red] :smile:")
    Output().table(("A",), [["[bold]x[/bold]"]])
    assert "[red]not red[/red] :smile:\nA\n[bold]x[/bold]\n" == capsys.readouterr().out


def test_long_cells_are_whole_in_a_pipe(capsys):
    Output().table(("A", "B#"), [["x" * 500, "1"]])
    assert "x" * 500 + "  1" == capsys.readouterr().out.splitlines()[1]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB (1,000 bytes)"),
        (734015545, "734.0 MB (734,015,545 bytes)"),
        (5 * 10**15, "5000.0 TB (5,000,000,000,000,000 bytes)"),
    ],
)
def test_sizes_are_in_powers_of_a_thousand(size, said):
    assert said == size_text(size)


def test_a_document_has_every_field_with_plain_values():
    version = version_pb2.Version(
        version=3,
        size_bytes=1 << 40,
        metrics={"auc": 0.5},
        properties={"k": version_pb2.PropertyValue(int_value=3)},
        signature=version_pb2.Signature(inputs=[version_pb2.TensorSpec(name="x", shape=[-1])]),
    )
    version.create_time.FromJsonString("2026-11-21T04:02:00.000001Z")
    found = document(version)
    assert [field.name for field in version.DESCRIPTOR.fields] == list(found)
    assert (3, 1 << 40, {"auc": 0.5}, {"k": 3}) == (
        found["version"],
        found["size_bytes"],
        found["metrics"],
        found["properties"],
    )
    assert "2026-11-21T04:02:00.000001Z" == found["create_time"]
    assert (None, "", [], {}) == (
        found["delete_time"],
        found["semver"],
        found["aliases"],
        found["tags"],
    )
    assert [{"name": "x", "data_type": "", "shape": [-1], "optional": False}] == found["signature"][
        "inputs"
    ]


def test_enums_lose_their_prefix_and_unknown_ones_stay_numbers():
    assert "ADAPTER" == document(model_pb2.Model(kind=model_pb2.MODEL_KIND_ADAPTER))["kind"]
    assert "77" == enum_text(model_pb2.ModelKind.DESCRIPTOR, 77)


def test_each_error_has_its_exit_code():
    assert {
        errors.InvalidRequest: 2,
        errors.OutOfRange: 2,
        errors.NotFound: 3,
        errors.AlreadyExists: 4,
        errors.PreconditionFailed: 4,
        errors.Conflict: 4,
        errors.Unauthenticated: 5,
        errors.PermissionDenied: 5,
        errors.Overloaded: 6,
        errors.Unavailable: 6,
        errors.DeadlineExceeded: 6,
        errors.ServerFailure: 1,
        errors.TrustError: 7,
    } == {kind: exit_code(kind("what")) for kind in ALL_ERRORS}


def test_an_error_of_a_narrower_kind_has_the_exit_code_of_its_kind():
    fork = errors.ForkDetected("another history", known="a", shown="b")

    assert [7, 7] == [exit_code(fork), exit_code(errors.CheckpointInvalid("unsigned"))]


def test_an_error_is_said_with_its_reason_and_each_field_on_a_line():
    error = errors.InvalidRequest("two fields break rules", reason="INVALID_FIELD")
    error.violations = (
        errors.FieldViolation("version.source", "too long"),
        errors.FieldViolation('version.metrics["auc"]', "not finite"),
    )
    assert [
        "error: two fields break rules (INVALID_FIELD)",
        "  version.source: too long",
        '  version.metrics["auc"]: not finite',
    ] == lines(error, "host:1", "")


def test_a_single_field_is_not_said_twice():
    error = errors.InvalidRequest("source: too long", reason="INVALID_FIELD")
    error.violations = (errors.FieldViolation("source", "too long"),)
    assert ["error: source: too long (INVALID_FIELD)"] == lines(error, "host:1", "")


def test_a_server_that_does_not_answer_is_named_with_the_way_out():
    error = errors.Unavailable("refused", code=grpc.StatusCode.UNAVAILABLE)
    assert ["error: no server answers at host:1: refused", "help"] == lines(error, "host:1", "help")
    assert "regesta-server up" in way_out(error, Session())


@pytest.mark.parametrize(
    "kind", [errors.Unavailable, errors.DeadlineExceeded, errors.ServerFailure]
)
def test_a_write_of_unknown_fate_can_be_repeated_under_its_id(kind):
    assert "--request-id my-id" in way_out(kind("what"), Session(request_id="my-id"))


@pytest.mark.parametrize("kind", [errors.NotFound, errors.Conflict])
def test_a_refused_write_is_not_to_be_repeated(kind):
    assert "" == way_out(kind("what"), Session(request_id="my-id"))


def test_an_overloaded_server_says_when_to_come_back():
    error = errors.Overloaded("too much", reason="OVERLOADED")
    error.retry_after = 1.5
    assert "try again in 1.5 s" == way_out(error, Session(request_id="my-id"))
