#!/usr/bin/env python3
"""What a cluster costs beside the work: tests/cluster/run python3 benches/cluster.py --dp DP

1. A job of 64 tiny shards on 8 indexes, by `dp submit --attach` and by a chain without a driver, beside a bare chain of equal Jobs
   whose pods do nothing: wall from the first request to the end of the last Job.
2. A scan over MinIO on loopback beside the same scan of local files: wall of `dp run`.
3. Who asked the API server for what during the jobs of 1, from its audit log.

Needs the environment that tests/cluster/run sets, and dp's image in the cluster. Prints JSON; benches/README.md says how to read it.
"""

import argparse
import collections
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

POD = {"cpu": "100m", "memory": "256Mi"}
SECRET = "bench-store"
MARK = str(int(time.time()))  # tells the objects of this process from those of earlier ones


def kubectl(*args, text=None):
    return subprocess.run(["kubectl", *args], check=True, input=text, text=True, stdout=subprocess.PIPE).stdout


def bare_job(name, completions):
    container = {
        "name": "box", "image": os.environ["DP_TEST_BOX_IMAGE"], "command": ["/bin/true"],
        "resources": {"requests": POD, "limits": POD},
    }
    spec = {
        "completions": completions, "parallelism": completions, "completionMode": "Indexed",
        "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def bare_chain(number):
    for name, completions in [(f"bare-{MARK}-{number}-map", 8), (f"bare-{MARK}-{number}-reduce", 1)]:
        kubectl("create", "-f", "-", text=json.dumps(bare_job(name, completions)))
        kubectl("wait", "--for=condition=Complete", f"job/{name}", "--timeout=120s")


def spec(folder, number, how):
    bucket = os.environ["DP_TEST_BUCKET_URL"].rstrip("/")
    text = f"""apiVersion: dp.dev/v1alpha1
kind: DataJob
metadata: {{ name: tiny }}
spec:
  input: {{ url: "{bucket}/bench-{MARK}/tiny/" }}
  sql: SELECT count(*) AS n, sum(a) AS s FROM input
  output: {{ url: "{bucket}/bench-{MARK}/{how}-{number}/", format: csv }}
  shards: {{ count: 64 }}
  resources: {{ cpu: {POD["cpu"]}, memory: {POD["memory"]} }}
  kubernetes:
    image: {os.environ["DP_TEST_IMAGE"]}
    indexes: 8
    envFrom: [{{ secretRef: {{ name: {SECRET} }} }}]
"""
    path = os.path.join(folder, f"{how}-{number}.yaml")
    with open(path, "w") as file:
        file.write(text)
    return path


def submit(dp, path, how):
    flags = {"attached": ["--attach"], "chain": ["--no-driver"], "driver": []}[how]
    shown = subprocess.run([dp, "submit", path, "--progress", "none", "-o", "json", *flags], check=True, stdout=subprocess.PIPE)
    if how != "attached":
        subprocess.run([dp, "wait", json.loads(shown.stdout)["name"]], check=True, stdout=subprocess.DEVNULL)


def timed(call):
    begin = time.monotonic()
    call()
    return time.monotonic() - begin


def requests(since):
    """Requests by who made them, from the API server's audit log behind byte `since`."""
    counts = collections.Counter()
    with open(os.environ["DP_TEST_AUDIT_LOG"], "rb") as log:
        log.seek(since)
        for line in log:
            event = json.loads(line)
            user = event["user"]["username"]
            if user.startswith("system:serviceaccount:default:"):
                counts[f"{user.split(':')[-1]} {event['verb']} {event['objectRef']['resource']}"] += 1
    return dict(counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dp", required=True, help="the dp binary; the image must hold the same")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--lineitem", help="a glob of Parquet files for the scan (benches/run.py makes them)")
    options = parser.parse_args()
    bucket = os.environ["DP_TEST_BUCKET_URL"].rstrip("/")
    variables = [f"--from-literal={k}={v}" for k, v in os.environ.items() if k.startswith("AWS_")]
    kubectl("delete", "secret", SECRET, "--ignore-not-found")
    kubectl("create", "secret", "generic", SECRET, *variables)
    report = {}
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/tiny")
        for n in range(64):
            with open(f"{folder}/tiny/{n:02}.csv", "w") as file:
                file.write("a,b\n" + "".join(f"{i},x\n" for i in range(100)))
        # One file a shard: written as the result of a job of 64 shards.
        job = os.path.join(folder, "copy.yaml")
        with open(job, "w") as file:
            file.write(
                f"apiVersion: dp.dev/v1alpha1\nkind: DataJob\nmetadata: {{ name: copy }}\nspec:\n  input: {{ url: {folder}/tiny/ }}\n"
                f"  sql: SELECT * FROM input\n  output: {{ url: {bucket}/bench-{MARK}/tiny/, format: csv }}\n  shards: {{ count: 64 }}\n"
            )
        subprocess.run([options.dp, "run", job, "--progress", "none"], check=True, stdout=subprocess.DEVNULL)
        walls = collections.defaultdict(list)
        begin = os.path.getsize(os.environ["DP_TEST_AUDIT_LOG"])
        for number in range(options.runs):
            walls["bare"].append(timed(lambda: bare_chain(number)))
            for how in ["attached", "chain", "driver"]:
                path = spec(folder, number, how)
                walls[how].append(timed(lambda: submit(options.dp, path, how)))
        report["tiny"] = {how: {"median": statistics.median(all_), "all": all_} for how, all_ in walls.items()}
        report["requests"] = requests(begin)
        if options.lineitem:
            sql = "SELECT l_returnflag, sum(l_extendedprice) AS s, count(*) AS n FROM '{}' GROUP BY l_returnflag"
            place = f"{bucket}/bench-{MARK}/lineitem/"
            subprocess.run(
                [options.dp, "sql", f"SELECT * FROM '{options.lineitem}'", "--out", place, "--progress", "none", "-o", "json"],
                check=True, stdout=subprocess.DEVNULL,
            )
            local = f"{folder}/lineitem/"
            subprocess.run(
                [options.dp, "sql", f"SELECT * FROM '{options.lineitem}'", "--out", local, "--progress", "none", "-o", "json"],
                check=True, stdout=subprocess.DEVNULL,
            )
            scans = collections.defaultdict(list)
            for _ in range(options.runs):
                for name, where in [("local", local), ("minio", place)]:
                    command = [options.dp, "sql", sql.format(where), "--progress", "none"]
                    scans[name].append(timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)))
            report["scan"] = {name: {"median": statistics.median(all_), "all": all_} for name, all_ in scans.items()}
            report["scan"]["ratio"] = report["scan"]["minio"]["median"] / report["scan"]["local"]["median"]
    json.dump(report, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
