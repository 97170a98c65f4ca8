"""Predicts every row of a data set; a part of Davit's local provider.

  driver.py JOB

JOB is a JSON file: {"dataset", "format", "instances", "batch_size", "concurrency", "on_error",
"health_seconds", "server": {"argv" | "shell", "environment"}, "own": [names of variables]}.

The model's server is started on a Unix socket of its own. Rows go to its POST /predict as
{"instances": [...]}, batch by batch; what it answers in "predictions" is written to the file
predictions.jsonl of the output folder, one line per row in their order. A row that is refused
is a line {"error": "..."} (on_error "skip") or ends the job ("fail"). Standard library only.
"""

import collections
import concurrent.futures
import csv
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

NAME = "predictions.jsonl"
SOCKET_MAX = 107  # bytes of a Unix socket's path
CELL_MAX = 16 * 1024 * 1024  # characters
ANSWER_MAX = 64 * 1024 * 1024  # bytes
REQUEST_SECONDS = 600
RETRIES = 5
STOP_SECONDS = 5
PROGRESS_SECONDS = 0.5
ERROR_LENGTH = 500

INTEGER = re.compile(r"[+-]?[0-9]{1,4000}\Z")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")


class Failed(Exception):
    """Ends the job; the text is its last word."""


class Refused(Exception):
    """A request the model does not answer as it should."""


class BadRow(Exception):
    """A row that cannot be an instance."""


# --- rows ---


def cell_value(text):
    """A number where it is written like one; None for an empty cell."""
    text = text.strip()
    if INTEGER.match(text):
        return int(text)
    if NUMBER.match(text):
        value = float(text)
        return value if value - value == 0 else text
    return text if text else None


def no_constant(word):
    raise ValueError(f"{word} is no JSON")


