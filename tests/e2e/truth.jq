# SPDX-License-Identifier: GPL-2.0-only
#
# Compares a report of maptrace with what mapzoo says about itself. Both may have ten
# thousand maps. So each is read once, and only a small result is kept.

# Rows by a field of theirs. INDEX of jq 1.6 takes quadratic time.
def by(f): reduce .[] as $row ({}; .[$row | f] = $row);

# The maps that a census can see: a header, and a table.
def visible: [.maps[] | select(.buckets > 0)];

def certain: .type_source == "header" or .type_source == "holder" or .type_source == "unique-shape"
  or .type_source == "contents";

# A classic map is one table, which its truth does not count.
def tables($kind): if $kind == "classic" then 1 else .tables end;

# The rows of a list, as .truth and .got, for which f does not hold.
def failing(f): map(select(f | not) | {truth, got: (.got | del(.histograms))});

# How to recognise a map of the standard library in another run: its keys are the same. Their
# places are random, and so is the overflow.
def fingerprints:
  group_by([.live_keys, .bucket_bytes])
  | map("\(length) of \(.[0].live_keys) keys in buckets of \(.[0].bucket_bytes) bytes");

# Rows that count in the totals.
def counted: .maps[] | select(.consistency != "suspect" and (.garbage | not));
def sum(f): reduce f as $x (0; . + ($x // 0));

# What a row adds to a total. No rebuild of a map inside of a sync.Map is possible: what a new
# sync.Map gives back is in sync_maps.
def given($field): if .part_of and ($field | startswith("gives_back")) then 0 else .[$field] end;

def totals_wrong:
  . as $report
  | ["live_keys", "slots", "table_bytes", "resident_bytes", "hole_bytes", "old_bytes",
      "gives_back_bytes", "gives_back_resident_bytes"]
  | map({field: ., total: $report.census.totals[.], sum: (. as $field | sum($report | counted | given($field)))})
  | map(select(.total != .sum));

# Findings that are not the sum of their maps: the maps of one type with something to give
# back; where types are not known, those with one bucket size.
def wrong_findings:
  . as $report
  | .findings[] | select(.kind == "map_holes") | . as $finding
  | ([$report.maps[] | select(.address == $finding.map)][0]) as $map
  | [$report | counted | select((.gives_back_resident_bytes // 0) > 0
      and .type == $map.type and .bucket_bytes == $map.bucket_bytes)] as $maps
  | {
      maps: ($maps | length),
      bytes: ($maps | map(.gives_back_resident_bytes) | add),
      live_keys: ($maps | map(.live_keys) | add),
      slots: ($maps | map(.slots) | add),
      resident_bytes: ($maps | map(.resident_bytes) | add)
    } as $sums
  | select(
      if $finding.type then any($sums | keys[]; $sums[.] != $finding[.])
      else any($sums | keys[]; $sums[.] < $finding[.])
        or $finding.bytes < $map.gives_back_resident_bytes
      end)
  | {finding: ., sums: $sums};

# Lists of what is wrong. All of them except `extra` should be empty.
def compare($truth; $report):
  ($truth | visible) as $maps
  | ($report.maps | by(.address)) as $by_address
  | ($maps | by(.addr)) as $known
  | [$maps[] | {truth: ., got: $by_address[.addr]}] as $rows
  | ($rows | map(select(.got))) as $found
  | {
      found: ($found | length),
      missing: ($rows | map(select(.got | not) | .truth)),
      wrong: (
        ["live_keys", "slots", "buckets", "tombstones", "overflow_buckets", "old_bytes",
          "table_bytes", "resident_bytes"]
        | map({key: ., value: (. as $field | $found | failing(.got[$field] == .truth[$field]))})
        | from_entries),
      tables: ($found | failing(.got.tables == (.truth | tables($truth.kind)))),
      load: ($found | failing((.got.load - .truth.live_keys / .truth.slots | fabs) < 1e-6)),
      inexact: ($found | failing(.got.consistency == "exact")),
      garbage: ($found | failing(.got.garbage | not)),
      misplaced: ($found | failing(.got.on_stack != .truth.on_heap)),
      typed: ($found | map(select(.got.type)) | length),
      told: ($found | map(select(.got.type_source == "contents")) | length),
      type_wrong: ($found | failing((.got | certain | not) or .got.type == .truth.type
        # type M map[K]V has the memory layout of map[K]V: nothing distinguishes them.
        or (.truth.type as $type | any((.got.declared_types // [])[]; . == $type)))),
      type_guessed: ($found | failing((.got | certain) or .got.type == null)),
      bucket_wrong: ($found
        | failing(.got.bucket_bytes == null or .got.bucket_bytes == .truth.bucket_bytes)),
      too_resident: ($report.maps | map(select(.resident_bytes > .table_bytes))),
      totals_wrong: ($report | totals_wrong),
      counted: [$report | counted] | length,
      total_maps: $report.census.totals.maps,
      extra: [$report.maps[] | select($known[.address] == null)] | fingerprints
    };
