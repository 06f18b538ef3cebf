"""Checks the dependencies' licences, and that no crate is there in more versions than are known.

cargo-deny does this and more, but building it takes longer than building this project.
"""

import json
import re
import subprocess
import sys

# Licences that a binary under MIT OR Apache-2.0 may be built from.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}

# Exceptions to licences that only give more rights.
EXCEPTIONS = {"LLVM-exception"}

# Crates that name no licence in their manifest, with the one that their licence file was read to be.
READ_BY_HAND = {"jsonpath-rust": "MIT"}

# Crates in several versions, with the reason. This list may only shrink: an entry that is no longer needed is a failure.
DUPLICATES = {
    ("base64", "0.22.1"): "metrics-exporter-prometheus and this project; hyper-util is ahead",
    ("bitflags", "1.3.2"): "concolor, under apollo-compiler's reports",
    ("cpufeatures", "0.2.17"): "sha2 0.10, under oauth2",
    ("getrandom", "0.2.17"): "rand 0.8, under oauth2",
    ("getrandom", "0.3.4"): "ahash, under apollo-compiler",
    ("hashbrown", "0.14.5"): "rowan, under apollo-compiler",
    ("hashbrown", "0.16.1"): "metrics-util",
    ("rand", "0.8.8"): "oauth2",
    ("rand", "0.9.5"): "metrics-util",
    ("rand_chacha", "0.3.1"): "rand 0.8, under oauth2",
    ("rand_core", "0.6.4"): "rand 0.8, under oauth2",
    ("rand_core", "0.9.5"): "rand 0.9, under metrics-util",
    ("syn", "2.0.119"): "graphql_client's derive",
    ("thiserror", "1.0.69"): "graphql-parser, under graphql_client's derive, and jsonpath-rust",
    ("thiserror-impl", "1.0.69"): "thiserror 1",
    ("tower-http", "0.6.11"): "reqwest",
}


def holds(expression):
    """Whether an SPDX expression can be met with the licences allowed."""
    tokens = re.findall(r"\(|\)|[^\s()/]+|/", expression)
    at = 0

    def peek():
        return tokens[at] if at < len(tokens) else None

    def take():
        nonlocal at
        at += 1
        return tokens[at - 1]

    def any_of():
        met = all_of()
        # Manifests from before SPDX write a slash for OR.
        while peek() in ("OR", "/"):
            take()
            other = all_of()
            met = met or other
        return met

    def all_of():
        met = one()
        while peek() == "AND":
            take()
            other = one()
            met = met and other
        return met

    def one():
        if peek() == "(":
            take()
            met = any_of()
            if take() != ")":
                raise ValueError(expression)
            return met
        met = take() in ALLOWED
        if peek() == "WITH":
            take()
            met = take() in EXCEPTIONS and met
        return met

    met = any_of()
    if peek() is not None:
        raise ValueError(expression)
    return met


def licence_faults(packages):
    for package in packages:
        name, expression = package["name"], package["license"]
        if expression is None:
            expression = READ_BY_HAND.get(name)
        elif name in READ_BY_HAND:
            yield f"{name} names its licence now: take it out of READ_BY_HAND"
        label = f"{name} {package['version']}"
        try:
            if expression is None:
                yield f"{label} names no licence; read its licence file and add it to READ_BY_HAND"
            elif not holds(expression):
                yield f"{label} is under {expression}, which is not allowed"
        except (ValueError, IndexError):
            yield f"{label}: the licence `{expression}` cannot be read"


def version_faults(packages):
    versions = {}
    for package in packages:
        versions.setdefault(package["name"], []).append(package["version"])
    older = set()
    for name, found in versions.items():
        found.sort(key=lambda version: [int(part) for part in re.findall(r"\d+", version)])
        older.update((name, version) for version in found[:-1])
    for name, version in sorted(older - DUPLICATES.keys()):
        yield f"{name} is there in version {version} beside {versions[name][-1]}: bring both together, or give a reason in DUPLICATES"
    for name, version in sorted(DUPLICATES.keys() - older):
        yield f"{name} {version} is no duplicate any more: take it out of DUPLICATES"


def selftest():
    for expression in ("MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR GPL-3.0) AND Unicode-3.0", "Apache-2.0 WITH LLVM-exception"):
        assert holds(expression), expression
    for expression in ("GPL-3.0", "MIT AND GPL-3.0", "MIT WITH GPL-exception", "(GPL-2.0 OR GPL-3.0) AND MIT"):
        assert not holds(expression), expression
    package = {"name": "a", "version": "1.0.0", "license": "GPL-3.0"}
    assert len(list(licence_faults([package]))) == 1
    assert any(fault.startswith("a is there") for fault in version_faults([package, {**package, "version": "1.10.0"}]))


def main():
    selftest()
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    packages = [package for package in metadata["packages"] if package["source"] is not None]
    faults = [*licence_faults(packages), *version_faults(packages)]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(packages)} crates, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
