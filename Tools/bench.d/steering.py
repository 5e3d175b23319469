"""Rollouts over a million registered devices: how long commands take, and what they do at once."""
import http.client
import json
import socket
import statistics
import threading
import time

from fleet import Fleet
from machine import BenchError, resident_bytes

MODELS = 4
# The server takes so many devices in one table.
TABLE_MAX = 100_000
COMMAND_MILLISECONDS_MAX, TURN_MILLISECONDS_MAX = 100, 20
EVIDENCE = {
    'name': 'evidence', 'summary': 'As the evidence allows, with a wide first step.',
    'gate': {'first': 50_000, 'soak': '1h'}, 'onAbort': 'stop',
}
EXPONENTIAL = {
    'name': 'exponential', 'summary': 'A rate that doubles.',
    'stages': [{'upTo': '100%', 'quorum': '90%', 'soak': '1h'}],
    'limits': {'rate': {'basePerMinute': 5000, 'factor': 2, 'every': {'notified': 10_000},
                        'ceiling': 100_000}},
    'failureLimit': {'share': '50%'}, 'onAbort': 'stop',
}
POLICIES = (EVIDENCE, EXPONENTIAL)


class Caller:
    """Calls the management API over one connection and times each call."""

    def __init__(self, server):
        self.token = server.token
        self.connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=300)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, method, path, body=None, kind='application/json'):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        started = time.monotonic()
        self.connection.request(method, f'/api/v1{path}', body, {
            'Authorization': f'Bearer {self.token}', 'Content-Type': kind})
        answer = self.connection.getresponse()
        data = answer.read()
        seconds = time.monotonic() - started
        if answer.status >= 300:
            raise BenchError(f'{method} {path}: {answer.status} {data.decode(errors="replace")}')
        return json.loads(data or b'null'), seconds


class Device:
    """Polls as one device after the other, over one connection; remembers how long that took."""

    def __init__(self, server, fleet):
        self.fleet = fleet
        self.lane = socket.create_connection(('127.0.0.1', server.port))
        self.lane.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.seconds = []

    def is_offered(self, number):
        """Whether the answer to a poll offers something."""
        started = time.monotonic()
        self.lane.sendall(self.fleet.request(number))
        data = b''
        while b'\r\n\r\n' not in data or len(data) < self.length(data):
            more = self.lane.recv(65536)
            if not more:
                raise BenchError('the server closed the connection of a device')
            data += more
        self.seconds.append(time.monotonic() - started)
        if not data.startswith(b'HTTP/1.1 200'):
            raise BenchError(f'poll of device {number}: {data[:400]!r}')
        return b'deploymentBase' in data

    @staticmethod
    def length(data):
        head, _, _ = data.partition(b'\r\n\r\n')
        fields = dict(line.lower().split(b':', 1) for line in head.split(b'\r\n')[1:])
        return len(head) + 4 + int(fields[b'content-length'])


class Polling(threading.Thread):
    """Lets devices poll without end, the same few (idle) and ever new ones in turn."""

    PAUSE_SECONDS = 0.002

    def __init__(self, server, fleet, numbers):
        super().__init__(daemon=True)
        self.idle, self.fresh = Device(server, fleet), Device(server, fleet)
        self.numbers, self.is_over, self.fault = numbers, False, None
        self.start()

    def run(self):
        try:
            for number in self.numbers:
                if self.is_over:
                    return
                self.idle.is_offered(number % 8)
                self.fresh.is_offered(number)
                time.sleep(Polling.PAUSE_SECONDS)
        except (BenchError, OSError) as error:
            self.fault = error

    def end(self):
        self.is_over = True
        self.join()
        if self.fault:
            raise BenchError(f'polls did not go on: {self.fault}')
        return self.idle.seconds, self.fresh.seconds


def spread(seconds):
    """Median and maximum in milliseconds."""
    return {'count': len(seconds), 'p50Milliseconds': statistics.median(seconds) * 1000,
            'maxMilliseconds': max(seconds) * 1000}


def words(found):
    return (f'p50 {found["p50Milliseconds"]:7.2f} ms  max {found["maxMilliseconds"]:7.2f} ms  '
            f'({found["count"]} times)')


