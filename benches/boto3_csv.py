"""boto3: a table scanned through a server, sixteen columns as CSV in a zip. Reports as one line of JSON."""

import argparse
import csv
import io
import json
import time
import zipfile

import boto3
from botocore.config import Config

COLUMNS = [
    "_id",
    "created",
    "name",
    "email",
    "status",
    "score",
    "visits",
    "verified",
    "notes",
    "tags",
    "address.city",
    "address.country",
    "address.location.lat",
    "address.location.lon",
    "device.model",
    "device.os",
]
PATHS = [column.split(".") for column in COLUMNS]


def plain(value):
    """What an attribute value holds, numbers as they are written."""
    ((kind, held),) = value.items()
    if kind == "M":
        return {name: plain(part) for name, part in held.items()}
    if kind == "L":
        return [plain(part) for part in held]
    if kind == "BOOL":
        return "true" if held else "false"
    return "" if kind == "NULL" else held


def cell(item, path):
    value = item[path[0]]
    for name in path[1:]:
        value = value["M"][name]
    held = plain(value)
    return held if isinstance(held, str) else json.dumps(held, ensure_ascii=False, separators=(",", ":"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", required=True)
    parser.add_argument("--archive", required=True)
    parser.add_argument("--pages", type=int, required=True)
    arguments = parser.parse_args()
    client = boto3.client(
        "dynamodb",
        endpoint_url=arguments.table,
        region_name="eu-central-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=Config(retries={"max_attempts": 1}),
    )
    began, before = time.monotonic(), time.process_time()
    records = 0
    with (
        zipfile.ZipFile(arguments.archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("people.csv", "w", force_zip64=True) as entry,
        io.TextIOWrapper(io.BufferedWriter(entry, 1 << 20), encoding="utf-8", newline="") as text,
    ):
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        pages = client.get_paginator("scan").paginate(TableName="people")
        for number, page in enumerate(pages):
            if number == arguments.pages:
                break
            for item in page["Items"]:
                writer.writerow([cell(item, path) for path in PATHS])
                records += 1
    secs, used = time.monotonic() - began, time.process_time() - before
    print(json.dumps({"secs": secs, "processorSecs": used, "records": records}))


main()
