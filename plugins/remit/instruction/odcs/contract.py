"""What is read of a contract, and what of it nobody read.

The models declare what a draft can say, be it in a comment; all else is kept aside by path, so that
it can be reported. Nothing falls between the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from remit.errors import Refused, one_line
from remit.instruction.plain_yaml import NotPlainYaml, load

VERSION = re.compile(r"v3\.\d{1,3}\.\d{1,3}([-+][\w.+-]{1,40})?", re.ASCII)
_LINE_ENDING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _on_one_line(name: str) -> str:
    if not 1 <= len(name) <= 128 or _LINE_ENDING.search(name):
        raise ValueError("no name")
    return name


Name = Annotated[str, AfterValidator(_on_one_line)]
Scalar = str | int | float | bool | None


class Part(BaseModel):
    """A group of a contract's fields; those that are not declared are kept aside."""

    model_config = ConfigDict(
        extra="allow", frozen=True, strict=True, alias_generator=to_camel, protected_namespaces=()
    )

    def said(self) -> dict[str, Any]:
        """The declared fields that the contract has, by the standard's names."""
        return {
            field.alias or to_camel(name): getattr(self, name)
            for name, field in type(self).model_fields.items()
            if name in self.model_fields_set
        }


class CustomProperty(Part):
    """A property that the standard does not have."""

    property: str
    value: Any = None
    description: Scalar = None


class Quality(Part):
    """A rule of quality; how it would be run is not read."""

    type: Scalar = None
    name: Scalar = None
    description: Scalar = None
    dimension: Scalar = None
    metric: Scalar = None
    rule: Scalar = None
    engine: Scalar = None
    unit: Scalar = None
    must_be: Any = None
    must_not_be: Any = None
    must_be_greater_than: Any = None
    must_be_greater_or_equal_to: Any = None
    must_be_less_than: Any = None
    must_be_less_or_equal_to: Any = None
    must_be_between: Any = None
    must_not_be_between: Any = None


class Relationship(Part):
    """A foreign key."""

    type: Scalar = None
    origin: Any = Field(None, alias="from")
    to: Any = None


class Element(Part):
    """What objects and properties have in common."""

    name: Name | None = None
    physical_name: Name | None = None
    logical_type: str | None = None
    physical_type: str | None = None
    business_name: Scalar = None
    description: Scalar = None
    tags: list[Scalar] | None = None
    quality: list[Quality] | None = None
    relationships: list[Relationship] | None = None
    custom_properties: list[CustomProperty] | None = None


class Item(Element):
    """A property, or without a name what an array holds."""

    logical_type_options: dict[str, Any] | None = None
    required: bool | None = None
    unique: bool | None = None
    primary_key: bool | None = None
    classification: Scalar = None
    critical_data_element: bool | None = None
    properties: list[Property] | None = None
    items: Item | None = None


class Property(Item):
    """A column, or a field of something nested."""

    name: Name


class Object(Element):
    """A table, a topic, a file."""

    name: Name
    data_granularity_description: Scalar = None
    properties: list[Property] | None = None


class Description(Part):
    """What the data are for."""

    purpose: Scalar = None
    usage: Scalar = None
    limitations: Scalar = None


class Contract(Part):
    """A data contract of version 3 of the standard."""

    api_version: str
    kind: str
    id: Scalar = None
    version: Scalar = None
    name: Scalar = None
    status: Scalar = None
    domain: Scalar = None
    tenant: Scalar = None
    tags: list[Scalar] | None = None
    description: Description | None = None
    custom_properties: list[CustomProperty] | None = None
    objects: list[Object] | None = Field(None, alias="schema")


def read(text: bytes) -> tuple[Contract, dict[str, Any]]:
    """The contract, and all its fields as they were written.

    Raises:
        Refused: odcs-invalid, odcs-version.
    """
    try:
        fields = load(text)
    except NotPlainYaml as error:
        raise invalid(
            f"line {error.place.line}, column {error.place.column}", error.message
        ) from None
    if not isinstance(fields, dict):
        raise invalid("(whole document)", "it is not a group of fields.")
    _require_version(fields.get("apiVersion"))
    if fields.get("kind") != "DataContract":
        raise invalid("kind", "it is not DataContract, so this is something else.")
    try:
        return Contract.model_validate(fields), fields
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise invalid(_path(problem["loc"]), _MEANING.get(problem["type"], _OTHER)) from None


def unread(part: Part, path: str = "") -> Iterator[str]:
    """Where the leaves are that the models do not declare."""
    for key, value in (part.model_extra or {}).items():
        yield from leaves(value, joined(path, key))
    for key, value in part.said().items():
        yield from _unread_below(value, joined(path, key))


def _unread_below(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Part):
        yield from unread(value, path)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unread_below(item, joined(path, number))


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """The path of every text, number, boolean and null; what is empty has none."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, joined(path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, joined(path, number))
    else:
        yield path


def joined(path: str, step: str | int) -> str:
    """The path one step deeper."""
    return f"{path}[{step}]" if isinstance(step, int) else f"{path}.{one_line(step)}".lstrip(".")


_MEANING = {
    "missing": "it is missing.",
    "value_error": "a name has 1 to 128 characters, no control character among them.",
}
_OTHER = "it is not of the form that the standard has for it."


def invalid(where: str, message: str) -> Refused:
    """The refusal of a file for what it says in one place."""
    return Refused(
        "odcs-invalid",
        f"contract {where}",
        message,
        "correct the contract, or draft the instruction from its source (remit instruction draft).",
    )


def _require_version(version: Any) -> None:
    if isinstance(version, str) and VERSION.fullmatch(version):
        return
    is_one = isinstance(version, str) and len(version) <= 20
    raise Refused(
        "odcs-version",
        "contract apiVersion",
        f"it is {version}, which is not version 3 of the standard."
        if is_one
        else "it does not say which version of the standard it is of.",
        "write the contract in version 3 of the Open Data Contract Standard, such as v3.1.0.",
    )


def _path(location: tuple[str | int, ...]) -> str:
    path = ""
    for step in location:
        path = joined(path, step)
    return path
