-- SPDX-License-Identifier: Apache-2.0

-- audit_append (i, i, b, b) -> ()
INSERT INTO audit (number, at, record, mac) VALUES ($1, $2, $3, $4);

-- audit_list (i, i, i) -> (i, b, b)
SELECT number, record, mac FROM audit WHERE number > $1 AND at >= $2 ORDER BY number LIMIT $3;

-- audit_batch (i, i) -> (i, i, b, b)
SELECT number, at, record, mac FROM audit WHERE number > $1 ORDER BY number LIMIT $2;

-- audit_clear () -> ()
DELETE FROM audit;

-- audit_state_clear () -> ()
DELETE FROM audit_state;

-- audit_newest () -> (i, b)
SELECT number, mac FROM audit ORDER BY number DESC LIMIT 1;

-- audit_oldest (i) -> (i, i, b)
SELECT number, at, mac FROM audit ORDER BY number LIMIT $1;

-- audit_prune (i) -> ()
DELETE FROM audit WHERE number <= $1;

-- audit_state_get () -> (i, b, b, i)
SELECT number, mac, sealed, handed FROM audit_state WHERE id = 1;

-- audit_state_set (i, b, b, i) -> ()
INSERT INTO audit_state (id, number, mac, sealed, handed) VALUES (1, $1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET number = excluded.number, mac = excluded.mac, sealed = excluded.sealed,
    handed = excluded.handed;
