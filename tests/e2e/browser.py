# SPDX-License-Identifier: GPL-2.0-only
#
# Drives pages of `maptrace report --html` in Chromium without a screen, and prints a line for each
# thing that it did: "ok WHAT", or "not ok WHAT" with what is wrong. Fails if something is.
#
#   python3 browser.py CHROMIUM PAGE REPORT [SPOILT]       SPOILT: a page with hostile names
#   python3 browser.py CHROMIUM --pictures PAGE DIR        screenshots, for people to look at

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

LIMIT_S = 60
AX_NAMED = {'button', 'textbox', 'searchbox', 'combobox', 'link', 'img', 'region', 'group'}
KEYS = {'Tab': 9, 'Enter': 13, ' ': 32}


class Browser:
    """Speaks Chromium's DevTools protocol through a pair of pipes."""

    def __init__(self, chromium):
        to_read, self.to = os.pipe()
        self.answers, from_write = os.pipe()
        self.dir = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = [chromium, '--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run',
                   '--disable-background-networking', '--disable-dev-shm-usage',
                   '--user-data-dir=' + self.dir.name, '--remote-debugging-pipe']
        # The browser reads from 3 and writes to 4.
        self.process = subprocess.Popen(
            ['sh', '-c', f'exec "$@" 3<&{to_read} 4>&{from_write}', 'sh'] + command,
            pass_fds=(to_read, from_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.buffer, self.last, self.events, self.session = b'', 0, [], None

    def read(self):
        while b'\0' not in self.buffer:
            data = os.read(self.answers, 1 << 16)
            if not data:
                raise SystemExit('not ok the browser ended')
            self.buffer += data
        text, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(text)

    def call(self, method, **params):
        self.last += 1
        message = {'id': self.last, 'method': method, 'params': params}
        if self.session:
            message['sessionId'] = self.session
        os.write(self.to, json.dumps(message).encode() + b'\0')
        while True:
            answer = self.read()
            if answer.get('id') == self.last:
                if 'error' in answer:
                    raise SystemExit(f'not ok {method}: {answer["error"]}')
                return answer['result']
            self.events.append(answer)

    def wait(self, method):
        while not any(e['method'] == method for e in self.events):
            self.events.append(self.read())

    def show(self, path, width=1280, height=900, dark=False):
        self.session = None
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in 'Page', 'Runtime', 'Log', 'Network', 'Accessibility':
            self.call(domain + '.enable')
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call('Emulation.setEmulatedMedia', features=[
            {'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}])
        self.events = []
        self.call('Page.navigate', url=pathlib.Path(path).resolve().as_uri())
        self.wait('Page.loadEventFired')

    def js(self, expression):
        got = self.call('Runtime.evaluate', expression=expression, returnByValue=True)
        if 'exceptionDetails' in got:
            raise SystemExit(f'not ok {expression}: {got["exceptionDetails"]}')
        return got['result'].get('value')

    def press(self, key):
        event = {'key': key, 'code': key if key != ' ' else 'Space', 'windowsVirtualKeyCode': KEYS[key]}
        if key != 'Tab':
            event['text'] = '\r' if key == 'Enter' else key
        self.call('Input.dispatchKeyEvent', type='keyDown', **event)
        self.call('Input.dispatchKeyEvent', type='keyUp', **event)

    def type(self, text):
        self.call('Input.insertText', text=text)

    def picture(self, path):
        size = self.call('Page.getLayoutMetrics')['cssContentSize']
        clip = {'x': 0, 'y': 0, 'width': size['width'], 'height': min(size['height'], 5000), 'scale': 1}
        data = self.call('Page.captureScreenshot', captureBeyondViewport=True, clip=clip)['data']
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def print(self, path):
        data = self.call('Page.printToPDF', printBackground=False)['data']
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    # What the page did that it should not: errors, refused by its policy, or loaded.
    def misdeeds(self):
        bad = []
        self.call('Runtime.evaluate', expression='1')
        for e in self.events:
            p = e.get('params', {})
            if e['method'] in ('Runtime.exceptionThrown', 'Log.entryAdded', 'Runtime.consoleAPICalled',
                               'Page.javascriptDialogOpening'):
                bad.append(json.dumps(p)[:300])
            if e['method'] == 'Network.requestWillBeSent' and p.get('type') != 'Document':
                bad.append('a request: ' + p['request']['url'])
        return bad

    def nameless(self):
        nodes = self.call('Accessibility.getFullAXTree')['nodes']
        return [n['role']['value'] for n in nodes
                if not n.get('ignored') and n.get('role', {}).get('value') in AX_NAMED
                and not n.get('name', {}).get('value')]

    def end(self):
        self.session = None
        self.call('Browser.close')
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


failures = 0


def check(what, got, wanted=True):
    global failures
    failures += got != wanted
    print(f'ok {what}' if got == wanted else f'not ok {what}: {got!r}, not {wanted!r}', flush=True)


FIRST = '#all tbody tr:first-child'


def total(report, name):
    return sum(m[name] or 0 for m in report['maps'] if not m['garbage'] and m['consistency'] != 'suspect')


def drive_table(b, report):
    top = max((m for m in report['maps'] if not m['garbage']), key=lambda m: m['gives_back_resident_bytes'] or 0)
    check('the first row gives most back', b.js(f'document.querySelector("{FIRST} th").title'), top['type'])
    check('the status has all maps', b.js('document.querySelector("[role=status]").textContent.split(" ")[0]'),
          f'{report["census"]["totals"]["maps"]:,}')
    b.js('document.querySelector("#all thead th:nth-child(4) button").focus()')
    b.press('Enter')
    check('Enter on a title sorts', b.js('document.querySelector("[aria-sort]").textContent'), 'live keys')
    check('most first', b.js('document.querySelector("[aria-sort]").ariaSort'), 'descending')
    b.press(' ')
    check('again: least first', b.js('document.querySelector("[aria-sort]").ariaSort'), 'ascending')
    b.js('document.getElementById("filter").focus()')
    b.type(top['type'])
    same = sum(m['type'] == top['type'] for m in report['maps'])
    check('the filter leaves maps of one type',
          b.js('[...new Set([...document.querySelectorAll("#all tbody th")].map(t => t.title))].join()'),
          top['type'])
    check('and says how many', b.js('document.querySelector("[role=status]").textContent.split(" ")[0]'),
          f'{same:,}')
    b.press('Tab')
    b.press('Enter')
    check('Show all: by keys alone', b.js('document.getElementById("filter").value'), '')


def drive_pictures(b, report):
    cells = b.js('document.querySelectorAll(".tree [role=button]").length')
    check('the treemap has cells', cells > 0)
    # A few pixels are lost between the cells.
    area = b.js('[...document.querySelectorAll(".tree rect")].reduce((v, r) => v + (+r.getAttribute("width") + 1)'
                ' * (+r.getAttribute("height") + 1), 0) / document.querySelector(".tree").viewBox.baseVal.width'
                ' / document.querySelector(".tree").viewBox.baseVal.height')
    check('they fill it', 0.98 < area < 1.02)
    first = b.js('document.querySelector(".tree rect").getAttribute("width")'
                 ' * document.querySelector(".tree rect").getAttribute("height")'
                 ' / document.querySelector(".tree").viewBox.baseVal.width'
                 ' / document.querySelector(".tree").viewBox.baseVal.height')
    sizes = {}
    for m in report['maps']:
        if not m['garbage'] and m['consistency'] != 'suspect':
            key = m['type'], (m['holder'] or {}).get('text')
            sizes[key] = sizes.get(key, 0) + m['resident_bytes']
    by_type = {}
    for (kind, holder), v in sizes.items():
        by_type.setdefault(kind, []).append(v)
    largest = max(by_type.values(), key=sum)
    check('the first has its share', abs(first - max(largest) / total(report, 'resident_bytes')) < 0.02)
    b.js('document.querySelector(".tree [role=button]").focus()')
    b.press('Enter')
    check('Enter on a cell filters', b.js('document.querySelectorAll(".picked").length'), 1)
    rows = b.js('document.querySelectorAll("#all tbody tr").length')
    b.press('Enter')
    check('again: all rows', b.js('document.querySelectorAll("#all tbody tr").length') >= rows)
    b.js('document.querySelector(".hist [role=button]").focus()')
    b.press(' ')
    check('a bar of a histogram filters', 'live keys of a map' in
          b.js('document.querySelector("[role=status]").textContent'))
    b.js('metric.value = "maps"; metric.dispatchEvent(new Event("change"))')
    check('the treemap by another figure', b.js('document.querySelectorAll(".tree .cell").length') > 0)


def drive(chromium, page, report, spoilt):
    b = Browser(chromium)
    report = json.load(open(report))
    b.show(page)
    drive_table(b, report)
    drive_pictures(b, report)
    check('no errors, nothing refused, nothing loaded', b.misdeeds(), [])
    check('all that takes keys has a name', b.nameless(), [])
    b.show(page, width=390)
    check('a phone does not scroll sideways', b.js('document.documentElement.scrollWidth'), 390)
    b.show(page, dark=True)
    check('dark', b.js('getComputedStyle(document.body).backgroundColor'), 'rgb(20, 23, 26)')
    if spoilt:
        b.show(spoilt)
        check('hostile names: no errors, nothing refused, nothing loaded', b.misdeeds(), [])
        check('hostile names: the script made its table', b.js('document.querySelectorAll("#all tbody tr").length') > 0)
        check('hostile names: they ran nothing', b.js('document.title').endswith('- maptrace'))
        check('hostile names: they are text', b.js('document.body.textContent.includes("<script>document.title=")'))
        check('hostile names: no elements of theirs', b.js('document.querySelectorAll("img, [onload], [onerror]").length'), 0)
        check('hostile names: no scripts of theirs', b.js('document.scripts.length'), 2)
    b.end()


def pictures(chromium, page, where):
    b = Browser(chromium)
    for name, width, dark in ('wide', 1280, False), ('dark', 1280, True), ('phone', 390, False):
        b.show(page, width=width, dark=dark)
        b.picture(f'{where}/{name}.png')
    b.show(page)
    b.print(f'{where}/print.pdf')
    b.end()


def main(args):
    import signal
    signal.alarm(LIMIT_S)
    if args[1] == '--pictures':
        pictures(args[0], args[2], args[3])
    else:
        drive(args[0], args[1], args[2], args[3] if len(args) > 3 else None)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
