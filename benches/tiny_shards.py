#!/usr/bin/env python3
"""What dp costs beside the data, and what memory it holds: python3 benches/tiny_shards.py

1. 10,000 shards of one 1,000-row Parquet file each, all committed: CPU per shard.
2. Process start to the first input bytes in memory, from the events of `--progress json`.
3. Group by l_partkey under `--memory 512MiB`: the peak of anonymous memory.

Appends one JSON object to benches/results/tiny_shards.jsonl.
"""

import argparse
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import engines  # noqa: E402
import measure  # noqa: E402
import setup  # noqa: E402

ROWS = 1000
COUNT = "SELECT l_shipmode, count(*) AS n, sum(l_quantity) AS q FROM input GROUP BY l_shipmode"

# Files of equal form: cut from lineitem by an interpreter that has pyarrow.
MAKE_FILES = """
import sys, glob, os
import pyarrow as pa, pyarrow.parquet as pq
source, folder, files, rows = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
table = pq.read_table(sorted(glob.glob(source))[0]).slice(0, rows * 500)
os.makedirs(folder)
for n in range(files):
    part = table.slice(n % (table.num_rows // rows) * rows, rows)
    pq.write_table(part, f"{folder}/part-{n:06}.parquet", compression="snappy")
"""


class Dp:
    """Runs of one binary in a scratch folder."""

    def __init__(self, binary, threads):
        self.binary, self.threads = binary, str(threads)
        self.scratch = os.path.join(setup.CACHE, f"bench/out-{os.getpid()}")

    def job(self, sql, url, shards=None):
        shutil.rmtree(self.scratch, ignore_errors=True)
        os.makedirs(self.scratch)
        path = os.path.join(self.scratch, "job.yaml")
        with open(path, "w") as f:
            f.write(setup.spec(sql, url, os.path.join(self.scratch, "out"), shards))
        return path

    def command(self, verb, job, *flags):
        return [self.binary, verb, job, "--threads", self.threads, "--progress", "none", *flags]

    def run(self, verb, job, *flags, **how):
        result = measure.run(self.command(verb, job, *flags), **how)
        if result["exit"] != 0:
            sys.exit(f"dp {verb} failed ({result['exit']}): {result['stderr']}")
        return result


def tiny(dp, files):
    """CPU of planning and of the whole run, per shard."""
    folder = os.path.join(setup.CACHE, f"bench/tiny-{files}-{ROWS}")
    if not os.path.isdir(folder):
        setup.say(f"making {folder}")
        source = setup.lineitem(1.0, "parquet")
        command = [setup.python(), "-c", MAKE_FILES, source, folder + ".unfinished", str(files), str(ROWS)]
        subprocess.run(command, check=True)
        os.rename(folder + ".unfinished", folder)
    url = os.path.join(folder, "*.parquet")
    setup.warm(url)
    planned = dp.run("plan", dp.job(COUNT, url, files))
    ran = dp.run("run", dp.job(COUNT, url, files))
    return {
        "shards": files,
        "planCpuMs": planned["cpu"] * 1000 / files,
        "runCpuMs": ran["cpu"] * 1000 / files,
        "runWallMs": ran["wall"] * 1000 / files,
        "wall": ran["wall"],
        "rss": ran["rss"],
        "foreign": ran["foreign"],
    }


def first_fetch(dp, runs):
    """Milliseconds from the start of the process to the first `fetched` event on its standard error."""
    url = setup.lineitem(1.0, "parquet")
    setup.warm(url)
    times = []
    for _ in range(runs):
        job = dp.job(engines.Q6, url)
        command = [dp.binary, "run", job, "--threads", dp.threads, "--progress", "json"]
        begin = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for line in child.stderr:
            if b'"fetched"' in line:
                times.append((time.monotonic() - begin) * 1000)
                break
        child.stderr.read()
        if child.wait() != 0:
            sys.exit(f"dp run failed ({child.returncode})")
    if not times:
        sys.exit("no event says that anything was fetched")
    return {"runs": len(times), "medianMs": statistics.median(times), "minMs": min(times), "maxMs": max(times)}


def memory(dp, scale, limit):
    """Peak of anonymous memory of the group by l_partkey, sampled every 2 ms."""
    url = setup.lineitem(scale, "parquet")
    setup.warm(url)
    result = dp.run("run", dp.job(engines.GROUP, url), "--memory", limit, sample_memory=True)
    kept = {k: result[k] for k in ("anonymous", "rss", "wall", "cpu", "foreign")}
    return {"scale": scale, "limit": limit, **kept}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dp", help="a dp binary, instead of building one")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shards", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=20, help="process starts")
    parser.add_argument("--scale", type=float, nargs="+", default=[1.0, 10.0], help="of the memory test")
    parser.add_argument("--limit", default="512MiB")
    parser.add_argument("--only", nargs="+", choices=["tiny", "start", "memory"], default=["tiny", "start", "memory"])
    parser.add_argument("--no-save", action="store_true")
    given = parser.parse_args()
    dp = Dp(setup.binary(given.dp), given.threads)
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ")
    result = {"time": now, "machine": measure.machine(), "dp": setup.versions()["dp"], "threads": given.threads}
    if "tiny" in given.only:
        result["tiny"] = tiny(dp, given.shards)
    if "start" in given.only:
        result["start"] = first_fetch(dp, given.runs)
    if "memory" in given.only:
        result["memory"] = [memory(dp, scale, given.limit) for scale in given.scale]
    shutil.rmtree(dp.scratch, ignore_errors=True)
    print(json.dumps(result, indent=1))
    if not given.no_save:
        with open(os.path.join(setup.results(), "tiny_shards.jsonl"), "a") as f:
            f.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
