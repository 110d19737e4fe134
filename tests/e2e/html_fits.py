# SPDX-License-Identifier: GPL-2.0-only
#
# Prints what is wrong with a page that `maptrace report --html` wrote, and fails then:
#
#   python3 html_fits.py PAGE [REPORT [TRUTH]]
#   python3 html_fits.py --spoil REPORT SPOILT       a report whose names attack a page
#   python3 html_fits.py --many REPORT COUNT MANY    a report with as many maps, no two alike
#
# A page is well-formed, loads nothing, and has no scripts, styles or handlers but those that its
# policy names. REPORT is the JSON of the same look: the rows of maps have the same sums. TRUTH is
# what the program says of its maps: what it says of all of a type is in the rows, too.

import base64
import copy
import hashlib
import json
import re
import sys
from collections import Counter, defaultdict
from html.parser import HTMLParser

VOID = {'meta', 'link', 'br', 'input', 'hr', 'img'}
TAGS = set('html head meta title style body a header main section h1 h2 h3 p ol li div table caption '
           'thead tbody tr th td svg rect path figure figcaption span script'.split())
ATTRIBUTES = set('lang charset http-equiv content name class href id aria-labelledby aria-label '
                 'aria-hidden viewbox preserveaspectratio x y width height d role tabindex scope '
                 'type'.split())
FIELDS = ['type', 'holder', 'guessed', 'maps', 'live_keys', 'slots', 'below',
          'not_resident_bytes', 'gives_back', 'retained', 'address']
ATTACKS = ['</script><script>document.title="owned"</script>', '"><img src=x onerror=alert(1)>',
           "' onmouseover='document.title=1", '<!--<script>', '&lt;b&gt;&#x3c;', ']]>', '\u202e\u2028\\',
           '</title></style></svg><svg onload=alert(1)>', '${document.title=1}', '\x1b[31m']

HIDDEN = '\u202e\u2028\x1b' # those of ATTACKS that a page has as question marks

wrong = []


class Page(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes = [], Counter(), defaultdict(list)
        self.texts, self.scripts, self.headings = defaultdict(str), [], []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        if tag not in TAGS:
            wrong.append(f'a tag {tag!r}')
        for name, value in attrs:
            if name not in ATTRIBUTES:
                wrong.append(f'an attribute {name!r} of {tag}')
            if name == 'href' and not value.startswith('#'):
                wrong.append(f'a link to {value!r}')
            self.attributes[name].append(value)
        if tag == 'script':
            self.scripts.append([dict(attrs).get('type'), ''])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            wrong.append(f'</{tag}> does not end what it should, at line {self.getpos()[0]}')

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]] += data
        if self.open and self.open[-1] == 'script':
            self.scripts[-1][1] += data
        if self.open and self.open[-1] == 'h2':
            self.headings.append(data)

    def handle_comment(self, data):
        wrong.append(f'a comment {data[:40]!r}')


