"""The tables of the lake as a Data Package (datapackage.org, version 2), for catalogues and for programs."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ingest.lake.tables import Column, Table, all_tables
from ingest.site import Site

_PROFILE = "https://datapackage.org/profiles/2.0"
_TYPES = {
    "string": "string",
    "bool": "boolean",
    "int16": "integer",
    "int32": "integer",
    "int64": "integer",
    "double": "number",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "datetime",
}


def data_package(site: Site, version: str, *, licence: str = "", licence_url: str = "") -> dict[str, Any]:
    """Return the content of `datapackage.json`, which lies in the lake's root: a resource per table.

    version: of the software that writes the lake
    licence, licence_url: the SPDX id and the address of the licence that the operator states; "" says nothing, and
        nothing is put in its place
    Paths are globs, as in every reader of Parquet: a list of files would be out of date with each message. `unit`
    (UCUM), `description_zh` and `partition` are additions to the standard.
    """
    stated = {key: value for key, value in (("name", licence), ("path", licence_url)) if value}
    return {
        "$schema": f"{_PROFILE}/datapackage.json",
        "name": f"greensward-{site.district}",
        "title": f"Greensward: {site.district}",
        "description": "Soil readings, pictures of drones, findings and work on plots, in Parquet.",
        "description_zh": "土壤读数、无人机影像、识别结果与养护记录，Parquet 格式。",
        **({"licenses": [stated]} if stated else {}),
        "software": {"name": "greensward", "version": version},
        "timezone": site.timezone.key,
        "resources": [_resource(spec) for spec in all_tables().values()],
    }


def _resource(spec: Table) -> dict[str, Any]:
    return {
        "$schema": f"{_PROFILE}/dataresource.json",
        "name": spec.name,
        "type": "table",
        "path": f"{spec.name}/date=*/*.parquet" if spec.partition_by else f"{spec.name}/*.parquet",
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "description": spec.description_en,
        "description_zh": spec.description_zh,
        **({"partition": {"name": "date", "type": "date", "of": spec.partition_by}} if spec.partition_by else {}),
        "schema": _schema(spec),
    }


def _schema(spec: Table) -> dict[str, Any]:
    """Return the columns and what identifies a row; a primary key may have no nulls, which many keys here do."""
    required = {column.name for column in spec.columns if column.required}
    key = {"primaryKey": list(spec.key)} if required.issuperset(spec.key) else {"uniqueKeys": [list(spec.key)]}
    return {
        "$schema": f"{_PROFILE}/tableschema.json",
        "fieldsMatch": ["superset"],  # a file from before a column was there lacks it; the profile wants a list
        "fields": [_field(column) for column in spec.columns],
        **key,
    }


def _field(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        **_type(column.type),
        "description": column.en,
        "description_zh": column.zh,
        **({"unit": column.unit} if column.unit else {}),
        **({"constraints": {"required": True}} if column.required else {}),
    }


def _type(arrow: pa.DataType) -> dict[str, str]:
    if pa.types.is_binary(arrow):
        return {"type": "string", "format": "binary"}
    return {"type": "array" if pa.types.is_list(arrow) else _TYPES[str(arrow)]}
