#!/usr/bin/env python3
"""dp beside DuckDB, Polars and DataFusion on one machine: python3 benches/run.py [--quick]

Makes what it needs (binary, engines, data) once, compares the outputs before it measures, runs the engines in
turn, and writes benches/results/<time>.json and .md. benches/README.md says how to read them.
"""

import argparse
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import engines  # noqa: E402  (imports no engine)
import measure  # noqa: E402
import setup  # noqa: E402

ENGINES = ["dp", "duckdb", "polars", "datafusion"]
WORKLOADS = {
    "q1": "TPC-H Q1: 4 groups, 8 aggregates",
    "q6": "TPC-H Q6: filter 2 %, one sum",
    "group": "group by l_partkey: sum, count, written",
    "filter": "filter 18 %, 6 columns, written",
    "csv": "CSV to Parquet, types inferred",
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="scale 1 only, 3 runs")
    parser.add_argument("--scale", type=float, nargs="+", help="scale factors (default 1 10)")
    parser.add_argument("--runs", type=int, help="measured runs of each (default 5)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--dp", help="a dp binary, instead of building one")
    parser.add_argument("--make-tpch", help="a make_tpch binary, instead of building one")
    parser.add_argument("--no-save", action="store_true", help="print only")
    given = parser.parse_args()
    given.scale = given.scale or ([1.0] if given.quick else [1.0, 10.0])
    given.runs = given.runs or (3 if given.quick else 5)
    return given


class Bench:
    """One workload at one scale."""

    def __init__(self, given, python, dp, workload, scale):
        self.given, self.python, self.dp = given, python, dp
        self.workload, self.scale = workload, scale
        self.source = setup.lineitem(scale, "csv" if workload == "csv" else "parquet", given.make_tpch)
        self.scratch = os.path.join(setup.CACHE, f"bench/out-{os.getpid()}")

    def output(self, engine):
        return os.path.join(self.scratch, engine)

    def command(self, engine):
        output = self.output(engine)
        if engine != "dp":
            script = os.path.join(setup.HERE, "engines.py")
            return [self.python, script, self.workload, engine, self.source, output, str(self.given.threads)]
        job = os.path.join(self.scratch, "job.yaml")
        with open(job, "w") as f:
            f.write(setup.spec(engines.SQL[self.workload], self.source, output, compression="snappy"))
        return [self.dp, "run", job, "--threads", str(self.given.threads), "--progress", "none"]

    def once(self, engine):
        os.makedirs(self.scratch, exist_ok=True)
        shutil.rmtree(self.output(engine), ignore_errors=True)
        result = measure.run(self.command(engine), stdout=subprocess.PIPE)
        if result["exit"] != 0:
            setup.say(f"{engine} failed ({result['exit']}): {result['stderr']}")
        elif engine != "dp":
            result["inner"] = json.loads(result["stdout"])["inner"]
        return result

    def verdicts(self, names):
        """Which engines' outputs equal DuckDB's: engine -> None or what differs."""
        if len(names) < 2:
            return dict.fromkeys(names)
        script = os.path.join(setup.HERE, "check.py")
        command = [self.python, script, self.workload, *(self.output(n) for n in names)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return dict(zip(names, json.loads(done.stdout)))

    def measure(self):
        setup.warm(self.source)
        first = {e: self.once(e) for e in self.given.engines}
        # DuckDB is the reference when it takes part.
        names = sorted((e for e in first if first[e]["exit"] == 0), key=lambda e: e != "duckdb")
        verdicts = self.verdicts(names)
        runs = {e: [] for e in names}
        for n in range(self.given.runs):
            for engine in names[n % len(names) :] + names[: n % len(names)]:
                runs[engine].append(self.once(engine))
        shutil.rmtree(self.scratch, ignore_errors=True)
        return [self.row(e, first[e], runs.get(e, []), verdicts.get(e)) for e in self.given.engines]

    def row(self, engine, first, runs, verdict):
        row = {"workload": self.workload, "scale": self.scale, "engine": engine, "differs": verdict}
        if first["exit"] != 0:
            return {**row, "failed": f"exit code {first['exit']}: {first['stderr'][-300:]}"}
        keep = ("exit", "wall", "cpu", "rss", "inner", "load", "foreign")
        row["runs"] = [{k: run[k] for k in keep if k in run} for run in runs]
        for key in ("wall", "cpu", "rss", "inner", "foreign"):
            values = [run[key] for run in runs if key in run]
            row[key] = statistics.median(values) if values else None
        row["wall_min"] = min(run["wall"] for run in runs)
        return row


HEADS = ["engine", "wall s (best)", "x DataFusion", "in process s", "CPU s", "peak RSS MiB", "foreign cores", "output"]


def table(rows):
    """Markdown: a table for each workload and scale."""
    lines = []
    for key in dict.fromkeys((r["scale"], r["workload"]) for r in rows):
        group = [r for r in rows if (r["scale"], r["workload"]) == key]
        base = next((r["wall"] for r in group if r["engine"] == "datafusion" and "wall" in r), None)
        lines += [f"### SF{key[0]:g}: {WORKLOADS[key[1]]}", ""]
        lines += [f"| {' | '.join(HEADS)} |", f"| --- |{' ---: |' * 6} --- |"]
        for r in group:
            if "failed" in r:
                lines.append(f"| {r['engine']} | failed | | | | | | {r['failed'].splitlines()[0][:80]} |")
                continue
            ratio = f"{r['wall'] / base:.2f}" if base else ""
            inner = f"{r['inner']:.2f}" if r["inner"] is not None else ""
            verdict = "equal" if r["differs"] is None else "**differs**: " + r["differs"][:80].replace("|", "/")
            lines.append(
                f"| {r['engine']} | {r['wall']:.2f} ({r['wall_min']:.2f}) | {ratio} | {inner} | {r['cpu']:.2f} "
                f"| {r['rss'] / 2**20:.0f} | {r['foreign']:.2f} | {verdict} |"
            )
        lines.append("")
    return "\n".join(lines)


def main():
    given = arguments()
    dp = setup.binary(given.dp) if "dp" in given.engines else None
    python = setup.python()
    now = datetime.datetime.now(datetime.timezone.utc)
    rows = []
    for scale in given.scale:
        for workload in given.only:
            setup.say(f"SF{scale:g} {workload}")
            rows += Bench(given, python, dp, workload, scale).measure()
    about = {
        "time": now.strftime("%Y-%m-%dT%H:%MZ"),
        "machine": measure.machine(),
        "versions": setup.versions(),
        "threads": given.threads,
        "runs": given.runs,
    }
    machine = about["machine"]
    head = (
        f"# {about['time']}\n\n{machine['cpu']}, {machine['cores']} cores, {machine['memory'] / 2**30:.0f} GiB, Linux "
        f"{machine['kernel']}; {given.threads} threads, medians of {given.runs} runs; "
        + ", ".join(f"{k} {v}" for k, v in about["versions"].items())
        + "\n\n"
    )
    text = head + table(rows)
    print(text)
    if not given.no_save:
        base = os.path.join(setup.results(), now.strftime("%Y-%m-%dT%H%MZ"))
        with open(base + ".json", "w") as f:
            json.dump({**about, "rows": rows}, f, indent=1)
            f.write("\n")
        with open(base + ".md", "w") as f:
            f.write(text)


if __name__ == "__main__":
    main()
