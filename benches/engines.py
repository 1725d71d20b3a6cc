"""One workload on one engine, as a process of its own: engines.py WORKLOAD ENGINE INPUT OUTPUT THREADS

INPUT is a glob, OUTPUT a folder that does not exist yet. Prints the seconds between the first call to the
engine and its last, imports left out, as JSON. `python engines.py sql WORKLOAD` prints dp's statement.
"""

import json
import os
import sys
import time

Q1 = """SELECT l_returnflag, l_linestatus, sum(l_quantity) AS sum_qty, sum(l_extendedprice) AS sum_base_price,
       sum(l_extendedprice * (1 - l_discount)) AS sum_disc_price,
       sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS sum_charge,
       avg(l_quantity) AS avg_qty, avg(l_extendedprice) AS avg_price, avg(l_discount) AS avg_disc,
       count(*) AS count_order
FROM input WHERE l_shipdate <= DATE '1998-09-02'
GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus"""
Q6 = """SELECT sum(l_extendedprice * l_discount) AS revenue FROM input
WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
  AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24"""
GROUP = "SELECT l_partkey, sum(l_quantity) AS q, count(*) AS n FROM input GROUP BY l_partkey"
FILTER = """SELECT l_orderkey, l_partkey, l_quantity, l_extendedprice, l_shipdate, l_comment FROM input
WHERE l_quantity < 10"""
CSV = "SELECT * FROM input"

SQL = {"q1": Q1, "q6": Q6, "group": GROUP, "filter": FILTER, "csv": CSV}


def duckdb(workload, source, output, threads):
    import duckdb as engine

    begin = time.monotonic()
    con = engine.connect(config={"threads": threads})
    con.execute("SET preserve_insertion_order = false")
    reader = "read_csv" if workload == "csv" else "read_parquet"
    con.execute(f"CREATE VIEW input AS SELECT * FROM {reader}('{source}')")
    con.execute(f"COPY ({SQL[workload]}) TO '{output}/part.parquet' (FORMAT parquet, COMPRESSION snappy)")
    return begin


def datafusion(workload, source, output, threads):
    from datafusion import SessionConfig, SessionContext

    begin = time.monotonic()
    context = SessionContext(SessionConfig().with_target_partitions(threads))
    folder = os.path.dirname(source) + "/"
    if workload == "csv":
        context.register_csv("input", folder)
    else:
        context.register_parquet("input", folder)
    context.sql(SQL[workload]).write_parquet(output, compression="snappy")
    return begin


def polars(workload, source, output, threads):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    from datetime import date
    from decimal import Decimal

    import polars as pl

    begin = time.monotonic()
    target = f"{output}/part.parquet"
    c = pl.col
    if workload == "csv":
        pl.scan_csv(source, try_parse_dates=True).sink_parquet(target, compression="snappy")
        return begin
    table = pl.scan_parquet(source)
    # Polars keeps a product of decimals at the scale of its factors: wider ones, or the sums are wrong.
    price = c.l_extendedprice.cast(pl.Decimal(38, 6))
    if workload == "q1":
        net = price * (1 - c.l_discount)
        table = (
            table.filter(c.l_shipdate <= date(1998, 9, 2))
            .group_by("l_returnflag", "l_linestatus")
            .agg(
                c.l_quantity.sum().alias("sum_qty"),
                c.l_extendedprice.sum().alias("sum_base_price"),
                net.sum().alias("sum_disc_price"),
                (net * (1 + c.l_tax)).sum().alias("sum_charge"),
                c.l_quantity.mean().alias("avg_qty"),
                c.l_extendedprice.mean().alias("avg_price"),
                c.l_discount.mean().alias("avg_disc"),
                pl.len().alias("count_order"),
            )
            .sort("l_returnflag", "l_linestatus")
        )
    elif workload == "q6":
        table = table.filter(
            (c.l_shipdate >= date(1994, 1, 1))
            & (c.l_shipdate < date(1995, 1, 1))
            & c.l_discount.is_between(Decimal("0.05"), Decimal("0.07"))
            & (c.l_quantity < 24)
        ).select((price * c.l_discount).sum().alias("revenue"))
    elif workload == "group":
        table = table.group_by("l_partkey").agg(c.l_quantity.sum().alias("q"), pl.len().alias("n"))
    elif workload == "filter":
        columns = ["l_orderkey", "l_partkey", "l_quantity", "l_extendedprice", "l_shipdate", "l_comment"]
        table = table.filter(c.l_quantity < 10).select(columns)
    table.sink_parquet(target, compression="snappy", maintain_order=workload == "q1", engine="streaming")
    return begin


def main():
    if sys.argv[1] == "sql":
        print(SQL[sys.argv[2]])
        return
    workload, engine, source, output, threads = sys.argv[1:6]
    os.makedirs(output)
    begin = globals()[engine](workload, source, output, int(threads))
    print(json.dumps({"inner": time.monotonic() - begin}))


if __name__ == "__main__":
    main()
