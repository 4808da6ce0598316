"""libhirestream_kernel by ctypes: src/kernel/hirestream_kernel.h says what each function does."""
from __future__ import annotations

import ctypes
import json
import os
import pathlib
from typing import Any, Dict, Iterable, Iterator, Mapping, Optional, Sequence, Tuple

import pyarrow

ABI = 3
RING_PLACES = 1 << 32
STRONGEST, CLOSED_ONLY, TRUST_KEYS, CONTIGUOUS, UNIQUE, ONE_SLICE = 1, 2, 4, 8, 16, 32
LIBRARY = "libhirestream_kernel.so"

# Bytes of the two structures of the Arrow C data interface.
_SCHEMA_BYTES, _ARRAY_BYTES = 72, 80


class HirestreamError(Exception):
    """What the library refused. `kind`: transient (try again), rejected (this input cannot be used), config, bug."""

    def __init__(self, kind: str, operation: str, subject: str, message: str, hint: str = "") -> None:
        super().__init__(f"{operation} {subject}: {message}" + (f" ({hint})" if hint else ""))
        self.kind, self.operation, self.subject, self.message, self.hint = kind, operation, subject, message, hint

    def __reduce__(self) -> Any:
        return HirestreamError, (self.kind, self.operation, self.subject, self.message, self.hint)


def _candidates() -> Iterator[pathlib.Path]:
    if os.environ.get("HIRESTREAM_KERNEL"):
        yield pathlib.Path(os.environ["HIRESTREAM_KERNEL"])
    yield pathlib.Path(__file__).resolve().parent / LIBRARY


def _load() -> ctypes.CDLL:
    found = next((path for path in _candidates() if path.is_file()), None)
    if found is None:
        raise HirestreamError("config", "load", LIBRARY, "it is not here: " + ", ".join(map(str, _candidates())),
                              "install the wheel on this machine, or name the library in HIRESTREAM_KERNEL")
    try:
        library = ctypes.CDLL(str(found))
    except OSError as error:
        raise HirestreamError("config", "load", str(found), str(error),
                              "a library that it needs is missing: see integrations/spark/README.md") from error
    version = library.hs_abi_version()
    if version != ABI:
        raise HirestreamError("config", "load", str(found), f"its ABI is {version}, this package needs {ABI}",
                              "install package and library of one version")
    _declare(library)
    return library


def _declare(library: ctypes.CDLL) -> None:
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    int32, int64, uint32, uint64, size = ctypes.c_int32, ctypes.c_int64, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_size_t
    reference = ctypes.POINTER
    for name, result, arguments in (
        ("product", text, []),
        ("last_error", text, []),
        ("open", ctypes.c_int, [text, reference(pointer)]),
        ("close", None, [pointer]),
        ("describe", text, [pointer]),
        ("count_range", ctypes.c_int, [pointer, uint64, uint64, int64, uint32, reference(pointer)]),
        ("count_window", ctypes.c_int, [pointer, uint64, uint64, int64, int64, int64, uint32, reference(pointer)]),
        ("count_slices", ctypes.c_int, [pointer, reference(int32), reference(int64), size, int64, uint32, reference(pointer)]),
        ("counter_new", ctypes.c_int, [pointer, int64, uint32, reference(pointer)]),
        ("counter_add", ctypes.c_int, [pointer, pointer, pointer]),
        ("counter_finish", ctypes.c_int, [pointer, reference(pointer)]),
        ("counter_free", None, [pointer]),
        ("parts_new", pointer, []),
        ("parts_free", None, [pointer]),
        ("parts_count", size, [pointer]),
        ("parts_get", ctypes.c_int, [pointer, size, reference(int32), reference(int64), reference(pointer), reference(size)]),
        ("parts_add", ctypes.c_int, [pointer, text, size]),
        ("parts_move", ctypes.c_int, [pointer, pointer]),
        ("parts_summary", text, [pointer]),
        ("parts_cells", ctypes.c_int, [pointer, pointer, pointer]),
        ("run_begin", ctypes.c_int, [pointer, text, uint32, reference(int64)]),
        ("run_stage", ctypes.c_int, [pointer, text, int64, pointer]),
        ("run_accept", ctypes.c_int, [pointer, text, reference(int64), size]),
        ("run_publish", ctypes.c_int, [pointer, text, ctypes.c_int, reference(text)]),
        ("run_forget", ctypes.c_int, [pointer, text]),
    ):
        function = getattr(library, f"hs_{name}")
        function.restype, function.argtypes = result, arguments


