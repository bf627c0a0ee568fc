# SPDX-License-Identifier: Apache-2.0
"""The rules of the house as programs: floors, bounded third parties, tables and documents that must agree."""
import os
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(os.environ.get("CRADLE_SRCDIR", pathlib.Path(__file__).parents[2])).resolve()
BUILD = pathlib.Path(os.environ.get("CRADLE_BUILDDIR", ".")).resolve()

# What each folder may include from, beside itself.
FLOORS = {
    "base": set(),
    "db": {"base"},
    "pki": {"base"},
    "fleet": {"base", "db", "pki"},
    "ftps": {"base", "fleet"},
    "server": {"base", "fleet"},
    "cli": {"base", "pki"},
}
# The files of floor 4 compose the program and run what needs the catalog itself.
COMPOSITION = {"server/main.c": {"base", "fleet"}, "server/serve.c": {"base", "fleet", "ftps"}, "server/reload.h": {"base", "fleet", "ftps"},
               "server/command_init.c": {"base", "fleet"},
               "server/command_demo.c": {"base", "fleet", "pki"},
               "server/preflight.c": {"base", "pki"}, "server/preflight.h": {"base", "pki"}}
# Headers of floor 2 pass db/db.h on; the front ends never name it themselves.
THIRD_PARTIES = {
    r"\bgnutls_\w+": {"base/seal.c", "base/seal_source.c", "base/secret.c", "base/signer.c", "base/signer.h", "base/stream.c", "base/stream.h", "base/stream_inner.h", "base/stream_write.c", "base/tls.c", "base/tls.h", "base/tls_bundle.c", "base/tls_bundle.h", "base/tls_tap.c", "base/tls_identity.c", "base/tls_inner.h", "base/tls_peer.c", "base/tls_recall.c", "base/tls_session.c", "base/tls_staple.c", "base/tls_trust.c", "base/token.c", "base/token.h", "cli/live.c"},
    r"\bsqlite3_\w+": {"db/sqlite.c", "db/sqlite.h", "db/sqlite_file.c", "db/sqlite_index.c", "db/sqlite_schema.c"},
    r"\bXML_(?!DEPTH|CHECK)\w+": {"base/xml.c"},
    r"\buv_\w+": {"base/loop.c"},
    r"\bEVP_\w+|<openssl/": {"base/signer.c"},
}


def sources(*folders):
    for folder in folders or FLOORS:
        yield from sorted((SOURCE / folder).glob("*.[ch]"))


def name(path):
    return str(path.relative_to(SOURCE))


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)


def test_includes_look_down():
    wrong = []
    for path in sources():
        folder = path.parent.name
        allowed = COMPOSITION.get(name(path), FLOORS[folder]) | {folder}
        for found in re.findall(r'#include "(\w+)/', path.read_text()):
            if found not in allowed:
                wrong.append(f"{name(path)} includes {found}/")
    assert not wrong


@pytest.mark.parametrize("pattern", THIRD_PARTIES)
def test_third_parties_stay_where_they_belong(pattern):
    wrong = set()
    for path in sources():
        if path.parent.name == "pki" or name(path) in THIRD_PARTIES[pattern]:
            continue
        if pattern.startswith(r"\bgnutls") and name(path) == "server/connection.c":
            continue  # sets up the sessions that libmicrohttpd makes
        code = without_comments(path.read_text())
        if pattern.startswith(r"\bgnutls"):
            # The types of a session pass through; calls do not.
            code = re.sub(r"\bgnutls_(session_t|datum_t)\b|<gnutls/\w+\.h>", "", code)
        if re.search(pattern, code):
            wrong.add(name(path))
    assert not wrong


def test_microhttpd_in_four_files_at_most():
    users = {name(p) for p in sources() if p.suffix == ".c" and re.search(r"\bMHD_\w+", without_comments(p.read_text()))}
    assert len(users) <= 4, users


def test_banned_calls_stay_banned():
    banned = re.compile(r"\b(strcpy|strcat|stpcpy|sprintf|vsprintf|gets|strtok|alloca|popen|system)\s*\(")
    assert not [name(p) for p in sources() if p.name != "banned.h" and banned.search(without_comments(p.read_text()))]


def test_every_source_names_its_licence():
    assert not [name(p) for p in sources() if "SPDX-License-Identifier: Apache-2.0" not in p.read_text()[:200]]


