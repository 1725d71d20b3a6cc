#!/usr/bin/env python3
"""Writes a container image as a docker-archive, without Docker: one layer of the given files.

Equal input gives equal bytes: entries are sorted, times are zero, owners are root.
`ctr images import`, `docker load` and `podman load` take it.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import platform
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def entry(name, kind=tarfile.REGTYPE, mode=0o755):
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, mode
    return info


def layer(files):
    """The tar of `files` (path in the image -> file here, or ->TARGET), their folders and a /tmp for all."""
    entries = {"tmp": (entry("tmp", tarfile.DIRTYPE, 0o1777), b"")}
    for path, source in files.items():
        folder = os.path.dirname(path)
        while folder:
            entries.setdefault(folder, (entry(folder, tarfile.DIRTYPE), b""))
            folder = os.path.dirname(folder)
        if source.startswith("->"):
            info, data = entry(path, tarfile.SYMTYPE, 0o777), b""
            info.linkname = source[2:]
        else:
            with open(source, "rb") as file:
                data = file.read()
            info = entry(path, mode=0o755 if os.access(source, os.X_OK) else 0o644)
            info.size = len(data)
        entries[path] = (info, data)
    return tar(entries)


def tar(entries):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(entries):
            info, data = entries[name]
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def blob(name, data):
    info = entry(name, mode=0o644)
    info.size = len(data)
    return info, data


def text(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def image(name, entrypoint, files, env, user, architecture):
    content = layer(files)
    config = text(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": entrypoint, "Env": env, "User": user},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(content).hexdigest()]},
        }
    )
    # mtime=0: no time in the header of gzip either.
    packed = gzip.compress(content, compresslevel=6, mtime=0)
    manifest = text([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar.gz"]}])
    parts = {"config.json": config, "layer.tar.gz": packed, "manifest.json": manifest}
    return tar({name: blob(name, data) for name, data in parts.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the image's name and tag, for instance localhost/dp:test")
    parser.add_argument("archive", help="the file to write")
    parser.add_argument("files", nargs="+", help="PATH=FILE puts a file of this machine there, PATH->TARGET a symbolic link")
    parser.add_argument("--entrypoint", type=json.loads, required=True, help="a JSON list")
    parser.add_argument("--env", action="append", default=[], help="NAME=VALUE")
    parser.add_argument("--user", default="65532:65532", help="who runs it (default %(default)s: nobody's)")
    parser.add_argument("--architecture", default=ARCHITECTURES.get(platform.machine()), help="default: this machine's")
    options = parser.parse_args()
    files = {}
    for file in options.files:
        path, separator, source = file.partition("->") if "->" in file else file.partition("=")
        if not separator:
            parser.error(f"{file}: neither PATH=FILE nor PATH->TARGET")
        files[path.strip("/")] = "->" + source if separator == "->" else source
    env = options.env or ["PATH=/bin"]
    data = image(options.name, options.entrypoint, files, env, options.user, options.architecture)
    # Written beside and renamed, so that nobody finds half an image.
    partial = options.archive + ".partial"
    with open(partial, "wb") as file:
        file.write(data)
    os.replace(partial, options.archive)


if __name__ == "__main__":
    main()
