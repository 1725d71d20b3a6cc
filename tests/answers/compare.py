"""Compares what dp wrote with what DuckDB answers, for all statements in one process.

usage: compare.py MANIFEST.json | compare.py --check

`--check` proves on a table of cases that the comparison can fail.

The manifest is a list of cases: `name`, `views` (name and SQL of each table), `sql` (DuckDB's), `ordered`,
`between` (columns whose exact value lies between DuckDB's `<column>_lo` and `<column>_hi`), `rows` (any so
many rows of DuckDB's result will do; null: all of them) and `outputs` (label -> Parquet files in order).
Prints one line of JSON for each output that differs; the exit code is 0 however many there are.
"""

import datetime
import json
import math
import sys
from decimal import Decimal

import duckdb

FLOAT_TOLERANCE = 1e-9


def plain(value):
    """A value in a form that compares: lists as tuples, structs as tuples of pairs."""
    if isinstance(value, list):
        return tuple(plain(v) for v in value)
    if isinstance(value, dict):
        return tuple((k, plain(v)) for k, v in value.items())
    return value


def same_number(a, b):
    if isinstance(a, float) or isinstance(b, float):
        x, y = float(a), float(b)
        if math.isnan(x) or math.isnan(y):
            return math.isnan(x) and math.isnan(y)
        if math.isinf(x) or math.isinf(y):
            return x == y
        tolerance = FLOAT_TOLERANCE * max(abs(x), abs(y))
        # An average of decimals is a decimal here and a double there: equal to the decimal's last digit.
        for v in (a, b):
            if isinstance(v, Decimal):
                tolerance = max(tolerance, float(Decimal(1).scaleb(v.as_tuple().exponent)))
        return abs(x - y) <= max(tolerance, 1e-300)
    return a == b


def same(a, b):
    if a is None or b is None:
        return a is None and b is None
    if isinstance(a, bool) or isinstance(b, bool):
        return isinstance(a, bool) and isinstance(b, bool) and a == b
    numbers = (int, float, Decimal)
    if isinstance(a, numbers) and isinstance(b, numbers):
        return same_number(a, b)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, datetime.datetime) and isinstance(b, datetime.datetime):
        return a.replace(tzinfo=None) == b.replace(tzinfo=None) and (a.tzinfo is None) == (b.tzinfo is None)
    return type(a) is type(b) and a == b


def holds_float(value):
    return isinstance(value, float) or (isinstance(value, tuple) and any(holds_float(v) for v in value))


def sort_key(value, rough):
    """A total order over values of one column; floats only to the digits that agree for sure."""
    if value is None:
        return (0, "")
    if rough and isinstance(value, (float, Decimal, int)) and not isinstance(value, bool):
        f = float(value)
        return (1, 0.0, "") if f == 0 or math.isnan(f) else (1, float(f"{f:.6g}"), "")
    if isinstance(value, (int, float, Decimal)):
        return (1, value, "")
    if isinstance(value, tuple):
        return (2, tuple(sort_key(v, rough) for v in value), "")
    return (3, 0, str(value))


def sorted_rows(rows, rough):
    """Rows sorted by the exact columns first, then by the rough ones."""
    order = [i for i, r in enumerate(rough) if not r] + [i for i, r in enumerate(rough) if r]
    return sorted(rows, key=lambda row: tuple(sort_key(row[i], rough[i]) for i in order))


def fetch(con, sql, parameters=None):
    cursor = con.execute(sql, parameters) if parameters else con.execute(sql)
    names = [d[0].lower() for d in cursor.description]
    return names, [tuple(plain(v) for v in row) for row in cursor.fetchall()]


def read_output(con, files):
    names, rows = None, []
    for file in files:
        head, part = fetch(con, "SELECT * FROM read_parquet(?, hive_partitioning = false)", [file])
        if names is not None and names != head:
            return head, rows, f"columns of {file} differ from the file before: {head} / {names}"
        names = head
        rows.extend(part)
    return names, rows, None


def split_bounds(names, rows, between):
    """DuckDB's rows with `<column>_lo`, `<column>_hi` folded into pairs."""
    out_names, picks = [], []
    for i, name in enumerate(names):
        if name.endswith("_lo") and name[:-3] in between:
            out_names.append(name[:-3])
            picks.append((i, names.index(name[:-3] + "_hi")))
        elif not (name.endswith("_hi") and name[:-3] in between):
            out_names.append(name)
            picks.append((i, None))
    return out_names, [tuple(r[i] if j is None else (r[i], r[j]) for i, j in picks) for r in rows]


def first_difference(names, got, want, between):
    if len(got) != len(want):
        return f"{len(got)} rows, expected {len(want)}; first rows {got[:2]} / {want[:2]}"
    for n, (g, w) in enumerate(zip(got, want)):
        for name, a, b in zip(names, g, w):
            if name in between:
                ok = same(a, b[0]) or same(a, b[1]) or (a is not None and b[0] is not None and b[0] <= a <= b[1])
            else:
                ok = same(a, b)
            if not ok:
                return f"row {n}, column {name}: {a!r}, expected {b!r} in {g} / {w}"
    return None


