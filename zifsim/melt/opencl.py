"""OpenCL devices as the system's OpenCL lists them: which of them are GPUs, which OpenMM does not say."""

from __future__ import annotations

import ctypes
from ctypes.util import find_library
from dataclasses import dataclass

LIBRARY = "libOpenCL.so.1"
ALL_DEVICES, GPU = 0xFFFFFFFF, 1 << 2                                   # cl_device_type of CL/cl.h
DEVICE_TYPE, DEVICE_NAME, DRIVER_VERSION = 0x1000, 0x102B, 0x102D       # cl_device_info


@dataclass(frozen=True, slots=True)
class OpenCLDevice:
    """Its place in the lists that OpenMM counts by too, its name and kind, and the version of its driver."""

    platform: int
    index: int
    name: str
    is_gpu: bool
    driver: str

    @property
    def properties(self) -> dict[str, str]:
        """What OpenMM is given to use this device."""
        return {"OpenCLPlatformIndex": str(self.platform), "DeviceIndex": str(self.index)}


def opencl_devices() -> list[OpenCLDevice]:
    """All devices of all installed OpenCL platforms; none where there is no OpenCL. A broken driver may crash here."""
    try:
        library = ctypes.CDLL(find_library("OpenCL") or LIBRARY)
    except OSError:
        return []
    return [_device(library, handle, p, d) for p, platform in enumerate(_listed(library.clGetPlatformIDs))
            for d, handle in enumerate(_listed(library.clGetDeviceIDs, platform, ctypes.c_uint64(ALL_DEVICES)))]


def _listed(function: ctypes._NamedFuncPointer, *of: object) -> list[ctypes.c_void_p]:
    """What one of OpenCL's listing functions lists: asked how many, then for the handles."""
    number = ctypes.c_uint32(0)
    if function(*of, 0, None, ctypes.byref(number)) != 0 or number.value == 0:
        return []
    handles = (ctypes.c_void_p * number.value)()
    if function(*of, number, handles, None) != 0:
        return []
    return [ctypes.c_void_p(handle) for handle in handles]


def _device(library: ctypes.CDLL, handle: ctypes.c_void_p, platform: int, index: int) -> OpenCLDevice:
    kind = ctypes.c_uint64(0)
    library.clGetDeviceInfo(handle, DEVICE_TYPE, ctypes.c_size_t(8), ctypes.byref(kind), None)
    return OpenCLDevice(platform, index, _text(library, handle, DEVICE_NAME), bool(kind.value & GPU),
                        _text(library, handle, DRIVER_VERSION))


def _text(library: ctypes.CDLL, handle: ctypes.c_void_p, what: int) -> str:
    buffer = ctypes.create_string_buffer(1024)
    library.clGetDeviceInfo(handle, what, ctypes.c_size_t(len(buffer) - 1), buffer, None)
    return buffer.value.decode(errors="replace").strip()
