# SPDX-License-Identifier: GPL-2.0-only
#
# Compares what a report says about the holders of maps with what the program `holders` says.

# Names as people write them: without the paths of packages.
def short: gsub("[-A-Za-z0-9_.]+/"; "");

# Whether a text is one of several; "": it does not matter.
def is_one_of($choices): . as $text | $choices == "" or any($choices | split("|")[]; short == $text);

# Whether a holder is what the program expects.
def is_right($t):
  . != null and .kind as $kind | (.text // "" | short) as $text
  | any($t.kinds | split("|")[]; . == $kind)
    and all($t.says | split(" ")[]; . as $word | $text | contains($word))
    and ($kind != "field" and $kind != "map"
      or ((.type // "" | short) | is_one_of($t.holder_type)) and ((.field // "") | is_one_of($t.field)));

# A guess that does not even name a type.
def is_unknown: . != null and (.certain | not) and .type == null and .kind != "variable" and .kind != "frame";

def with_symbol($t): (.text // "" | short) | contains($t.symbol);

def has_type($t): .type == $t.type or any((.declared_types // [])[]; . == $t.type);

# Lists of what is wrong; all of them should be empty.
def compare($truth; $report):
  ($report.maps | map({key: .address, value: .}) | from_entries) as $by_address
  | [$truth.maps[] | {truth: ., got: $by_address[.addr]}] as $rows
  | [$rows[] | select(.got)
      | . as {$truth, $got}
      | {name: $truth.name, want: ($truth | del(.addr)), type: $got.type, source: $got.type_source,
          holder: $got.holder, right: ($got.holder | is_right($truth)),
          named: ($got.holder | with_symbol($truth)), typed: ($got | has_type($truth))}] as $found
  | {
      found: ($found | length),
      missing: [$rows[] | select(.got | not) | .truth.name],
      unheld: [$found[] | select(.holder == null) | .name],
      unknown: [$found[] | select((.right | not) and (.holder | is_unknown)) | .name],
      wrong: [$found[] | select((.right | not) and .holder and (.holder | is_unknown | not)
        and (.want.vague and (.holder.certain | not) | not))],
      certainly_wrong: [$found[] | select((.right | not) and .holder and .holder.certain)],
      uncertain: [$found[] | select(.holder and (.holder.certain | not)) | .name],
      nameless: [$found[] | select(.right and (.named | not))],
      mistyped: [$found[] | select(.type != null and (.typed | not))],
      untyped: [$found[] | select(.type == null and .holder.certain
        and (.holder.kind | . == "field" or . == "map" or . == "channel" or . == "element"))]
    };