def hash_of(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def check_policy(page):
    policies = [v for v in page.attributes['content'] if 'default-src' in v]
    wanted = {"default-src": ["'none'"], 'base-uri': ["'none'"], 'form-action': ["'none'"],
              'style-src': [hash_of(page.texts['style'])],
              'script-src': [hash_of(text) for kind, text in page.scripts if not kind]}
    got = {p.split()[0]: p.split()[1:] for p in policies[0].split(';')} if policies else None
    if got != wanted:
        wrong.append(f'the policy is {got}, not {wanted}')


def rows_of(page):
    data = [text for kind, text in page.scripts if kind == 'application/json']
    if not data:
        return [], None
    data = json.loads(data[0])
    rows, above = [], None
    for text in filter(None, data['rows'].split(';')):
        part = dict(zip(FIELDS, text.split(','), strict=True))
        row = {k: None if v == '?' else int(v, 36) if v else 0 for k, v in part.items()}
        row['maps'] = row['maps'] or 1
        above = row.pop('below') if above is None else above - row.pop('below')
        row['table_bytes'] = above // row['maps']
        row['resident_bytes'] = row['table_bytes'] - row.pop('not_resident_bytes')
        for name in 'type', 'holder':
            row[name] = data['strings'][row[name] - 1] if row[name] else None
        row['address'] += int(data['base'], 16)
        rows.append(row)
    return rows, data


def check_sums(rows, data, report):
    totals = report['census']['totals']
    rest = data['rest'] if data else {'maps': 0, 'table_bytes': 0, 'resident_bytes': 0}
    wanted = totals['maps']
    maps = sum(r['maps'] for r in rows) + rest['maps']
    if maps != wanted:
        wrong.append(f'{maps} maps are in rows, not {wanted}')
    for name in 'table_bytes', 'resident_bytes':
        got = sum(r['maps'] * r[name] for r in rows) + rest[name]
        if got != totals[name]:
            wrong.append(f'{got} {name} are in rows, not {totals[name]}')
    for name, field in ('live_keys',) * 2, ('slots',) * 2, ('gives_back', 'gives_back_resident_bytes'):
        got = sum(r['maps'] * (r[name] or 0) for r in rows)
        if not rest['maps'] and got != totals[field]:
            wrong.append(f'{got} {name} are in rows, not {totals[field]}')
    addresses = {int(m['address'], 16) for m in report['maps']}
    for row in rows:
        if row['address'] not in addresses:
            wrong.append(f'a row has the address {row["address"]:#x}')


def check_words(page, report):
    for text in [report['verdict']['text']] + [f['headline'] for f in report['findings'][:50]]:
        seen = ''.join('?' * len(c.encode()) if c in HIDDEN else c for c in text or '')
        if seen[:200] not in page.texts['p'] + page.texts['h3']:
            wrong.append(f'not in the page: {text!r}')
    for row in (report['trace'].get('busiest') or [])[:20]:
        for name, op in row.items():
            if isinstance(op, dict) and op.get('caller') and name != 'clone' and name != 'prune':
                if f'{name} from {op["caller"]}'[:100] not in page.texts['p']:
                    wrong.append(f'no {name} from {op["caller"]!r}')
    if page.headings[0] != 'Verdict':
        wrong.append(f'first comes {page.headings[0]}')


def check_truth(rows, truth):
    by_type = defaultdict(Counter)
    for m in truth['maps']:
        by_type[m['type']].update(maps=1, live_keys=m['live_keys'], slots=m['slots'])
    checked = 0
    for name, sums in by_type.items():
        mine = [r for r in rows if r['type'] == name]
        if sum(r['maps'] for r in mine) != sums['maps']:
            continue  # the runtime has maps of this type, too
        checked += 1
        for field in 'live_keys', 'slots':
            if sum(r['maps'] * r[field] for r in mine) != sums[field]:
                wrong.append(f'{name}: {field} is not {sums[field]}')
    if not checked:
        wrong.append('no type of the program is in the rows')


def spoil(value, attack):
    if isinstance(value, dict):
        return {k: (v + attack() if k in ('type', 'text', 'label', 'command', 'function', 'file', 'name',
                                          'headline', 'remedy') and isinstance(v, str)
                    else spoil(v, attack)) for k, v in value.items()}
    return [spoil(v, attack) for v in value] if isinstance(value, list) else value


def make_spoilt(report, path):
    turn = [0]

    def attack():
        turn[0] += 1
        return ATTACKS[turn[0] % len(ATTACKS)]

    for part in 'target', 'maps', 'groups', 'findings', 'growing', 'objects', 'host', 'verdict':
        kept = {k: report[part].get(k) for k in ('map_kind', 'state')} if isinstance(report[part], dict) else {}
        report[part] = spoil(report[part], attack)
        if kept:
            report[part].update({k: v for k, v in kept.items() if v is not None})
    json.dump(report, open(path, 'w'))


# Many small maps, and some large ones.
def make_many(report, count, path):
    like = next(m for m in report['maps'] if m['slots'] > 8 and m['retained_bytes'] is not None)
    base, maps = int(like['address'], 16), []
    for i in range(count):
        m = copy.copy(like)
        slots = 8 << ((i & -i).bit_length() if i % 3 else i % 15)
        m.update(address=hex(base + i * 48 * (1 + i % 50)), id=None, live_keys=slots * (i % 7) // 8 + i % 8,
                 slots=slots, table_bytes=slots * 24 + i, resident_bytes=slots * 24 + i - i * 11 % 64,
                 gives_back_resident_bytes=slots * 8 + i, retained_bytes=slots * 40 + i)
        for name in 'path', 'path_text', 'path_certain', 'activity', 'history':
            m.pop(name, None)
        m['type'] = f'map[string]*example.com/some/service/internal/pkg{i % 150}.Type{i % 300}'
        m['holder'] = dict(like['holder'] or {}, text=f'*example.com/some/pkg{i % 200}.Holder.field{i % 400}')
        maps.append(m)
    maps.sort(key=lambda m: int(m['address'], 16))
    for a, b in zip(maps, maps[1:]):
        if int(b['address'], 16) <= int(a['address'], 16):
            b['address'] = hex(int(a['address'], 16) + 48)
    report['maps'], report['maps_total'] = maps, count
    totals = report['census']['totals']
    totals.update({k: 0 for k in totals}, maps=count, exact=count)
    for name in 'live_keys', 'slots', 'table_bytes', 'resident_bytes', 'gives_back_resident_bytes':
        totals[name] = sum(m[name] for m in maps)
    json.dump(report, open(path, 'w'))


def main(args):
    if args[0] == '--spoil':
        return make_spoilt(json.load(open(args[1])), args[2])
    if args[0] == '--many':
        return make_many(json.load(open(args[1])), int(args[2]), args[3])
    page = Page()
    page.feed(open(args[0], encoding='utf-8').read())
    page.close()
    if page.open:
        wrong.append(f'still open: {page.open}')
    check_policy(page)
    rows, data = rows_of(page)
    if len(args) > 1:
        report = json.load(open(args[1]))
        check_sums(rows, data, report)
        check_words(page, report)
    if len(args) > 2:
        check_truth(rows, json.load(open(args[2])))
    print('\n'.join(wrong[:20]))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
