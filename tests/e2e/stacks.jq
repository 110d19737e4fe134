# SPDX-License-Identifier: GPL-2.0-only
#
# Compares a report of maptrace with what stackmaps tells about its maps.

include "truth";

# Lists of what is wrong.
def compare_stacks($truth; $report):
  ($report.maps | map(select(.on_stack)) | by(.address)) as $by_address
  | [$truth.maps[] | {truth: ., got: $by_address[.addr]}] as $rows
  | ($rows | map(select(.got and (.truth.in_frame | not)))) as $found
  | ($truth.maps | by(.addr)) as $known
  | {
      found: ($found | length),
      missing: ($rows | map(select((.got | not) and (.truth.in_frame | not)) | .truth)),
      in_frame: ($rows | map(select(.got and .truth.in_frame))),
      invented: [$report.maps[] | select(.on_stack and $known[.address] == null)],
      wrong: (
        ["live_keys", "slots", "buckets", "tombstones", "overflow_buckets", "old_bytes",
          "table_bytes"]
        | map({key: ., value: (. as $field | $found | failing(.got[$field] == .truth[$field]))})
        | from_entries),
      tables: ($found | failing(.got.tables == (.truth | tables($truth.kind)))),
      inexact: ($found | failing(.got.consistency == "exact" and (.got.garbage | not))),
      place: ($found | failing(.got.goroutine_runs == .truth.goroutine_runs)),
      type_wrong: ($found | failing((.got | certain | not) or .got.type == .truth.type)),
      sized: ($found | failing(.got.bucket_bytes == null or .got.bucket_bytes == .truth.bucket_bytes)),
      suspect: [$report.maps[] | select(.consistency == "suspect")],
      totals: ($report | totals_wrong),
      counted: [$report | counted | select(.on_stack)] | length
    };
