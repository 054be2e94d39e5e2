"""Our errors as MLflow tells them."""

from __future__ import annotations

from typing import Final

import grpc
from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2 as codes

from regesta.errors import RegestaError

_CODES: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: codes.INVALID_PARAMETER_VALUE,
    grpc.StatusCode.OUT_OF_RANGE: codes.INVALID_PARAMETER_VALUE,
    grpc.StatusCode.NOT_FOUND: codes.RESOURCE_DOES_NOT_EXIST,
    grpc.StatusCode.ALREADY_EXISTS: codes.RESOURCE_ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION: codes.INVALID_STATE,
    grpc.StatusCode.ABORTED: codes.RESOURCE_CONFLICT,
    grpc.StatusCode.PERMISSION_DENIED: codes.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED: codes.UNAUTHENTICATED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: codes.REQUEST_LIMIT_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE: codes.TEMPORARILY_UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: codes.TEMPORARILY_UNAVAILABLE,
    grpc.StatusCode.UNIMPLEMENTED: codes.NOT_IMPLEMENTED,
}


def invalid(message: str) -> MlflowException:
    """Return the error of a parameter that makes no sense."""
    return MlflowException(message, codes.INVALID_PARAMETER_VALUE)


def no_model(name: str) -> MlflowException:
    """Return the error of a model that does not exist, in MLflow's words."""
    return MlflowException(
        f"Registered Model with name={name} not found", codes.RESOURCE_DOES_NOT_EXIST
    )


def no_version(name: str, version: object) -> MlflowException:
    """Return the error of a version that does not exist, in MLflow's words."""
    return MlflowException(
        f"Model Version (name={name}, version={version}) not found",
        codes.RESOURCE_DOES_NOT_EXIST,
    )


def no_alias(alias: str) -> MlflowException:
    """Return the error of an alias that does not exist, in MLflow's words."""
    return invalid(f"Registered model alias {alias} not found.")


def failure(error: RegestaError, target: str) -> MlflowException:
    """Return an error of ours as MLflow's, with everything that was said."""
    message = error.message
    if error.code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
        message = f"The registry at {target} does not answer: {message}"
    missing = [f"{found.field}: {found.description}" for found in error.violations]
    if missing:
        message += " (" + "; ".join(missing) + ")"
    if error.reason:
        message += f" [{error.reason}]"
    return MlflowException(message, _CODES.get(error.code, codes.INTERNAL_ERROR))