def test_sql_stands_in_sql_files():
    # SELECT and friends as statements, not as words in prose or engine housekeeping.
    pattern = re.compile(r'"\s*(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b')
    wrong = [name(p) for p in sources() if name(p) not in ("db/sqlite.c", "db/sqlite_file.c", "db/sqlite_schema.c") and pattern.search(p.read_text())]
    assert not wrong


def test_no_file_is_a_monster():
    assert not [f"{name(p)}: {n} lines" for p in sources() if (n := len(p.read_text().splitlines())) > 560]


def cradled(*arguments):
    return subprocess.run([BUILD / "cradled", *arguments], check=True, capture_output=True, text=True, timeout=60).stdout


def test_sample_settings_are_the_table():
    assert (SOURCE / "etc/cradled.conf").read_text() == cradled("--list-settings")


def test_man_page_names_every_setting():
    page = (SOURCE / "doc/cradled.conf.5").read_text()
    missing = [s for s in re.findall(r"^#(\w+) =", cradled("--list-settings"), re.M) if not re.search(rf"\b{s}\b", page)]
    assert not missing


def test_every_event_is_documented():
    text = (SOURCE / "doc/events.md").read_text()
    rows = dict(re.findall(r"^\| `([\w.-]+)` \| (.+?) \|$", text, re.M))
    assert rows == dict(line.split("\t") for line in cradled("--list-events").splitlines())


def test_every_finding_is_documented_and_tested():
    table = re.findall(r'^X\((\w+), "([\w-]+)", (\w+), (\w+), "(.*)", "(.*)"\)$', (SOURCE / "pki/finding.def").read_text(), re.M)
    assert len(table) == (SOURCE / "pki/finding.def").read_text().count("\nX(")
    text = (SOURCE / "doc/findings.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (\w+) \| (.+?) \| (.+?) \|$", text, re.M)
    assert rows == [(word, own.lower(), bundle.lower(), meaning, remedy) for _, word, own, bundle, meaning, remedy in table]
    tests = "".join(p.read_text() for p in sorted((SOURCE / "tests/unit/pki").glob("test_*.c")))
    assert not [identifier for identifier, *_ in table if not re.search(rf"\b(F\(|FINDING_){identifier}\b", tests)]


def test_every_audit_event_is_documented():
    table = re.findall(r'^X\(\w+, "([^"]+)", (\w+), "([^"]+)"\)$', (SOURCE / "fleet/audit.def").read_text(), re.M)
    assert len(table) == len(re.findall(r"^X\(", (SOURCE / "fleet/audit.def").read_text(), re.M))
    text = (SOURCE / "doc/audit.md").read_text()
    rows = re.findall(r"^\| `([\w.]+)` \| (always|minute|hour) \| (.+?) \|$", text, re.M)
    assert sorted(rows) == sorted((name, told.lower(), meaning) for name, told, meaning in table)


def test_openapi_lists_the_routes():
    yaml = pytest.importorskip("yaml")
    document = yaml.safe_load((SOURCE / "doc/openapi.yaml").read_text())
    described = {(method.upper(), path) for path, item in document["paths"].items()
                 for method in item if method in {"get", "head", "put", "post", "patch", "delete"}}
    routes = {tuple(line.split()[:2]) for line in cradled("--list-routes").splitlines() if line.strip()}
    assert described == routes


def test_every_hostile_case_names_tests_that_exist():
    rows = [line for line in (SOURCE / "doc/hostile.md").read_text().splitlines() if line.startswith("| ") and not line.startswith(("| case", "| ---"))]
    assert len(rows) > 40
    for row in rows:
        case, _, tests = (cell.strip() for cell in row.strip("|").split(" | "))
        names = re.findall(r"`([^`]+)`", tests)
        assert names, f"{case}: no test"
        for name in names:
            file, _, function = name.partition("::")
            folder, _, rest = file.partition("/")
            path = SOURCE / "tests" / (f"fuzz/fuzz_{rest}.c" if folder == "fuzz" else f"{file}.c" if folder == "unit" else file)
            assert path.exists() and (not function or re.search(rf"^def {function}\(", path.read_text(), re.MULTILINE)), f"{case}: there is no {name}"


@pytest.mark.parametrize("page", sorted((SOURCE / "doc").glob("*.[158]")), ids=lambda p: p.name)
def test_man_pages_are_well_formed(page):
    run = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout


def test_document_says_no_affiliation_once():
    assert (SOURCE / "README.md").read_text().count("not affiliated") == 1
