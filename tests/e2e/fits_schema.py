# SPDX-License-Identifier: GPL-2.0-only
#
# Prints what is wrong with documents of `maptrace report --json`, and fails then:
#
#   python3 fits_schema.py SCHEMA DOCUMENT...
#
# The rows of maps are all of one form: of each document the first 200 are looked at.
import json
import sys

import jsonschema

MAPS = 200

with open(sys.argv[1]) as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)
# Against one of the two forms alone, since "oneOf" only says that neither fits.
schema.pop("oneOf")


def validator(form):
    return jsonschema.Draft202012Validator({**schema, "$ref": "#/$defs/" + form})


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
sys.exit(wrong > 0)
