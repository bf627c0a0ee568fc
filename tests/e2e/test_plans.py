# SPDX-License-Identifier: Apache-2.0
"""No statement of the daemon walks through a table that grows with the fleet, its files or its logs, but for those that say why: what
a boot costs must not depend on how many handsets there are."""
import re
import sqlite3

import pytest

from conftest import SOURCE

STATEMENT = re.compile(r"^-- (\w+) \(([^)]*)\) -> \([^)]*\)\n(.*?);\n", re.MULTILINE | re.DOTALL)
# Tables that hold one row.
SMALL = {"key_number"}
# Statements that look at all of something, and why that does not hurt.
WHOLE = {
    "account_list": "an administrator's list",
    "account_other_administrators": "when an administrator is disabled or removed",
    "audit_newest": "one row from the end",
    "audit_oldest": "some rows from the beginning",
    "backup_drop_chunks": "in the copy that becomes a backup",
    "backup_drop_contents": "in the copy that becomes a backup",
    "backup_drop_files": "in the copy that becomes a backup",
    "backup_drop_former": "in the copy that becomes a backup",
    "backup_drop_keys": "in the copy that becomes a backup",
    "chunk_delete_staged": "an index of what is under way alone",
    "content_delete_staged": "an index of what is under way alone",
    "delivery_waiting": "at the start: private keys on their way",
    "handset_macs": "for an administrator's mistyped MAC, and for what certificates are missing",
    "key_count_own": "an administrator's look at the keys",
    "key_list": "at the start",
    "key_status": "an administrator's look at the keys",
    "log_usage_list": "a listing of all handsets that have logs",
    "refusal_clear": "at most REFUSAL_ROWS_MAX rows",
    "refusal_count": "at most REFUSAL_ROWS_MAX rows",
    "refusal_list": "at most REFUSAL_ROWS_MAX rows",
    "refusal_oldest": "at most REFUSAL_ROWS_MAX rows",
    "verify_lost": "verification looks at everything",
    "verify_misnamed": "verification looks at everything",
    "verify_places": "where a damaged content is named",
    "verify_total": "verification looks at everything",
}
# Statements that sort what they found, and how much that is.
SORTS = {
    "account_of_handset": "the accounts of one handset",
    "log_oldest": "the closed generations of one handset that are of one time",
    "refusal_list": "at most REFUSAL_ROWS_MAX rows",
    "refusal_oldest": "at most REFUSAL_ROWS_MAX rows",
}


def statements():
    for file in sorted((SOURCE / "db/sql").glob("*.sql")):
        text = file.read_text()
        found = STATEMENT.findall(text + "\n")
        assert len(found) == len(re.findall(r"^-- \w+ \([^)]*\) -> ", text, re.MULTILINE)), file.name
        yield from found


@pytest.fixture(scope="module")
def catalog():
    connection = sqlite3.connect(":memory:")
    for step in sorted((SOURCE / "db/sql/schema").glob("*.sql")):
        connection.executescript(step.read_text())
    yield connection
    connection.close()


def plan(catalog, sql, parameters):
    count = len([p for p in parameters.split(",") if p.strip()])
    return [row[3] for row in catalog.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * count)]


def test_no_statement_walks_through_what_grows(catalog):
    walks, sorts = {}, {}
    for name, parameters, sql in statements():
        for line in plan(catalog, sql, parameters):
            walk = re.match(r"SCAN (\w+)", line)
            # Rows that a common table expression or a VALUES list has made are few: those were looked for.
            if walk and re.search(rf"\b(FROM|JOIN|UPDATE)\s+{walk[1]}\b", sql, re.IGNORECASE) and walk[1] not in SMALL:
                walks.setdefault(name, []).append(line)
            if "USE TEMP B-TREE" in line:
                sorts.setdefault(name, []).append(line)
    assert {name: lines for name, lines in walks.items() if name not in WHOLE} == {}
    assert {name: lines for name, lines in sorts.items() if name not in SORTS} == {}
    # And no excuse stays behind when it is not needed any more.
    assert set(WHOLE) <= set(walks) and set(SORTS) <= set(sorts), (set(WHOLE) - set(walks), set(SORTS) - set(sorts))
