"""Python: the lines, filtered, sixteen columns, as CSV in a zip, with orjson and zipfile. Reports as one line of JSON."""

import argparse
import csv
import io
import json
import resource
import time
import zipfile

import orjson

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


def cells(record):
    address, device = record["address"], record["device"]
    location = address["location"]
    return (
        record["_id"],
        record["created"],
        record["name"],
        record["email"],
        record["status"],
        record["score"],
        record["visits"],
        "true" if record["verified"] else "false",
        record["notes"],
        orjson.dumps(record["tags"]).decode(),
        address["city"],
        address["country"],
        location["lat"],
        location["lon"],
        device["model"],
        device["os"],
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", required=True)
    parser.add_argument("--archive", required=True)
    parser.add_argument("--level", type=int, required=True)
    arguments = parser.parse_args()
    began, before = time.monotonic(), time.process_time()
    records = 0
    with (
        open(arguments.lines, "rb") as lines,
        zipfile.ZipFile(arguments.archive, "w", zipfile.ZIP_DEFLATED, compresslevel=arguments.level) as archive,
        archive.open("people.csv", "w", force_zip64=True) as entry,
        io.TextIOWrapper(io.BufferedWriter(entry, 1 << 20), encoding="utf-8", newline="") as text,
    ):
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for line in lines:
            record = orjson.loads(line)
            if record["status"] != "withdrawn" and record["visits"] >= 4:
                writer.writerow(cells(record))
                records += 1
    secs, used = time.monotonic() - began, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"secs": secs, "processorSecs": used, "records": records, "peakRssBytes": peak}))


main()
