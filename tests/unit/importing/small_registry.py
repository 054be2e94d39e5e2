"""A registry in memory that does what plans say, and keeps who set what: no server, no history."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from regesta.importing.steps import Plan, Step
from regesta.importing.touched import TAG, Touch, Touched
from regesta.v1 import model_pb2, version_pb2

Resource = model_pb2.Model | version_pb2.Version


@dataclass
class Kept:
    """A resource and who set each of its fields last."""

    resource: Resource
    touched: Touched

    def set(self, name: str, value: Any, *, imported: bool = True) -> None:
        """Take note of a change."""
        before = self.touched.touch(name)
        touch = Touch(imported, value if imported else before.base)
        fields = {**self.touched.fields, name: touch}
        self.touched = replace(self.touched, fields=fields, revision=self.touched.revision + 1)
        self.resource.etag = str(self.touched.revision)


@dataclass
class SmallRegistry:
    """One model and its versions.

    Attributes:
        kept: By name.
        done: The request ids of what was done: each once.
    """

    kept: dict[str, Kept] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def carry_out(self, plan: Plan) -> None:
        """Do what a plan says; the same request does nothing twice."""
        for step in plan.steps:
            if step.request_id not in self.done:
                self.done.append(step.request_id)
                self._do(step)

    def _do(self, step: Step) -> None:
        given = dict(step.arguments)
        match step.call:
            case "create_model":
                self._make(f"models/{given['model_id']}", given["model"], step)
            case "register_version":
                number = 1 + sum(name.startswith(f"{given['parent']}/") for name in self.kept)
                name = f"{given['parent']}/versions/{number}"
                version = version_pb2.Version()
                version.CopyFrom(given["version"])
                version.version, version.stage = number, "development"
                self._make(name, version, step)
                self.kept[name].set("stage", "development")
            case "set_tags":
                self.tag(given["name"], given["tags"])
            case "remove_tags":
                self.untag(given["name"], given["keys"])
            case "update_model" | "update_version":
                new = given["model" if step.call == "update_model" else "version"]
                kept = self.kept[new.name]
                kept.resource.description = new.description
                kept.set("description", new.description)
            case "transition_version":
                self.move(given["name"], given["stage"])
            case "delete_version" | "delete_model":
                kept = self.kept[given["name"]]
                kept.resource.delete_time.FromSeconds(1)
                kept.set("deleted", value=True)
            case _:
                raise AssertionError(step.call)

    def _make(self, name: str, resource: Resource, step: Step) -> None:
        assert name not in self.kept
        made = type(resource)()
        made.CopyFrom(resource)  # type: ignore[arg-type]  # of its own type
        made.name = name
        kept = Kept(made, Touched(step.request_id, step.occurred_time, "development"))
        self.kept[name] = kept
        kept.set("description", made.description)
        for key, value in made.tags.items():
            kept.set(TAG + key, value)

    def tag(self, name: str, tags: dict[str, str], *, imported: bool = True) -> None:
        """Set tags."""
        kept = self.kept[name]
        for key, value in tags.items():
            kept.resource.tags[key] = value
            kept.set(TAG + key, value, imported=imported)

    def untag(self, name: str, keys: list[str], *, imported: bool = True) -> None:
        """Remove tags."""
        kept = self.kept[name]
        for key in keys:
            if key in kept.resource.tags:
                del kept.resource.tags[key]
                kept.set(TAG + key, None, imported=imported)

    def move(self, name: str, stage: str, *, imported: bool = True) -> None:
        """Move a version."""
        kept = self.kept[name]
        assert isinstance(kept.resource, version_pb2.Version)
        kept.resource.stage = stage
        kept.set("stage", stage, imported=imported)