class Steering:
    """The section; `bench` gives the server and takes the rows."""

    # Devices that poll after each command; a rollout that grants at all grants one of them.
    PROBES = 40

    def __init__(self, bench, count, rounds):
        self.bench, self.count, self.rounds = bench, count, rounds
        self.fleet = Fleet(count, 0)
        self.times = {}
        # Ever new devices: one that was granted keeps its lease.
        self.next_probe = count // 2

    def run(self):
        for policy in POLICIES:
            with open(f'{self.bench.work}/policies/{policy["name"]}.json', 'w') as file:
                json.dump(policy, file)
        server = self.bench.groundswell('million')
        self.server, self.caller = server, Caller(server)
        self.empty = resident_bytes(server.pid)
        self.register()
        self.publish()
        for policy in POLICIES:
            for number in range(self.rounds):
                self.steer(policy['name'], number)
            self.rows(policy['name'])
        self.watch()
        server.stop()

    def tables(self):
        for start in range(0, self.count, TABLE_MAX):
            lines = ['id,hardware,token,tag.site,tag.line,tag.owner']
            lines += [f'{self.fleet.name(n)},board-{n % MODELS},{self.fleet.token(n)},'
                      f'site-{n % 1000},line-{n % 7},operations team {n % 3}'
                      for n in range(start, min(start + TABLE_MAX, self.count))]
            yield '\n'.join(lines).encode()

    def register(self):
        self.bench.say(f'{self.count} devices are registered')
        tables = self.tables()
        _, first = self.caller.call(
            'POST', '/tenants/DEFAULT/devices/bulk', next(tables), 'text/csv')
        # The devices of the first table poll while the others are registered.
        polling = Polling(self.server, self.fleet, range(min(self.count, TABLE_MAX)))
        each = [first]
        for table in tables:
            answer, seconds = self.caller.call(
                'POST', '/tenants/DEFAULT/devices/bulk', table, 'text/csv')
            if not answer['created']:
                raise BenchError(f'no device was registered: {answer}')
            each.append(seconds)
        idle, fresh = polling.end()
        grown = resident_bytes(self.server.pid) - self.empty
        self.bench.row(
            f'bulk registration, {self.count} devices',
            {'tables': each, 'bytes': grown}, f'{sum(each):.1f} s, {grown / 2**20:.0f} MiB')
        for name, seconds in (('idle', idle), ('first', fresh)):
            if seconds:
                found = spread(seconds)
                self.bench.row(f'  {name} polls meanwhile', found, words(found))

    def publish(self):
        hardware = ','.join(f'board-{n}' for n in range(MODELS))
        self.caller.call(
            'POST', f'/tenants/DEFAULT/artifacts?name=os&version=2.0&hardware={hardware}',
            bytes(range(256)) * 400, 'application/octet-stream')
        self.caller.call('POST', '/tenants/DEFAULT/releases',
                         {'name': 'os', 'version': '2.0', 'artifacts': [1]})
        self.caller.call('POST', '/tenants/DEFAULT/releases/os:2.0/publish')

    def note(self, key, seconds):
        self.times.setdefault(key, []).append(seconds)

    def probe(self, wanted, when):
        """Devices that have not polled since the command do so now."""
        device = Device(self.server, self.fleet)
        numbers = range(self.next_probe, self.next_probe + Steering.PROBES)
        self.next_probe += Steering.PROBES
        # At its first poll a device is asked to describe itself before it is given anything.
        granted = sum(device.is_offered(number) or device.is_offered(number) for number in numbers)
        if wanted != (granted > 0):
            raise BenchError(f'{when}, {granted} of {Steering.PROBES} devices were granted')

    def steer(self, policy, number):
        self.bench.say(f'rollout by policy {policy}, round {number + 1}')
        name = f'{policy}-{number}'
        asked = {'release': 'os:2.0', 'policy': policy}
        _, seconds = self.caller.call('POST', '/tenants/DEFAULT/rollouts/plan', asked)
        self.note(f'{policy} plan', seconds)
        _, seconds = self.caller.call(
            'POST', '/tenants/DEFAULT/rollouts', {'name': name, **asked})
        self.note(f'{policy} create', seconds)
        for command, grants in (
                ('start', True), ('pause', False), ('resume', True), ('abort', False)):
            _, seconds = self.caller.call('POST', f'/tenants/DEFAULT/rollouts/{name}/{command}')
            self.note(f'{policy} {command}', seconds)
            self.probe(grants, f'after {command}')

    def rows(self, policy):
        for command in ('plan', 'create', 'start', 'pause', 'resume', 'abort'):
            found = spread(self.times[f'{policy} {command}'])
            isQuick = command not in ('plan', 'create')
            self.bench.row(
                f'{command}, policy {policy}', found, words(found),
                found['maxMilliseconds'] < COMMAND_MILLISECONDS_MAX if isQuick else None,
                f'< {COMMAND_MILLISECONDS_MAX} ms' if isQuick else '')

    def watch(self):
        """A rollout by evidence runs while devices poll: what does the clock keep them from?"""
        self.bench.say('a rollout by evidence runs while devices poll')
        self.caller.call('PATCH', '/tenants/DEFAULT', {'pollSeconds': 4})
        self.caller.call('POST', '/tenants/DEFAULT/rollouts', {
            'name': 'watched', 'release': 'os:2.0', 'policy': 'evidence', 'start': True})
        start = self.next_probe
        polling = Polling(self.server, self.fleet, range(start, self.count))
        # Long enough for several looks at the control cohort and for offers that expire.
        time.sleep(30)
        _, fresh = polling.end()
        status = self.caller.call('GET', '/status')[0]
        turn, work = (status[f'longestTurn{kind}Microseconds'] for kind in ('', 'Processor'))
        found = spread(fresh)
        self.bench.row('polls while it runs', found, words(found))
        self.bench.row(
            'longest turn of the clock at the ledger',
            {'microseconds': turn, 'processorMicroseconds': work},
            f'{work / 1000:.1f} ms of CPU, {turn / 1000:.1f} ms with what others took',
            work < TURN_MILLISECONDS_MAX * 1000, f'CPU < {TURN_MILLISECONDS_MAX} ms')
        memory = resident_bytes(self.server.pid) - self.empty
        self.bench.row(f'memory with {self.count} devices and rollouts', {'bytes': memory},
                       f'{memory / 2**20:.0f} MiB, {memory / self.count:.0f} B a device')
