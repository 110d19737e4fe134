# SPDX-License-Identifier: GPL-2.0-only
#
# Compares a report of maptrace with what stackmaps tells about its maps.

include "truth";

# Lists of what is wrong, except the numbers. A goroutine that computes is between two
# turns for a moment, and does not run then.
def compare_stacks($truth; $report):
  ($report.maps | map(select(.on_stack)) | by(.address)) as $by_address
  | ($truth.maps | by(.addr)) as $known
  | [$truth.maps[] | {truth: ., got: $by_address[.addr]}] as $rows
  | ($rows | map(select(.truth.in_frame | not))) as $visible
  | ($visible | map(select(.got))) as $found
  | {
      found: ($found | length),
      missing: ($visible | map(select(.got | not) | .truth)),
      in_frame: ($rows | map(select(.got and .truth.in_frame))),
      # A stack that moves may leave behind the header of a map that was being written to.
      invented: [$report.maps[] | select(.on_stack and $known[.address] == null
        and .consistency != "suspect")],
      wrong: (
        ["live_keys", "slots", "buckets", "tombstones", "overflow_buckets", "old_bytes",
          "table_bytes"]
        | map({key: ., value: (. as $field | $found | failing(.got[$field] == .truth[$field]))})
        | from_entries),
      tables: ($found | failing(.got.tables == (.truth | tables($truth.kind)))),
      inexact: ($found | failing(.got.consistency == "exact" and (.got.garbage | not))),
      place: ($found | failing(.truth.computes or (.got.goroutine_runs | not))),
      type_wrong: ($found | failing((.got | certain | not) or .got.type == .truth.type)),
      type_guessed: ($found | failing((.got | certain) or .got.type == null)),
      bucket_wrong: ($found
        | failing(.got.bucket_bytes == null or .got.bucket_bytes == .truth.bucket_bytes)),
      suspect: [$report.maps[] | select(.consistency == "suspect"
        and ((.on_stack | not) or $known[.address] != null))],
      totals_wrong: ($report | totals_wrong),
      counted: [$report | counted | select(.on_stack)] | length,
      total: $report.census.totals.on_stack
    };

# For the growing maps that are the same before and after the census.
def compare_growing($before; $after; $report):
  ($report.maps | map(select(.on_stack)) | by(.address)) as $by_address
  | ([$before, $after | .growers[], (.maps[] | select(.in_frame | not))] | by(.addr)) as $known
  | [range($before.growers | length) | {before: $before.growers[.], after: $after.growers[.]}
      | select(.before.there and .before.made == .after.made)
      | .got = $by_address[.before.addr]] as $rows
  | {
      stay: ($rows | length),
      missing: ($rows | map(select(.got == null) | .before)),
      suspect: ($rows | map(select(.got.consistency == "suspect")) | length),
      wrong: ($rows | map(select(.got and .got.consistency != "suspect"
        and (.got.live_keys < .before.live_keys_least
          or .got.live_keys > .after.live_keys_most)))),
      invented: [$report.maps[] | select(.on_stack and $known[.address] == null
        and .consistency != "suspect" and (.garbage | not))]
    };
