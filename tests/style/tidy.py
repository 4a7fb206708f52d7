#!/usr/bin/env python3
"""Runs clang-tidy over every source that is compiled, on every core.

A source that passed is not looked at again, on this machine, until it changes: it, a header
of ours that it includes, its flags, the checks or clang-tidy itself.
Usage: tidy.py <source directory> <build directory>
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

KEEP_DAYS = 30

# The analyzer of paths gives a function up where it would take it ten seconds and more.
ANALYZER = [word for option in ("-analyzer-config", "max-nodes=50000")
            for word in ("--extra-arg=-Xclang", "--extra-arg=" + option)]


def cache_folder():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = pathlib.Path(home, "relais", "tidy")
    folder.mkdir(parents=True, exist_ok=True)
    for mark in folder.iterdir():
        if mark.stat().st_mtime < time.time() - KEEP_DAYS * 86400:
            mark.unlink(missing_ok=True)
    return folder


def commands(source, build):
    """{source file: the first command that compiles it}"""
    first = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if entry["file"].startswith(f"{source}/"):
            first.setdefault(entry["file"], entry["command"])
    return first


def includes(path, known):
    """The file and every header of ours that it includes."""
    seen, waiting = set(), [path]
    while waiting:
        path = waiting.pop()
        if path in seen or not os.path.exists(path):
            continue
        seen.add(path)
        if path not in known:
            text = pathlib.Path(path).read_bytes()
            words = [line.split(b'"') for line in text.splitlines() if b"#include" in line]
            headers = [word[1].decode() for word in words if len(word) > 2]
            known[path] = (hashlib.sha256(text).hexdigest(), headers)
        waiting += known[path][1]
    return sorted(seen)


def checks(path):
    # A test sets its own environment, and ends its process as it likes; what the analyzer
    # of paths finds, the sanitizers find there at a tenth of the time.
    is_test = path.endswith("_test.c") or "tests/" in path
    return "-concurrency-mt-unsafe,-clang-analyzer-*" if is_test else ""


def key(path, command, source, build, tool, known):
    """What tells a source that is as it was, in any checkout: a name for its mark."""
    command = command.replace(str(build), "").replace(str(source), "")
    hashed = hashlib.sha256(tool + " ".join([*ANALYZER, command]).encode())
    hashed.update(checks(path).encode())
    for header in includes(path, known):
        hashed.update(f"{header} {known[header][0]}\n".encode())
    return hashed.hexdigest()


def look(path, build):
    line = ["nice", "-n", "5", "clang-tidy", "--quiet", f"--checks={checks(path)}",
            *ANALYZER, "-p", str(build), path]
    run = subprocess.run(line, capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return None
    return run.stdout or run.stderr


def main():
    if shutil.which("clang-tidy") is None:
        print("clang-tidy is not installed")
        return 77
    source, build = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    os.chdir(source)
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True)
    tool = version.stdout + pathlib.Path(".clang-tidy").read_bytes()
    folder, known, stale = cache_folder(), {}, {}
    for file, command in commands(source, build).items():
        path = os.path.relpath(file, source)
        mark = folder / key(path, command, source, build, tool, known)
        if mark.exists():
            mark.touch()
        else:
            stale[path] = mark
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, said in zip(stale, pool.map(lambda path: look(path, build), stale)):
            if said is None:
                stale[path].touch()
            else:
                failed += 1
                print(said, flush=True)
    print(f"{len(stale)} looked at, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