def lines_of(path):
    """The lines that hold something, with their numbers."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line


class JsonRows:
    """Each line is an instance; an object or array may be narrowed."""

    def __init__(self, path, options):
        self.path = path
        self.columns = options.get("columns")
        self.exclude = set(options.get("exclude", []))
        self.form = options.get("as")

    def count(self):
        return sum(1 for _ in lines_of(self.path))

    def narrowed(self, pairs):
        """Name and value of what is wanted of an object or array."""
        if self.columns is None:
            return [(name, value) for name, value in pairs.items() if name not in self.exclude]
        missing = [name for name in self.columns if name not in pairs]
        if missing:
            raise BadRow(f"it has no column {json.dumps(missing[0])}")
        return [(name, pairs[name]) for name in self.columns if name not in self.exclude]

    def instance(self, value):
        if isinstance(value, dict):
            pairs = self.narrowed(value)
            return [v for _, v in pairs] if self.form == "list" else dict(pairs)
        if isinstance(value, list):
            return [v for _, v in self.narrowed(dict(enumerate(value)))]
        return value

    def __iter__(self):
        for number, line in lines_of(self.path):
            try:
                yield self.instance(json.loads(line, parse_constant=no_constant))
            except (ValueError, RecursionError) as error:
                yield BadRow(f"line {number} is no JSON: {error}")
            except BadRow as error:
                yield error


class CsvRows:
    """The first line has the names of the columns, unless there is no header."""

    def __init__(self, path, options):
        csv.field_size_limit(CELL_MAX)
        self.path = path
        self.header = options.get("header", True)
        self.objects = options.get("as") == "object"
        self.names = self.read_names()
        wanted = [self.place(v) for v in options.get("columns", range(len(self.names)))]
        unwanted = {self.place(v) for v in options.get("exclude", [])}
        self.places = [place for place in wanted if place not in unwanted]

    def cells(self):
        with open(self.path, newline="", encoding="utf-8-sig") as file:
            yield from (row for row in csv.reader(file) if row)

    def read_names(self):
        first = next(self.cells(), [])
        return [name.strip() for name in first] if self.header else list(range(len(first)))

    def place(self, column):
        """Where a column stands, by its name or its number from 0."""
        if isinstance(column, str) and column in self.names:
            return self.names.index(column)
        if isinstance(column, int) and 0 <= column < len(self.names):
            return column
        known = ", ".join(str(name) for name in self.names[:20])
        raise Failed(f"the data set has no column {json.dumps(column)}; it has: {known[:300]}")

    def count(self):
        rows = sum(1 for _ in self.cells())
        return max(0, rows - 1) if self.header else rows

    def instance(self, row):
        if len(row) != len(self.names):
            raise BadRow(f"it has {len(row)} cells and not {len(self.names)}")
        if self.objects:
            return {str(self.names[place]): cell_value(row[place]) for place in self.places}
        return [cell_value(row[place]) for place in self.places]

    def __iter__(self):
        rows = self.cells()
        if self.header:
            next(rows, None)
        for row in rows:
            try:
                yield self.instance(row)
            except BadRow as error:
                yield error


def open_rows(job):
    sort = CsvRows if job["format"] == "csv" else JsonRows
    return sort(job["dataset"], job.get("instances", {}))


# --- the model's server ---


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Server:
    """The model's server, from its start to its end."""

    def __init__(self, job):
        folder = os.path.dirname(os.path.abspath(sys.argv[1]))
        self.path = os.path.join(folder, "s")
        if len(os.fsencode(self.path)) > SOCKET_MAX:
            self.path = os.path.relpath(self.path)  # it starts in the same folder
        self.what = job["server"]
        self.environment = self.variables(job)
        self.process = None

    def variables(self, job):
        """The site's, over them the model's, over them the job's own."""
        own = set(job.get("own", []))
        found = {k: v for k, v in os.environ.items() if k not in
                 ("DAVIT_PROGRESS", "DAVIT_OUTPUT_DIR", "output_dir")}
        for name, value in self.what.get("environment", {}).items():
            if name not in own:
                found[name] = json.dumps(value) if not isinstance(value, str) else value
        found["DAVIT_SOCKET"] = self.path
        return found

    def start(self):
        argv = self.what.get("argv") or ["sh", "-c", self.what["shell"]]
        try:
            self.process = subprocess.Popen(
                argv, env=self.environment, stdin=subprocess.DEVNULL
            )
        except OSError as error:
            raise Failed(f"the model's server could not be started: {error}") from None

    def end(self):
        """How it ended: "exit code 1"; None while it runs."""
        code = self.process.poll()
        if code is None:
            return None
        return f"exit code {code}" if code >= 0 else f"signal {-code}"

    def await_health(self, seconds):
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self.ask("GET", "/health", None, 10)[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            if self.end() is not None:
                raise Failed(f"the model's server ended before it was healthy: {self.end()}")
            if time.monotonic() > deadline:
                raise Failed(f"the model's server did not answer GET /health with 200 within "
                             f"{seconds} s")
            time.sleep(0.02)

    def ask(self, method, path, body, seconds):
        """One request on a connection of its own: a kept one would shut out the others where
        the server takes one at a time."""
        connection = UnixConnection(self.path, seconds)
        try:
            headers = {"Connection": "close"}
            if body is not None:
                headers["Content-Type"] = "application/json"
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(ANSWER_MAX + 1)
        finally:
            connection.close()

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# --- predictions ---


def refusal_text(status, body):
    text = body[:ERROR_LENGTH].decode("utf-8", "replace").strip()
    try:
        said = json.loads(body)
        if isinstance(said, dict) and isinstance(said.get("error"), str):
            text = said["error"][:ERROR_LENGTH]
    except ValueError:
        pass
    return f"the model answered {status}: {text}" if text else f"the model answered {status}"


def predictions_of(body, count):
    if len(body) > ANSWER_MAX:
        raise Refused(f"the model's answer is longer than {ANSWER_MAX} bytes")
    try:
        answer = json.loads(body, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the model's answer is no JSON: {error}") from None
    found = answer.get("predictions") if isinstance(answer, dict) else None
    if not isinstance(found, list) or len(found) != count:
        raise Refused(f'the model\'s answer has no "predictions" with {count} of them')
    return found


def ask_model(server, instances):
    """Predictions for instances. A server that is busy is asked again."""
    body = json.dumps({"instances": instances}).encode()
    text = "the model's server does not answer"
    for turn in range(RETRIES):
        if turn:
            time.sleep(0.1 * 2**turn)
        try:
            status, answer = server.ask("POST", "/predict", body, REQUEST_SECONDS)
        except (OSError, http.client.HTTPException) as error:
            text = f"the model's server breaks off: {error or type(error).__name__}"
            if server.end() is not None:
                break
            continue
        if status == 200:
            return predictions_of(answer, len(instances))
        text = refusal_text(status, answer)
        if status not in (429, 503):
            break
    time.sleep(0.05)  # a server that crashed is seen to have ended
    if server.end() is not None:
        raise Failed(f"the model's server ended while it predicted: {server.end()}")
    raise Refused(text)


class Batches:
    """Sends batches and makes lines of the answers."""

    def __init__(self, server, on_error):
        self.server = server
        self.on_error = on_error
        self.ended = threading.Event()  # nobody wants answers any more

    def failed(self, number, text):
        if self.on_error == "fail":
            raise Failed(f"row {number}: {text}")
        return {"error": text}, True

    def predict(self, batch):
        """batch: (number, instance or BadRow); answers (value, failed) per row."""
        if self.ended.is_set():
            return []
        good = [(number, row) for number, row in batch if not isinstance(row, BadRow)]
        found = dict(zip([number for number, _ in good], self.answers(good)))
        return [found[number] if number in found else self.failed(number, str(row))
                for number, row in batch]

    def answers(self, rows):
        if not rows:
            return []
        try:
            values = ask_model(self.server, [row for _, row in rows])
        except Refused as refused:
            if len(rows) == 1:
                return [self.failed(rows[0][0], str(refused))]
            return [self.answers([row])[0] for row in rows]  # which of them is it?
        return [(value, False) for value in values]


class Progress:
    """Lines about how far it is, now and then."""

    def __init__(self, total):
        self.total = total
        self.rows = 0
        self.failed = 0
        self.first_failure = ""
        self.began = time.monotonic()
        self.told = 0.0
        self.told_rows = -1
        self.path = os.environ.get("DAVIT_PROGRESS")

    def rate(self):
        return round(self.rows / max(time.monotonic() - self.began, 1e-6), 3)

    def tell(self, last=False):
        now = time.monotonic()
        if not self.path or self.told_rows == self.rows:
            return
        if not last and now - self.told < PROGRESS_SECONDS:
            return
        self.told, self.told_rows = now, self.rows
        line = {
            "step": self.rows,
            "total": self.total,
            "text": f"{self.rows} of {self.total} rows",
            "time_ms": int(time.time() * 1000),
            "metrics": {
                "rows": self.rows,
                "failed_rows": self.failed,
                "rows_per_second": self.rate(),
            },
        }
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def batches_of(rows, size):
    batch = []
    for item in enumerate(rows, 1):
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def write_lines(file, answers, progress):
    for value, failed in answers:
        file.write(json.dumps(value, ensure_ascii=False) + "\n")
        progress.rows += 1
        progress.failed += failed
        if failed and not progress.first_failure:
            progress.first_failure = value["error"]
    progress.tell()


def next_answers(waiting, progress):
    """Those of the oldest batch; how far it is is told also while that takes long."""
    batch = waiting.popleft()
    while not concurrent.futures.wait([batch], PROGRESS_SECONDS).done:
        progress.tell()
    return batch.result()


def predict_all(job, rows, server, file, progress):
    """Sends batches, some at once, and writes the answers in order."""
    batches = Batches(server, job["on_error"])
    waiting = collections.deque()
    pool = concurrent.futures.ThreadPoolExecutor(job["concurrency"])
    try:
        for batch in batches_of(rows, job["batch_size"]):
            waiting.append(pool.submit(batches.predict, batch))
            while len(waiting) >= 2 * job["concurrency"]:
                write_lines(file, next_answers(waiting, progress), progress)
        while waiting:
            write_lines(file, next_answers(waiting, progress), progress)
    finally:
        batches.ended.set()
        pool.shutdown(wait=False)


def run(job):
    rows = open_rows(job)
    progress = Progress(rows.count())
    progress.tell()
    path = os.path.join(os.environ["DAVIT_OUTPUT_DIR"], NAME)
    server = Server(job)
    try:
        server.start()
        server.await_health(job["health_seconds"])
        progress.began = time.monotonic()
        with open(path + ".part", "w", encoding="utf-8", errors="backslashreplace") as file:
            try:
                predict_all(job, rows, server, file, progress)
            finally:
                progress.tell(last=True)
            file.flush()
            os.fsync(file.fileno())
    finally:
        server.stop()
    if progress.rows and progress.failed == progress.rows:
        raise Failed(f"every row failed; the first: {progress.first_failure}")
    os.replace(path + ".part", path)
    return f"{progress.rows} rows predicted, {progress.failed} failed, {progress.rate()} rows/s"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    code = 0
    try:
        last = run(job)
    except Failed as failed:
        last, code = str(failed), 1
    except UnicodeDecodeError as error:
        last, code = f"the data set is not UTF-8: {error}", 1
    except (OSError, csv.Error) as error:
        last, code = f"{type(error).__name__}: {error}", 1
    print(last, flush=True)
    os._exit(code)  # requests on their way to a server that is gone keep nobody waiting


if __name__ == "__main__":
    main()
