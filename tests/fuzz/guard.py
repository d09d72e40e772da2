"""Guarded arrays: NumPy's memory between pages that cannot be read or written.

`install` gives NumPy an allocator (NEP 49) by which each new array of this thread ends
where an unmapped page begins, or begins where one ends. Freed memory is unmapped. One
number too far, before or behind an array, or after its time, is a segmentation fault.

The allocator's functions are compiled, so that NumPy calls no Python. A block of memory
is a page that holds its size, an unmapped page, the array's pages, an unmapped page.
"""

import ctypes
import mmap

import numba
import numpy as np
from numba import types

_PAGE = mmap.PAGESIZE
_libc = ctypes.CDLL(None)
_size, _int = ctypes.c_size_t, ctypes.c_int


def _foreign(name, result, *arguments):
    function = getattr(_libc, name)
    function.restype, function.argtypes = result, arguments
    return function


_mmap = _foreign("mmap", _size, _size, _size, _int, _int, _int, _size)
_mprotect = _foreign("mprotect", _int, _size, _size, _int)
_munmap = _foreign("munmap", _int, _size, _size)
_memcpy = _foreign("memcpy", _size, _size, _size, _size)

_WRITABLE = mmap.PROT_READ | mmap.PROT_WRITE
_PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
_FAILED = 2**64 - 1
_MIX = np.uint64(0x9E3779B97F4A7C15)

# Places of the numbers that the allocator keeps: how many blocks it has made.
_made = np.zeros(1, np.uint64)
_MADE = _made.ctypes.data


@numba.njit
def _pages(n):
    return (n + _PAGE - 1) // _PAGE * _PAGE


@numba.njit
def _new(size, made):
    """Return the address of `size` guarded bytes of zeros, or 0."""
    room = _pages(max(size, 1))
    total = room + 3 * _PAGE
    base = _mmap(0, total, _WRITABLE, _PRIVATE, -1, 0)
    if base == _FAILED:
        return 0
    header = numba.carray(_address(base), (1,), np.uint64)
    header[0] = size
    first = base + 2 * _PAGE
    _mprotect(base + _PAGE, _PAGE, 0)
    _mprotect(first + room, _PAGE, 0)
    count = numba.carray(_address(made), (1,), np.uint64)
    count[0] += np.uint64(1)
    if (count[0] * _MIX) >> np.uint64(63):  # a coin that falls the same in each run
        return first
    # Numbers stay aligned, and nothing is left between the last one and the page.
    step = 8 if size % 8 == 0 else 4 if size % 4 == 0 else 1
    return first + (room - size) // step * step


@numba.njit
def _size_of(address):
    base = address // _PAGE * _PAGE - 2 * _PAGE
    return base, int(numba.carray(_address(base), (1,), np.uint64)[0])


@numba.extending.intrinsic
def _address(typing_context, number):
    def emit(context, builder, signature, values):
        kind = context.get_value_type(signature.return_type)
        return builder.inttoptr(values[0], kind)

    return types.voidptr(types.intp), emit


@numba.cfunc(types.intp(types.intp, types.intp))
def _malloc(made, size):
    return _new(size, made)


@numba.cfunc(types.intp(types.intp, types.intp, types.intp))
def _calloc(made, count, size):
    return _new(count * size, made)


@numba.cfunc(types.void(types.intp, types.intp, types.intp))
def _free(made, address, size):
    if address:
        base, size = _size_of(address)
        _munmap(base, _pages(max(size, 1)) + 3 * _PAGE)


@numba.cfunc(types.intp(types.intp, types.intp, types.intp))
def _realloc(made, address, size):
    new = _new(size, made)
    if address and new:
        base, old = _size_of(address)
        _memcpy(new, address, min(old, size))
        _munmap(base, _pages(max(old, 1)) + 3 * _PAGE)
    return new


class _Handler(ctypes.Structure):
    """NumPy's PyDataMem_Handler, version 1."""

    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("context", ctypes.c_void_p),
        ("malloc", ctypes.c_void_p),
        ("calloc", ctypes.c_void_p),
        ("realloc", ctypes.c_void_p),
        ("free", ctypes.c_void_p),
    )


_handler = _Handler(
    b"guarded",
    1,
    _MADE,
    _malloc.address,
    _calloc.address,
    _realloc.address,
    _free.address,
)
# The place of PyDataMem_SetHandler in NumPy's table of C functions.
_SET_HANDLER = 304


def install():
    """Guard all arrays that this thread makes from here on."""
    python, pointer, name = ctypes.pythonapi, ctypes.c_void_p, ctypes.c_char_p
    python.PyCapsule_GetPointer.restype = pointer
    python.PyCapsule_GetPointer.argtypes = (ctypes.py_object, name)
    python.PyCapsule_New.restype = ctypes.py_object
    python.PyCapsule_New.argtypes = (pointer, name, pointer)
    table = python.PyCapsule_GetPointer(np._core._multiarray_umath._ARRAY_API, None)
    functions = ctypes.cast(table, ctypes.POINTER(pointer))
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)
    capsule = python.PyCapsule_New(ctypes.addressof(_handler), b"mem_handler", None)
    kind(functions[_SET_HANDLER])(capsule)


def blocks():
    """Return how many arrays have been guarded."""
    return int(_made[0])
