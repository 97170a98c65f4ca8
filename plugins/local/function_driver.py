"""Runs one function that a caller sent; a part of Davit's local provider.

  driver.py CALL OUTPUTS

CALL is a JSON file {"imports", "script", "connection_details", "body"}, deleted once it is
read. OUTPUTS is the folder for the answer: "returned" has the text of what the function
returned, if it returned something; "failed" is {"stage", "error"}. What the function prints
is its output. No value of the connection details, and no line of one, is repeated in an error.
Standard library only.
"""

import importlib
import json
import linecache
import os
import sys
import traceback
import types

RETURNED_MAX = 4 * 1024 * 1024  # bytes
ERROR_MAX = 2000  # characters
SECRET_LENGTH = 6  # shorter texts are words like "true"
secrets = []  # what no error repeats, the longest first
NAME = "function.py"


class Refused(Exception):
    """Why the function did not run or has no answer; stage says where."""

    def __init__(self, stage, text):
        super().__init__(text)
        self.stage = stage


def texts_of(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from texts_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)
    elif isinstance(value, (int, float)):
        yield repr(value)
    elif isinstance(value, str):
        yield value
        for line in value.splitlines():
            yield line.strip()
        if value[:1] in "{[":
            try:
                yield from texts_of(json.loads(value))
            except ValueError:
                pass


def learn(details):
    """Notes what of the connection details may be secret."""
    found = set()
    for text in texts_of(details):
        for form in (text, repr(text)[1:-1], json.dumps(text)[1:-1]):
            if len(form) >= SECRET_LENGTH:
                found.add(form)
    secrets[:] = sorted(found, key=len, reverse=True)


def redact(text):
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def last_line(error):
    """The last line of its traceback, and the line of the script it came from."""
    text = "".join(traceback.format_exception_only(type(error), error))
    text = redact(text).strip()  # a secret may have several lines
    text = text.splitlines()[-1] if text else type(error).__name__
    if not isinstance(error, SyntaxError):
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == NAME]
        text += f" (line {lines[-1]} of the script)" if lines else ""
    elif error.lineno is not None:
        text += f" (line {error.lineno} of the script)"
    return text


def add_imports(namespace, keys):
    """A key is the name of a module, or an import statement."""
    for key in keys:
        key = key.strip()
        try:
            if key.startswith(("import ", "from ")):
                exec(compile(key, "imports", "exec"), namespace)
            elif key:
                importlib.import_module(key)
                namespace[key.split(".")[0]] = sys.modules[key.split(".")[0]]
        except Exception as error:
            raise Refused("import", f"the import '{key}' failed: {last_line(error)}") from None


def load(call):
    """The function execute of the caller's script."""
    module = types.ModuleType("function")
    module.__file__ = NAME
    sys.modules["function"] = module
    script = call["script"]
    linecache.cache[NAME] = (len(script), None, script.splitlines(True), NAME)
    try:
        code = compile(script, NAME, "exec")
    except (SyntaxError, ValueError) as error:
        raise Refused("compile", f"the script does not compile: {last_line(error)}") from None
    add_imports(module.__dict__, call["imports"])
    run(exec, code, module.__dict__)
    execute = getattr(module, "execute", None)
    if not callable(execute):
        raise Refused("execute", "the script defines no function execute(connectionDetails, body)")
    return execute


def run(function, *arguments):
    try:
        return function(*arguments)
    except BaseException as error:
        # Its traceback is the caller's to see, in the output that is thrown away with the rest.
        raise Refused("raise", f"the function failed: {last_line(error)}") from None


def text_of(value):
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return run(str, value)


def write(folder, name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def answer(call, outputs):
    execute = load(call)
    value = run(execute, call.get("connection_details"), call.get("body"))
    if value is None:
        return
    data = text_of(value).encode("utf-8", "replace")
    if len(data) > RETURNED_MAX:
        raise Refused("output", f"what the function returned is longer than {RETURNED_MAX} bytes")
    write(outputs, "returned", data)


def main():
    path, outputs = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    with open(path, encoding="utf-8") as file:
        call = json.load(file)
    os.unlink(path)
    sys.argv[:] = [NAME]
    sys.path[0] = os.getcwd()
    learn(call.get("connection_details"))
    code = 0
    try:
        answer(call, outputs)
    except Refused as refused:
        said = {"stage": refused.stage, "error": redact(str(refused))[:ERROR_MAX]}
        write(outputs, "failed", json.dumps(said).encode())
        code = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass
    os._exit(code)  # threads the function left running keep nobody waiting


if __name__ == "__main__":
    main()
