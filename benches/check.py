"""Compares what the engines wrote: check.py WORKLOAD FOLDER… (the first is what the others must equal)

Small results row by row (floats to 1e-9 relative), large ones by count and the sum of the rows' hashes, each
column in one common form. Prints the folders' verdicts as a JSON list: null, or what differs.
"""

import json
import os
import sys

import duckdb

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../tests/answers"))
from compare import differs, fetch  # noqa: E402

MONEY = "CAST(round(CAST({0} AS DOUBLE) * 100) AS BIGINT)"
WHOLE = "CAST({0} AS BIGINT)"
DAY = "CAST({0} AS DATE)"
TEXT = "CAST({0} AS VARCHAR)"

ROWS = {"q1": "ORDER BY l_returnflag, l_linestatus", "q6": ""}
HASHES = {
    "group": {"l_partkey": WHOLE, "q": MONEY, "n": WHOLE},
    "filter": {
        "l_orderkey": WHOLE, "l_partkey": WHOLE, "l_quantity": MONEY, "l_extendedprice": MONEY, "l_shipdate": DAY,
        "l_comment": TEXT,
    },
    "csv": {
        "l_orderkey": WHOLE, "l_partkey": WHOLE, "l_suppkey": WHOLE, "l_linenumber": WHOLE, "l_quantity": MONEY,
        "l_extendedprice": MONEY, "l_discount": MONEY, "l_tax": MONEY, "l_returnflag": TEXT, "l_linestatus": TEXT,
        "l_shipdate": DAY, "l_commitdate": DAY, "l_receiptdate": DAY, "l_shipinstruct": TEXT, "l_shipmode": TEXT,
        "l_comment": TEXT,
    },
}  # fmt: skip


def read(con, workload, folder):
    files = f"read_parquet('{folder}/*.parquet', union_by_name = false)"
    if workload in ROWS:
        return fetch(con, f"SELECT * FROM {files} {ROWS[workload]}")
    columns = HASHES[workload]
    form = ", ".join(f"'{name}', {text.format(name)}" for name, text in columns.items())
    return fetch(con, f"SELECT count(*) AS n, sum(CAST(hash({form}) AS HUGEINT)) AS digest FROM {files}")


def main():
    workload, folders = sys.argv[1], sys.argv[2:]
    con = duckdb.connect(config={"threads": 2})
    case = {"between": [], "rows": None, "ordered": True}
    names, want = read(con, workload, folders[0])
    verdicts = [None]
    for folder in folders[1:]:
        got_names, got = read(con, workload, folder)
        verdicts.append(differs(case, names, want, got_names, got))
    print(json.dumps(verdicts))


if __name__ == "__main__":
    main()
