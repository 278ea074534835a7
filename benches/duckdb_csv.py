"""DuckDB: the lines, filtered, sixteen columns, as CSV, through a packer into an archive. Reports as one line of JSON."""

import argparse
import json
import os
import resource
import subprocess
import time

import duckdb

COLUMNS = {
    "_id": "VARCHAR",
    "created": "VARCHAR",
    "name": "VARCHAR",
    "email": "VARCHAR",
    "status": "VARCHAR",
    "score": "DOUBLE",
    "visits": "INTEGER",
    "verified": "BOOLEAN",
    "notes": "VARCHAR",
    "tags": "JSON",
    "address": "STRUCT(city VARCHAR, country VARCHAR, location STRUCT(lat DOUBLE, lon DOUBLE))",
    "device": "STRUCT(model VARCHAR, os VARCHAR)",
}
SELECTED = """
    _id, created, name, email, status, score, visits, verified, notes, tags,
    address.city AS "address.city", address.country AS "address.country",
    address.location.lat AS "address.location.lat", address.location.lon AS "address.location.lon",
    device.model AS "device.model", device.os AS "device.os"
"""


def processor_secs():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in used)


def copy(database, query, to):
    return database.execute(f"COPY ({query}) TO '{to}' (FORMAT csv, HEADER)").fetchone()[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", required=True)
    parser.add_argument("--archive", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--form", choices=["pipe", "file"], required=True)
    parser.add_argument("--ordered", action="store_true")
    parser.add_argument("packer", nargs="+")
    arguments = parser.parse_args()
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    source = f"read_json('{arguments.lines}', format = 'newline_delimited', columns = {{{columns}}})"
    query = f"SELECT {SELECTED} FROM {source} WHERE status <> 'withdrawn' AND visits >= 4"
    database = duckdb.connect(config={"threads": arguments.threads})
    database.execute(f"SET preserve_insertion_order = {str(arguments.ordered).lower()}")

    began, before = time.monotonic(), processor_secs()
    plain = arguments.archive + ".csv"
    with open(arguments.archive, "wb") as archive:
        if arguments.form == "pipe":
            reading, writing = os.pipe()
            packer = subprocess.Popen(arguments.packer, stdin=reading, stdout=archive)
            os.close(reading)
            records = copy(database, query, f"/dev/fd/{writing}")
            os.close(writing)
        else:
            records = copy(database, query, plain)
            with open(plain, "rb") as copied:
                packer = subprocess.Popen(arguments.packer, stdin=copied, stdout=archive)
        if packer.wait() != 0:
            raise SystemExit(f"{arguments.packer} failed")
    secs, used = time.monotonic() - began, processor_secs() - before
    if arguments.form == "file":
        os.remove(plain)
    print(json.dumps({"secs": secs, "processorSecs": used, "records": records}))


main()
