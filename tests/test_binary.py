"""The compiled core: it works without Python, and its instruction sets stay apart.

An inline function that is compiled for AVX and exported may be the copy that the linker keeps for
everybody: then the library crashes on older machines. So each object file that is compiled for an
instruction set exports one symbol, and the others contain no such instruction.
"""

import platform
import re
import subprocess

import pytest
from conftest import program
from reference import ELEMENTWISE

INTEL = platform.machine().lower() in ("x86_64", "amd64")
SETS = ("generic", "avx2", "avx512") if INTEL else ("neon",)


def output(*command, timeout=600):
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def objects(core_build):
    """All object files of the build, by the instruction set they are compiled for (or "core")."""
    found = {name: [] for name in (*SETS, "core")}
    for path in core_build.rglob("*.o"):
        match = re.search(r"cnnfs_isa_([a-z0-9]+)", str(path.relative_to(core_build)))
        found[match[1] if match else "core"].append(path)
    return found


def vector_instructions(path):
    """The instructions of an object file that an x86-64 of 2003 does not have."""
    listing = output(program("objdump"), "-d", "--no-show-raw-insn", path)
    lines = re.findall(r"^\s+[0-9a-f]+:\t(.+)$", listing, re.MULTILINE)
    assert lines, f"no instruction found in {path}"
    return [
        line for line in lines if re.match(r"v[a-z]", line) or re.search(r"%[yz]mm|%k[0-7]\b", line)
    ]


def exported(path):
    """(class, name) of the symbols that an object file shows to the linker."""
    listing = output(program("nm"), "--defined-only", "--extern-only", path)
    return [tuple(line.split()[1:3]) for line in listing.splitlines() if line]


def test_the_core_works_without_python(core_build):
    out = output(program("ctest"), "--test-dir", core_build, "--output-on-failure")
    assert "100% tests passed" in out
    assert "No tests were found" not in out


def test_there_is_one_object_for_each_instruction_set(objects):
    for name in SETS:
        assert len(objects[name]) == 1, objects
    assert len(objects["core"]) >= 3


def test_each_instruction_set_exports_one_symbol_and_no_weak_one(objects):
    names = set()
    for isa in SETS:
        (path,) = objects[isa]
        symbols = exported(path)
        assert len(symbols) == 1, f"{path.name} of {isa} exports {symbols}"
        ((kind, name),) = symbols
        assert kind in "TDBR", f"{name} of {isa} has class {kind}"
        assert isa in name, f"{name} does not tell that it belongs to {isa}"
        names.add(name)
    assert len(names) == len(SETS)


def test_a_weak_symbol_would_be_noticed(objects):
    kinds = {kind for path in objects["core"] for kind, _ in exported(path)}
    assert kinds & {"W", "V", "u"}, "the core's own templates are weak: nm must show them"


@pytest.mark.skipif(not INTEL, reason="AVX is a matter of x86-64")
def test_the_baseline_has_no_avx_instruction(objects):
    for path in (*objects["generic"], *objects["core"]):
        found = vector_instructions(path)
        assert not found, f"{path} has {len(found)}, such as {found[:3]}"


@pytest.mark.skipif(not INTEL, reason="AVX is a matter of x86-64")
def test_each_instruction_set_uses_what_it_is_for(objects):
    (path,) = objects["avx2"]
    avx2 = "\n".join(vector_instructions(path))
    assert "%ymm" in avx2
    assert "vfmadd" in avx2
    assert "%zmm" not in avx2
    (path,) = objects["avx512"]
    avx512 = "\n".join(vector_instructions(path))
    assert "%zmm" in avx512
    assert "vfmadd" in avx512


@pytest.mark.deep
@pytest.mark.parametrize("name", [name for name, (_, ulps) in ELEMENTWISE.items() if ulps])
def test_an_activation_of_all_floats(core_build, name):
    (executable,) = [p for p in core_build.rglob("activation_all") if p.is_file()]
    print(output(executable, name, timeout=7200))
