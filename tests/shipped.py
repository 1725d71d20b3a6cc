"""Runs every job spec of `jobs/` with dp and answers its statement a second time with DuckDB.

usage: shipped.py DP FOLDER    (the binary, and an empty folder for results)

Each spec must pass the JSON Schema that `dp schema` prints. Results must be equal row for row, in order
where the statement has one, floats to 1e-9. Says what differs on standard error; the exit code is 1 then.
"""

import json
import math
import pathlib
import re
import subprocess
import sys

import duckdb
import jsonschema
import yaml

JOBS = pathlib.Path(__file__).parent.parent / "jobs"
RELATIVE_ERROR_MAX = 1e-9
READERS = {"parquet": "read_parquet", "csv": "read_csv", "jsonl": "read_json"}


def reader(files, options=""):
    """DuckDB's expression for files of one format."""
    suffixes = pathlib.Path(files[0]).suffixes
    name = next(READERS[s[1:]] for s in suffixes if s[1:] in READERS)
    return f"{name}({files}{options})"


def table(dataset):
    place = JOBS / dataset["url"]
    if dataset["url"].endswith("/"):
        return reader(sorted(str(f) for f in place.rglob("*.*")), ", hive_partitioning = true")
    return reader(sorted(str(f) for f in place.parent.glob(place.name)))


def expected(spec):
    """The statement as DuckDB's query over views, and its answer."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for name, dataset in [("input", spec["input"]), *spec.get("tables", {}).items()]:
        db.execute(f"CREATE VIEW {name} AS FROM {table(dataset)}")
    statement = spec["sql"]
    for name, value in spec.get("params", {}).items():
        statement = re.sub(r"\{\{ *" + name + r" *\}\}", str(value), statement)
    columns = [(c[0], c[1]) for c in db.execute(f"DESCRIBE {statement}").fetchall()]
    return columns, db.execute(statement).fetchall(), db


def got(db, folder, columns):
    """What dp wrote, as the types that DuckDB has."""
    files = sorted(str(f) for f in folder.glob("part-*"))
    if not files or not (folder / "_SUCCESS").exists():
        return None
    casts = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in columns)
    rows = []
    for file in files:
        rows += db.execute(f"SELECT {casts} FROM {reader([file])}").fetchall()
    return rows


def equal(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=RELATIVE_ERROR_MAX)
    return a == b


def difference(ordered, ours, theirs):
    if len(ours) != len(theirs):
        return f"{len(ours)} rows, DuckDB has {len(theirs)}"
    if not ordered:
        ours, theirs = sorted(ours, key=repr), sorted(theirs, key=repr)
    for n, (a, b) in enumerate(zip(ours, theirs)):
        if not all(map(equal, a, b)):
            return f"row {n} is {a}, DuckDB has {b}"
    return None


def check(dp, path, out, schema):
    job = yaml.safe_load(path.read_text())
    jsonschema.validate(job, schema)
    if job["metadata"]["name"] != path.stem:
        return f"its name is {job['metadata']['name']}"
    run = subprocess.run([dp, "run", path, "--out", f"{out}/", "--progress", "none"], capture_output=True, text=True)
    if run.returncode != 0:
        return f"dp ended with {run.returncode}: {run.stderr.strip()}"
    columns, theirs, db = expected(job["spec"])
    ours = got(db, out, columns)
    if ours is None:
        return "no result was published"
    return difference("ORDER BY" in job["spec"]["sql"], ours, theirs)


def main():
    dp, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    schema = json.loads(subprocess.run([dp, "schema"], check=True, capture_output=True).stdout)
    specs = sorted(JOBS.glob("*.yaml"))
    wrong = [(path.name, check(dp, path, folder / path.stem, schema)) for path in specs]
    for name, what in wrong:
        if what:
            print(f"jobs/{name}: {what}", file=sys.stderr)
    print(f"{len(specs)} jobs")
    sys.exit(1 if not specs or any(what for _, what in wrong) else 0)


if __name__ == "__main__":
    main()
