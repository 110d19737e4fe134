# SPDX-License-Identifier: GPL-2.0-only
#
# Prints what is wrong with documents of `maptrace report --json`, and fails then:
#
#   python3 fits_schema.py [--form] SCHEMA DOCUMENT...
#
# The rows of maps are all of one form: of each document the first 200 are looked at.
#
# And the verdict of each report says what its body does: all that is above the threshold,
# and nothing that the body contradicts. Not with --form, for made-up reports.
import json
import sys

import jsonschema

MAPS = 200

form_only = sys.argv[1] == "--form"
if form_only:
    del sys.argv[1]
with open(sys.argv[1]) as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)
# Against one of the two forms alone, since "oneOf" only says that neither fits.
schema.pop("oneOf")


def validator(form):
    return jsonschema.Draft202012Validator({**schema, "$ref": "#/$defs/" + form})


# What a cause of memory without use is called in the verdict.
CAUSES = {
    "lazy_free": ["lazy_free"],
    "call_failed": ["locked"],
    "span_pinned": ["span_pinned"],
    "pinned_by_map": ["map_holes", "oversized_map", "emptied_members", "refilling_map"],
}
STATES = ["fine", "wasteful", "growing", "in_danger"]


def missing(r, found):
    """What the body has above the threshold, and the verdict does not."""
    least = max(r["verdict"]["min_waste_bytes"], 1)
    for c in r["reclaim"]["causes"]:
        size = min(c["bytes"], c["least_bytes"])
        if c["cause"] == "span_pinned":
            size = min(size, c["never_bytes"] or 0)
        # Several findings may share what a cause has, each with less than the threshold.
        told = sum(f["bytes"] or 0 for k in CAUSES.get(c["cause"], []) for f in found.get(k, []))
        if c["cause"] in CAUSES and size >= least and size - told >= least:
            yield c["cause"], size
    if r["memory"]["anon_bytes"] >= least and not {"c_memory", "mapped_memory"} & found.keys():
        yield "anon", r["memory"]["anon_bytes"]


def contradictions(r):
    verdict, memory = r["verdict"], r["memory"]
    found = {}
    for f in r["findings"]:
        found.setdefault(f["kind"], []).append(f)
        if (f["gives_back_bytes"] or 0) > (f["bytes"] or 0):
            yield "%s gives back more than it has" % f["kind"]
        if f["severity"] != "info" and (f["bytes"] or 0) > max(memory["rss_bytes"], 1) * 1.05:
            yield "%s has more than RSS" % f["kind"]
    bad = [f for f in r["findings"] if f["severity"] != "info"]
    if (verdict["state"] == "fine") != (not bad):
        yield "the state is %s with %d findings" % (verdict["state"], len(bad))
    if verdict["state"] not in STATES or not verdict["text"]:
        yield "there is no verdict"
    if verdict["text"].startswith("No waste") and verdict["state"] == "wasteful":
        yield "wasteful, yet no waste"
    if memory["moving"]:
        return
    for what, size in missing(r, found):
        yield "%d bytes of %s are not in the verdict" % (size, what)
    if abs(memory["unexplained_bytes"]) >= max(verdict["min_waste_bytes"], 1) and not verdict["besides"]:
        yield "what is unexplained is not said"


forms = {form: validator(form) for form in ("report", "failure")}
wrong = 0
for path in sys.argv[2:]:
    with open(path) as f:
        document = json.load(f)
    if "maps" in document:
        document["maps"] = document["maps"][:MAPS]
    form = "failure" if "error" in document else "report"
    for e in list(forms[form].iter_errors(document))[:5]:
        print(path.rsplit("/")[-1], e.json_path, e.message[:200])
        wrong += 1
    if not form_only and form == "report" and document["verdict"]["judged"] and document["memory"]:
        for text in contradictions(document):
            print(path.rsplit("/")[-1], "verdict:", text)
            wrong += 1
sys.exit(wrong > 0)
