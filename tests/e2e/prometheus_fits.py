# SPDX-License-Identifier: GPL-2.0-only
#
# Prints what is wrong with metrics that `maptrace report --prometheus` wrote, and fails then:
#
#   python3 prometheus_fits.py METRICS [REPORT [TRUTH]]
#
# They are read by the rules of both the text format of Prometheus and OpenMetrics. REPORT is the
# JSON of the same look. TRUTH is what the program says of its maps: each type whose maps all have
# a name there has as many keys and slots in the metrics.

import json
import re
import sys
from collections import defaultdict

SERIES_MAX = 100
LABEL_MAX = 200
NAME = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
NUMBER = re.compile(r'-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$')

wrong = []


def labels_of(text, line):
    labels, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        if not m:
            wrong.append(f'labels: {line!r}')
            break
        if m[1] in labels:
            wrong.append(f'a label twice: {line!r}')
        value = re.sub(r'\\(.)', lambda e: '\n' if e[1] == 'n' else e[1], m[2])
        labels[m[1]] = value
        at = m.end()
        if at < len(text):
            if text[at] != ',' or at + 1 == len(text):
                wrong.append(f'commas: {line!r}')
                break
            at += 1
    return labels


def sample(line, family, seen):
    m = re.match(r'([^{ ]+)\{(.*)\} (\S+)$', line)
    if not m or not NUMBER.match(m[3]):
        wrong.append(f'not a sample: {line!r}')
        return None
    if m[1] != family:
        wrong.append(f'not below its TYPE: {line!r}')
    labels = labels_of(m[2], line)
    key = (m[1], tuple(sorted((k, v) for k, v in labels.items() if v)))
    if key in seen:
        wrong.append(f'a series twice: {line!r}')
    seen.add(key)
    for name, value in labels.items():
        if len(value.encode()) > LABEL_MAX or not value.isprintable():
            wrong.append(f'the value of {name}: {line!r}')
        if name == 'pid':
            wrong.append(f'a pid: {line!r}')
    return m[1], labels, float(m[3])


def parse(path):
    text = open(path, 'rb').read().decode()  # strict
    if not text.endswith('# EOF\n'):
        wrong.append('no # EOF at the end')
    samples, family, families, helped, seen = [], None, set(), None, set()
    for line in text.splitlines()[:-1]:
        m = re.match(r'# (HELP|TYPE) (\S+) (.+)$', line)
        if m and m[1] == 'HELP':
            helped = m[2]
        elif m:
            family = m[2]
            if family in families or family != helped or m[3] != 'gauge':
                wrong.append(f'a family: {line!r}')
            if not NAME.fullmatch(family) or not family.startswith('maptrace_'):
                wrong.append(f'a name: {line!r}')
            families.add(family)
        else:
            samples.append(sample(line, family, seen))
    if len(samples) > SERIES_MAX:
        wrong.append(f'{len(samples)} series')
    return [s for s in samples if s]


def same(what, got, wanted):
    if got != wanted:
        wrong.append(f'{what}: {got}, not {wanted}')


def by(samples, name, label):
    return {s[1][label]: s[2] for s in samples if s[0] == 'maptrace_' + name}


def total(samples, name):
    return sum(s[2] for s in samples if s[0] == 'maptrace_' + name)


def check_report(samples, report):
    rows = {r['row']: r['resident_bytes'] for r in report['memory']['rows']}
    rows['unexplained'] = report['memory']['unexplained_bytes']
    same('rows', by(samples, 'memory_bytes', 'row'), rows)
    same('their sum', total(samples, 'memory_bytes'), report['memory']['rss_bytes'])
    same('rss_bytes', total(samples, 'rss_bytes'), report['memory']['rss_bytes'])
    same('causes', by(samples, 'not_returned_bytes', 'cause'),
         {c['cause']: c['bytes'] for c in report['reclaim']['causes']})
    totals = report['census']['totals']
    same('maps', total(samples, 'maps'), sum(g['maps'] for g in report['groups']))
    same('map_live_keys', total(samples, 'map_live_keys'), totals['live_keys'])
    same('map_slots', total(samples, 'map_slots'), totals['slots'])
    same('map_table_bytes', total(samples, 'map_table_bytes'), totals['table_bytes'])
    same('map_rebuild_bytes', total(samples, 'map_rebuild_bytes'),
         sum(g['gives_back_resident_bytes'] for g in report['groups']))
    same('findings', sum(by(samples, 'findings', 'severity').values()), len(report['findings']))
    same('verdict', [k for k, v in by(samples, 'verdict', 'state').items() if v],
         [report['verdict']['state']])
    same('goroutines', total(samples, 'goroutines'), report['goroutines']['total'])


def check_truth(samples, truth):
    sums = defaultdict(lambda: [0, 0, 0])
    for m in truth['maps']:
        if not m['on_heap']:
            continue
        for i, value in enumerate((1, m['live_keys'], m['table_bytes'])):
            sums[m['type']][i] += value
    checked = 0
    for typ in {s[1]['type'] for s in samples if 'type' in s[1]} & set(sums):
        got = [sum(s[2] for s in samples if s[0] == 'maptrace_' + name and s[1]['type'] == typ)
               for name in ('maps', 'map_live_keys', 'map_table_bytes')]
        # Package flag and others have a few maps of their own.
        if typ.startswith(('map[string]', 'map[int16]')):
            continue
        same(f'of type {typ}', got, sums[typ])
        checked += 1
    if not checked:
        wrong.append('no type is in the truth')


samples = parse(sys.argv[1])
if len(sys.argv) > 2:
    check_report(samples, json.load(open(sys.argv[2])))
if len(sys.argv) > 3:
    check_truth(samples, json.load(open(sys.argv[3])))
print('\n'.join(wrong))
sys.exit(1 if wrong or not samples else 0)
