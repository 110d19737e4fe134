# SPDX-License-Identifier: GPL-2.0-only
#
# Shows a report again and again, each time with another member set to null:
#
#   python3 thinned.py MAPTRACE REPORT
#
# Prints the members without which maptrace crashes, or prints "(null)", and fails then. Members
# are looked at down to DEPTH; the first element of a list stands for all.
import copy
import json
import os
import subprocess
import sys
import tempfile

DEPTH = 3


def members(value, path, depth):
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for name, v in inner if depth else ():
        yield path + [name]
        yield from members(v, path + [name], depth - 1)


def without(document, path):
    thin = copy.deepcopy(document)
    parent = thin
    for name in path[:-1]:
        parent = parent[name]
    parent[path[-1]] = None
    return thin


maptrace = sys.argv[1]
with open(sys.argv[2]) as f:
    document = json.load(f)
tried = wrong = 0
with tempfile.TemporaryDirectory() as folder:
    whole, thin = os.path.join(folder, "whole"), os.path.join(folder, "thin")
    with open(whole, "w") as f:
        json.dump(document, f)
    for path in members(document, [], DEPTH):
        with open(thin, "w") as f:
            json.dump(without(document, path), f)
        for args in (["report", "-v", "--from", thin], ["diff", thin, whole]):
            run = subprocess.run([maptrace] + args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            tried += 1
            if run.returncode not in (0, 1, 4) or b"(null)" in run.stdout:
                print(args[0], "without", path, "ends with", run.returncode)
                wrong += 1
print(tried, "reports were shown")
sys.exit(wrong > 0 or tried < 500)