def differs(case, names, want, got_names, got):
    between = set(case["between"])
    if got_names is None:
        return None if not want else f"no files, expected {len(want)} rows"
    if got_names != names:
        return f"columns {got_names}, expected {names}"
    if case["rows"] is not None:
        if len(got) != case["rows"]:
            return f"{len(got)} rows, expected any {case['rows']}"
        missing = set(got) - set(want)
        if missing or len(set(got)) != len(got):
            return f"rows that are not in the full result, or twice: {sorted(missing, key=str)[:2]}"
        return None
    if not case["ordered"]:
        rough = [
            names[i] in between or any(holds_float(r[i]) for r in got) or any(holds_float(r[i]) for r in want)
            for i in range(len(names))
        ]
        if between:
            keys = [i for i, r in enumerate(rough) if not r]
            got, want = (sorted(rows, key=lambda row: [sort_key(row[i], False) for i in keys]) for rows in (got, want))
        else:
            got, want = sorted_rows(got, rough), sorted_rows(want, rough)
    return first_difference(names, got, want, between)


# names, what dp wrote, what DuckDB answered, and how to compare -> whether they agree.
CHECKS = [
    (["a"], [(1,)], [(1,)], {}, True),
    (["a"], [(1,)], [(2,)], {}, False),
    (["a"], [(1,)], [], {}, False),
    (["a"], [(1,)], [(None,)], {}, False),
    (["a"], [(1,)], [(True,)], {}, False),
    (["a"], [("1",)], [(1,)], {}, False),
    (["a"], [(1.0 + 1e-12,)], [(1.0,)], {}, True),
    (["a"], [(1.0 + 1e-8,)], [(1.0,)], {}, False),
    (["a"], [(Decimal("1.50"),)], [(Decimal("1.5"),)], {}, True),
    (["a"], [(Decimal("1.51"),)], [(Decimal("1.5"),)], {}, False),
    (["a"], [(Decimal("0.333333"),)], [(1 / 3,)], {}, True),
    (["a"], [(Decimal("0.333343"),)], [(1 / 3,)], {}, False),
    (["a"], [(float("nan"),)], [(float("nan"),)], {}, True),
    (["a"], [(float("nan"),)], [(None,)], {}, False),
    (["a"], [(datetime.date(2000, 1, 1),)], [(datetime.datetime(2000, 1, 1),)], {}, False),
    (["a"], [(2,), (1,)], [(1,), (2,)], {}, True),
    (["a"], [(2,), (1,)], [(1,), (2,)], {"ordered": True}, False),
    (["a"], [(1,), (1,), (2,)], [(1,), (2,), (2,)], {}, False),
    (["a"], [((1, None),)], [((1, None),)], {}, True),
    (["a"], [((None, 1),)], [((1, None),)], {}, False),
    (["a", "b"], [(1, 0.3), (2, 0.1 + 0.2)], [(2, 0.3), (1, 0.1 + 0.2)], {}, True),
    (["a"], [(1,)], [(1,), (2,), (3,)], {"rows": 1}, True),
    (["a"], [(4,)], [(1,), (2,), (3,)], {"rows": 1}, False),
    (["a"], [(1,), (1,)], [(1,), (2,), (3,)], {"rows": 2}, False),
    (["k", "a"], [(2, 5), (1, 9)], [(1, (8, 10)), (2, (5, 5))], {"between": ["a"]}, True),
    (["k", "a"], [(2, 9), (1, 5)], [(1, (8, 10)), (2, (5, 5))], {"between": ["a"]}, False),
]


def check():
    plain_case = {"between": [], "rows": None, "ordered": False}
    for names, got, want, how, agree in CHECKS:
        why = differs({**plain_case, **how}, names, want, names, got)
        if (why is None) != agree:
            sys.exit(f"{got} and {want} with {how}: {why}")
    if differs(plain_case, ["a"], [(1,)], ["b"], [(1,)]) is None or differs(plain_case, ["a"], [(1,)], None, []) is None:
        sys.exit("other columns, or no files at all, are taken for equal")


def main():
    if sys.argv[1] == "--check":
        return check()
    with open(sys.argv[1]) as f:
        cases = json.load(f)
    for case in cases:
        con = duckdb.connect(config={"threads": 2})
        con.execute("SET TimeZone = 'UTC'")
        try:
            for name, sql in case["views"]:
                con.execute(f'CREATE OR REPLACE VIEW "{name}" AS {sql}')
            names, want = fetch(con, case["sql"])
        except duckdb.Error as e:
            print(json.dumps({"name": case["name"], "output": "duckdb", "why": str(e)}))
            continue
        names, want = split_bounds(names, want, set(case["between"]))
        for label, files in case["outputs"].items():
            got_names, got, why = read_output(con, files)
            why = why or differs(case, names, want, got_names, got)
            if why:
                print(json.dumps({"name": case["name"], "output": label, "why": why[:1500]}))


if __name__ == "__main__":
    main()
