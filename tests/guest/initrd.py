#!/usr/bin/env python3
"""Write a newc initramfs without cpio or root: initrd.py OUT KERNEL_DIR INIT BUSYBOX NAME=FILE..."""
import glob
import io
import lzma
import sys

# Load order matters.
MODULES = ["irqbypass", "vfio", "vfio_virqfd", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci"]

out, kernel_dir, init, busybox, *programs = sys.argv[1:]
archive = io.BytesIO()
inode = 0


def entry(name, mode, data=b"", rdev=(0, 0)):
    global inode
    inode += 1
    raw = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(raw), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + raw
    archive.write(header + b"\0" * (-len(header) % 4) + data + b"\0" * (-len(data) % 4))


def read(path):
    with open(path, "rb") as file:
        return file.read()


for directory in ("bin", "dev", "proc", "sys", "lib", "tmp"):
    entry(directory, 0o040755)
entry("dev/console", 0o020600, rdev=(5, 1))
entry("bin/busybox", 0o100755, read(busybox))
entry("bin/sh", 0o120777, b"busybox")
for program in programs:
    name, path = program.split("=", 1)
    entry(f"bin/{name}", 0o100755, read(path))
loaded = []
for module in MODULES:
    found = glob.glob(f"{kernel_dir}/**/{module}.ko*", recursive=True)
    if found:
        data = read(found[0])
        entry(f"lib/{module}.ko", 0o100644, lzma.decompress(data) if found[0].endswith(".xz") else data)
        loaded.append(module)
if "vfio-pci" not in loaded:
    sys.exit(f"{kernel_dir}: found the modules {loaded}, expected vfio-pci among them")
entry("lib/order", 0o100644, "\n".join(loaded).encode() + b"\n")
entry("init", 0o100755, read(init))
entry("TRAILER!!!", 0)
with open(out, "wb") as file:
    file.write(archive.getvalue())