_library: Optional[ctypes.CDLL] = None


def library() -> ctypes.CDLL:
    global _library
    if _library is None:
        _library = _load()
    return _library


def _check(status: int) -> None:
    if status != 0:
        raise _last_error()


def _last_error() -> HirestreamError:
    return HirestreamError(**json.loads(library().hs_last_error().decode()))


def _text(returned: Optional[bytes]) -> str:
    if returned is None:
        raise _last_error()
    return returned.decode()


def product() -> str:
    """Version and commit of the library."""
    return _text(library().hs_product())


class Parts:
    """Parts of slices: what was counted of each, in no order. Parts of several countings add up."""

    def __init__(self, handle: Optional[int] = None) -> None:
        self.handle: Optional[int] = handle if handle is not None else library().hs_parts_new()
        if self.handle is None:
            raise _last_error()

    def __del__(self) -> None:
        handle, self.handle = getattr(self, "handle", None), None
        if handle is not None and _library is not None:
            _library.hs_parts_free(handle)

    def __len__(self) -> int:
        return int(library().hs_parts_count(self.handle))

    def __iter__(self) -> Iterator[Tuple[int, int, bytes]]:
        """Shard, bucket and the part as bytes that add() takes."""
        shard, bucket = ctypes.c_int32(), ctypes.c_int64()
        data, size = ctypes.c_void_p(), ctypes.c_size_t()
        for index in range(len(self)):
            _check(library().hs_parts_get(self.handle, index, ctypes.byref(shard), ctypes.byref(bucket), ctypes.byref(data),
                                          ctypes.byref(size)))
            yield shard.value, bucket.value, ctypes.string_at(data.value or 0, size.value)

    def add(self, part: bytes) -> None:
        _check(library().hs_parts_add(self.handle, part, len(part)))

    def move(self, other: "Parts") -> None:
        """Takes what the other has."""
        _check(library().hs_parts_move(self.handle, other.handle))

    def summary(self) -> Dict[str, Any]:
        return dict(json.loads(_text(library().hs_parts_summary(self.handle))))

    def cells(self) -> pyarrow.RecordBatch:
        schema, array = ctypes.create_string_buffer(_SCHEMA_BYTES), ctypes.create_string_buffer(_ARRAY_BYTES)
        _check(library().hs_parts_cells(self.handle, schema, array))
        return pyarrow.RecordBatch._import_from_c(ctypes.addressof(array), ctypes.addressof(schema))


class Counter:
    """Counts record batches; of one kernel, which it keeps alive."""

    def __init__(self, kernel: "Kernel", begun_us: int, flags: int) -> None:
        self.kernel, handle = kernel, ctypes.c_void_p()
        _check(library().hs_counter_new(kernel.handle, begun_us, flags, ctypes.byref(handle)))
        self.handle: Optional[int] = handle.value

    def __del__(self) -> None:
        handle, self.handle = getattr(self, "handle", None), None
        if handle is not None and _library is not None:
            _library.hs_counter_free(handle)

    def add(self, batch: pyarrow.RecordBatch) -> None:
        schema, array = ctypes.create_string_buffer(_SCHEMA_BYTES), ctypes.create_string_buffer(_ARRAY_BYTES)
        batch._export_to_c(ctypes.addressof(array), ctypes.addressof(schema))
        _check(library().hs_counter_add(self.handle, schema, array))

    def finish(self) -> Parts:
        handle = ctypes.c_void_p()
        _check(library().hs_counter_finish(self.handle, ctypes.byref(handle)))
        return Parts(handle.value)


