"""Errors of C++ that nobody catches: a word in Python before they end the process."""

import ctypes
from collections.abc import Callable, Collection


def on_uncaught(type_names: Collection[bytes], handle: Callable[[], None]) -> bool:
    """Has `handle` called, in the thread at fault, when an exception of one of some types is thrown that nobody catches.

    It is meant to end the process, by os._exit; if it returns, the process is aborted as without it.

    Args:
      type_names: mangled, such as b"St8bad_cast".
      handle: the thread may hold any lock.

    Returns:
      Whether this works here: with the C++ library of GNU.
    """
    try:
        library = ctypes.CDLL("libstdc++.so.6")
        set_terminate, current_type = library["_ZSt13set_terminatePFvvE"], library["__cxa_current_exception_type"]
    except (OSError, AttributeError):
        return False
    procedure = ctypes.CFUNCTYPE(None)
    set_terminate.restype, set_terminate.argtypes = ctypes.c_void_p, [procedure]
    current_type.restype, current_type.argtypes = ctypes.c_void_p, []
    previous = None

    def terminate():
        info = current_type()
        # std::type_info: a pointer to its methods, then one to the name.
        name = ctypes.cast(info, ctypes.POINTER(ctypes.c_char_p))[1] if info else b""
        if name in type_names:
            handle()
        previous()

    handler = procedure(terminate)
    previous = procedure(set_terminate(handler))
    _kept.append(handler)
    return True


# C++ has no part in counting the references to a handler.
_kept: list[Callable] = []
