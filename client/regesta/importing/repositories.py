"""The import of Hugging Face repositories, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import regesta
from regesta.errors import NotFound
from regesta.importing.applying import Applier
from regesta.importing.huggingface import NoRepository, Repository, read_repository
from regesta.importing.huggingface_plans import Standing, model_id_of, plan_repository
from regesta.importing.reports import Report
from regesta.importing.steps import Outcome, Scribe, model_name

#: Is told how many repositories were looked at, and of how many.
Progress = Callable[[int, int], None]


def import_repositories(
    client: regesta.Client,
    folders: Sequence[Path],
    *,
    now: datetime,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Register what is in repositories on disk, and return what was done.

    Each is a version of a model of its name, unless a version of the model has this content. The
    files stay where they are.

    Args:
        client: Of the namespace to import into.
        folders: The repositories.
        now: The time.
        dry_run: Whether nothing is written.
        progress: Is told how far it is.

    Raises:
        MissingExtra: PyYAML is not installed.
        RegestaError: The import cannot go on.
        WrongNumber: Somebody else registers versions of an imported model.
    """
    report = Report("huggingface", dry_run)
    report.facts["repositories"] = len(folders)
    for number, folder in enumerate(folders, 1):
        try:
            repository = read_repository(folder)
        except (NoRepository, OSError) as error:
            report.found(Outcome.NOT_CARRIED, str(folder), "repository", str(error))
            continue
        scribe = Scribe(f"huggingface:{repository.name}", now)
        applier = Applier(client, report, f"imported from {repository.folder}")
        applier.carry_out(plan_repository(repository, _standing(client, repository), scribe))
        if progress:
            progress(number, len(folders))
    return report


def _standing(client: regesta.Client, repository: Repository) -> Standing:
    name = model_name(model_id_of(repository))
    try:
        model = client.get_model(name)
    except NotFound:
        return Standing()
    same = client.versions(name, f'digest = "{repository.digest}"', show_deleted=True)
    known = next(iter(same), regesta.Version())
    return Standing(
        exists=True,
        latest=model.latest_version,
        known=known.version,
        is_deleted=known.HasField("delete_time"),
    )