class Kernel:
    """A source, and its warehouse where something is staged. Not to be carried across fork.

    `config`: a TOML file as the engine's. `options`: settings by full name, {"source.uri": "cassandra://…"}; they win over the
    file and the environment. `frame`: kind and identity of rows that come in batches.
    """

    def __init__(self, config: Optional[str] = None, options: Optional[Mapping[str, str]] = None,
                 frame: Optional[Tuple[str, str]] = None) -> None:
        settings: Dict[str, Any] = {"options": dict(options or {})}
        if config:
            settings["config"] = config
        if frame:
            settings["frame"] = {"kind": frame[0], "identity": frame[1]}
        handle = ctypes.c_void_p()
        _check(library().hs_open(json.dumps(settings).encode(), ctypes.byref(handle)))
        self.handle: Optional[int] = handle.value
        self.process = os.getpid()

    def __del__(self) -> None:
        handle, self.handle = getattr(self, "handle", None), None
        # A copy in a forked process has no threads to close it with.
        if handle is not None and _library is not None and self.process == os.getpid():
            _library.hs_close(handle)

    def describe(self) -> Dict[str, Any]:
        return dict(json.loads(_text(library().hs_describe(self.handle))))

    def count_range(self, begin: int = 0, end: int = RING_PLACES, begun_us: int = 0, flags: int = 0) -> Parts:
        handle = ctypes.c_void_p()
        _check(library().hs_count_range(self.handle, begin, end, begun_us, flags, ctypes.byref(handle)))
        return Parts(handle.value)

    def count_window(self, from_us: int, to_us: int, begin: int = 0, end: int = RING_PLACES, begun_us: int = 0, flags: int = 0) -> Parts:
        handle = ctypes.c_void_p()
        _check(library().hs_count_window(self.handle, begin, end, from_us, to_us, begun_us, flags, ctypes.byref(handle)))
        return Parts(handle.value)

    def count_slices(self, slices: Sequence[Tuple[int, int]], begun_us: int = 0, flags: int = 0) -> Parts:
        shards = (ctypes.c_int32 * len(slices))(*(shard for shard, _ in slices))
        buckets = (ctypes.c_int64 * len(slices))(*(bucket for _, bucket in slices))
        handle = ctypes.c_void_p()
        _check(library().hs_count_slices(self.handle, shards, buckets, len(slices), begun_us, flags, ctypes.byref(handle)))
        return Parts(handle.value)

    def counter(self, begun_us: int = 0, flags: int = 0) -> Counter:
        return Counter(self, begun_us, flags)

    def count(self, batches: Iterable[pyarrow.RecordBatch], begun_us: int = 0, flags: int = 0) -> Parts:
        counter = self.counter(begun_us, flags)
        for batch in batches:
            counter.add(batch)
        return counter.finish()

    def begin_run(self, run: str, flags: int = 0) -> int:
        """Notes the ledger's revisions; returns the time after which the run may read."""
        begun = ctypes.c_int64()
        _check(library().hs_run_begin(self.handle, run.encode(), flags, ctypes.byref(begun)))
        return begun.value

    def stage(self, run: str, attempt: int, parts: Parts) -> None:
        _check(library().hs_run_stage(self.handle, run.encode(), attempt, parts.handle))

    def accept(self, run: str, attempts: Sequence[int]) -> None:
        numbers = (ctypes.c_int64 * len(attempts))(*attempts)
        _check(library().hs_run_accept(self.handle, run.encode(), numbers, len(attempts)))

    def publish(self, run: str, compare: bool = False) -> Dict[str, Any]:
        """`compare`: nothing is written; the run must have counted everything."""
        report = ctypes.c_char_p()
        _check(library().hs_run_publish(self.handle, run.encode(), 2 if compare else 0, ctypes.byref(report)))
        return dict(json.loads((report.value or b"{}").decode()))

    def rebuild(self, run: str) -> Dict[str, Any]:
        """Replaces the run's slices in the ledger and makes `events` anew from it, in one step."""
        report = ctypes.c_char_p()
        _check(library().hs_run_publish(self.handle, run.encode(), 3, ctypes.byref(report)))
        return dict(json.loads((report.value or b"{}").decode()))

    def forget(self, run: str) -> None:
        _check(library().hs_run_forget(self.handle, run.encode()))
