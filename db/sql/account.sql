-- SPDX-License-Identifier: Apache-2.0
-- Accounts. Columns of a row everywhere: name, role, mac, stored, enabled, created, changed.

-- account_list () -> (t, t, t, t, i, i, i)
SELECT name, role, mac, stored, enabled, created, changed FROM account ORDER BY name;

-- account_get (t) -> (t, t, t, t, i, i, i)
SELECT name, role, mac, stored, enabled, created, changed FROM account WHERE name = $1;

-- account_of_handset (t) -> (t)
SELECT name FROM account WHERE mac = $1 ORDER BY name LIMIT 2;

-- account_other_administrators (t) -> (i)
SELECT COUNT(*) FROM account WHERE role = 'administrator' AND enabled = 1 AND name <> $1;

-- account_insert (t, t, t, t, i, i) -> ()
INSERT INTO account (name, role, mac, stored, enabled, created, changed)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (name) DO NOTHING;

-- account_update (t, t, i, i) -> ()
UPDATE account SET stored = $2, enabled = $3, changed = $4 WHERE name = $1;

-- account_remove (t) -> ()
DELETE FROM account WHERE name = $1;

-- account_remove_of_handset (t) -> ()
DELETE FROM account WHERE mac = $1;

-- account_deny_of_handset (t, i) -> ()
UPDATE account SET stored = '', enabled = 0, changed = CASE WHEN changed < $2 THEN $2 ELSE changed + 1 END WHERE mac = $1;

-- account_allow_of_handset (t, i) -> ()
UPDATE account SET enabled = 1, changed = CASE WHEN changed < $2 THEN $2 ELSE changed + 1 END WHERE mac = $1;
