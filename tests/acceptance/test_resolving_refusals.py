"""Why an address is refused is the same now and as of the same moment later."""

from __future__ import annotations

import itertools

import pytest

import regesta


@pytest.mark.parametrize(
    "order", list(itertools.permutations(("archived", "both", "deleted"))), ids="-".join
)
def test_the_same_version_is_refused_now_and_as_of_now(
    client: regesta.Client, order: tuple[str, ...]
):
    for number, fate in enumerate(order, 1):
        client.register("churn", semver=f"1.0.{number}", digest="sha256:" + "0" * 64)
        if fate != "deleted":
            client.transition_version(f"churn/{number}", stage="archived")
        if fate != "archived":
            client.delete_version(f"churn/{number}")
    for address in ("churn#archived", "churn#development", "churn@latest", "churn@^1.0"):
        refusals = []
        for as_of in (None, client.position):
            with pytest.raises(regesta.PreconditionFailed) as caught:
                client.resolve(address, as_of=as_of)
            refusals.append((caught.value.reason, caught.value.metadata, caught.value.message))
        assert refusals[0] == refusals[1], address
    digest = "sha256:" + "0" * 64
    assert client.resolve(digest) == client.resolve(digest, as_of=client.position)
