"""What the benches stand on: the binaries, the Python packages, the data. Made once, kept in the cache folder."""

import json
import os
import shutil
import subprocess
import sys
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
CACHE = os.environ.get("DP_CACHE") or os.path.join(os.path.expanduser("~"), ".cache/dp")


def say(text):
    print(text, file=sys.stderr, flush=True)


def results():
    """Where the history is kept."""
    folder = os.path.join(HERE, "results")
    os.makedirs(folder, exist_ok=True)
    return folder


def python():
    """The interpreter that has the engines."""
    home = os.path.join(CACHE, "venv-bench")
    wanted = os.path.join(HERE, "requirements.txt")
    stamp = os.path.join(home, "requirements.txt")
    text = open(wanted).read()
    if not os.path.exists(stamp) or open(stamp).read() != text:
        say(f"installing the engines into {home}")
        venv.create(home, with_pip=True, clear=True)
        pip = [os.path.join(home, "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--only-binary", ":all:", "-r", wanted], check=True)
        shutil.copy(wanted, stamp)
    return os.path.join(home, "bin/python")


def binary(given=None, example=None):
    """dp (or an example beside it), built with the profile that people use."""
    if given:
        return os.path.abspath(given)
    target = ["--example", example] if example else ["--bin", "dp"]
    say("building " + target[1])
    command = ["cargo", "build", "--release", "--message-format", "json-render-diagnostics", *target]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    made = [json.loads(line).get("executable") for line in built.splitlines()]
    return [path for path in made if path][-1]


def lineitem(scale, form, make_tpch=None):
    """The glob of lineitem at a scale, as `parquet` or `csv`."""
    files = 8 if scale >= 5 else 4
    folder = os.path.join(CACHE, f"bench/sf{scale:g}/lineitem-{form}-{files}")
    if not os.path.isdir(folder):
        say(f"making {folder}")
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        tool = binary(make_tpch, "make_tpch")
        subprocess.run([tool, "lineitem", f"{scale:g}", form, str(files), folder], check=True)
    return os.path.join(folder, f"*.{form}")


def warm(glob_pattern):
    """Reads files once, so that the first engine does not pay for the disk."""
    import glob

    for path in glob.glob(glob_pattern):
        with open(path, "rb", buffering=0) as f:
            while f.read(1 << 20):
                pass


def versions():
    """Versions of the engines, of dp, and the commit."""
    found = dict(line.strip().split("==") for line in open(os.path.join(HERE, "requirements.txt")) if "==" in line)
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    dirty = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    found["dp"] = git.stdout.strip() + ("+" if dirty.stdout.strip() else "")
    return found


def spec(sql, url, output, shards=None, **output_keys):
    """A job spec (JSON is YAML)."""
    job = {
        "apiVersion": "dp.dev/v1alpha1",
        "kind": "DataJob",
        "metadata": {"name": "bench"},
        "spec": {"input": {"url": url}, "sql": sql, "output": {"url": output, "format": "parquet", **output_keys}},
    }
    if shards:
        job["spec"]["shards"] = {"count": shards}
    return json.dumps(job)
