-- SPDX-License-Identifier: Apache-2.0
-- Handsets. Columns of a row everywhere: mac, label, enabled, require_binding, created, changed, last_seen, last_address,
-- user_agent, accept_expired, pinned, legacy, lost, legacy_count, legacy_last.

-- handset_list (t, i) -> (t, t, i, i, i, i, i, t, t, i, t, i, i, i, i)
SELECT mac, label, enabled, require_binding, created, changed, last_seen, last_address, user_agent, accept_expired,
       pinned, legacy, lost, legacy_count, legacy_last
FROM handset WHERE mac > $1 ORDER BY mac LIMIT $2;

-- handset_get (t) -> (t, t, i, i, i, i, i, t, t, i, t, i, i, i, i)
SELECT mac, label, enabled, require_binding, created, changed, last_seen, last_address, user_agent, accept_expired,
       pinned, legacy, lost, legacy_count, legacy_last
FROM handset WHERE mac = $1;

-- handset_macs () -> (t, i)
SELECT mac, changed FROM handset ORDER BY mac;

-- handset_insert (t, t, i, i, i, i, t, i) -> ()
INSERT INTO handset (mac, label, enabled, require_binding, created, changed, last_seen, last_address, user_agent,
                     accept_expired, pinned, legacy, lost)
VALUES ($1, $2, $3, $4, $5, $5, 0, '', '', $6, $7, $8, 0)
ON CONFLICT (mac) DO NOTHING;

-- handset_ensure (t, i) -> ()
INSERT INTO handset (mac, label, enabled, require_binding, created, changed, last_seen, last_address, user_agent)
VALUES ($1, '', 1, 0, $2, $2, 0, '', '')
ON CONFLICT (mac) DO NOTHING;

-- handset_update (t, t, i, i, i, i, t, i) -> ()
UPDATE handset SET label = $2, enabled = $3, require_binding = $4, changed = $5, accept_expired = $6, pinned = $7,
                   legacy = $8
WHERE mac = $1;

-- handset_lose (t, i, i) -> ()
UPDATE handset SET enabled = 0, lost = $2, accept_expired = 0, pinned = '', changed = $3 WHERE mac = $1;

-- handset_find_again (t, i) -> ()
UPDATE handset SET enabled = 1, lost = 0, changed = $2 WHERE mac = $1;

-- handset_seen (t, i, t, t) -> ()
UPDATE handset SET last_seen = $2, last_address = $3, user_agent = COALESCE($4, user_agent) WHERE mac = $1;

-- handset_seen_legacy (t, i) -> ()
UPDATE handset SET legacy_count = legacy_count + 1, legacy_last = $2 WHERE mac = $1;

-- handset_remove (t) -> ()
DELETE FROM handset WHERE mac = $1;

-- handset_at_address (t, i) -> (t)
SELECT mac FROM handset WHERE last_address = $1 AND last_seen > $2 LIMIT 2;
