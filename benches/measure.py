"""One process, measured: wall, CPU, peak memory, and what else the machine did meanwhile."""

import os
import signal
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")


def busy_seconds():
    """CPU seconds that the whole machine was not idle since it started."""
    with open("/proc/stat") as f:
        fields = [int(v) for v in f.readline().split()[1:]]
    # user nice system idle iowait irq softirq steal (guest time is in user)
    return (sum(fields[:8]) - fields[3] - fields[4]) / TICK


def anonymous_bytes(pid):
    """Anonymous memory of a process now; None when it has ended."""
    try:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, sample_memory=False, timeout=3600):
    """Runs a command to its end. The caller must be small: a child's peak counts its parent's at the fork."""
    load, busy, begin = os.getloadavg()[0], busy_seconds(), time.monotonic()
    child = subprocess.Popen(command, stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL)
    peak_anonymous = 0
    if sample_memory:
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            peak_anonymous = max(peak_anonymous, anonymous_bytes(child.pid) or 0)
            if time.monotonic() - begin > timeout:
                child.send_signal(signal.SIGKILL)
            time.sleep(0.002)
        out, err = b"", child.stderr.read() if child.stderr else b""
    else:
        # The pipes hold little: the result of a run is one line, its errors a few.
        out = child.stdout.read() if child.stdout else b""
        err = child.stderr.read() if child.stderr else b""
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - begin
    cpu = usage.ru_utime + usage.ru_stime
    foreign = max(0.0, busy_seconds() - busy - cpu) / wall if wall > 0 else 0.0
    for pipe in (child.stdout, child.stderr):
        if pipe:
            pipe.close()
    return {
        "exit": child.returncode,
        "wall": wall,
        "cpu": cpu,
        "rss": usage.ru_maxrss * 1024,
        "anonymous": peak_anonymous or None,
        "load": load,
        "foreign": foreign,
        "stdout": out.decode(errors="replace"),
        "stderr": err.decode(errors="replace")[-2000:],
    }


def machine():
    """What ran this, without names."""
    model = ""
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) * 1024
    return {"cpu": model, "cores": os.cpu_count(), "memory": memory, "kernel": os.uname().release.split("-")[0]}
