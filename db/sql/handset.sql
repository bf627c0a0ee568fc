-- SPDX-License-Identifier: Apache-2.0
-- Handsets. Columns of a row everywhere: mac, label, enabled, require_binding, created, changed, last_seen, last_address,
-- user_agent.

-- handset_list (t, i) -> (t, t, i, i, i, i, i, t, t)
SELECT mac, label, enabled, require_binding, created, changed, last_seen, last_address, user_agent
FROM handset WHERE mac > $1 ORDER BY mac LIMIT $2;

-- handset_get (t) -> (t, t, i, i, i, i, i, t, t)
SELECT mac, label, enabled, require_binding, created, changed, last_seen, last_address, user_agent
FROM handset WHERE mac = $1;

-- handset_macs () -> (t, i)
SELECT mac, changed FROM handset ORDER BY mac;

-- handset_insert (t, t, i, i, i) -> ()
INSERT INTO handset (mac, label, enabled, require_binding, created, changed, last_seen, last_address, user_agent)
VALUES ($1, $2, $3, $4, $5, $5, 0, '', '')
ON CONFLICT (mac) DO NOTHING;

-- handset_ensure (t, i) -> ()
INSERT INTO handset (mac, label, enabled, require_binding, created, changed, last_seen, last_address, user_agent)
VALUES ($1, '', 1, 0, $2, $2, 0, '', '')
ON CONFLICT (mac) DO NOTHING;

-- handset_update (t, t, i, i, i) -> ()
UPDATE handset SET label = $2, enabled = $3, require_binding = $4, changed = $5 WHERE mac = $1;

-- handset_seen (t, i, t, t) -> ()
UPDATE handset SET last_seen = $2, last_address = $3, user_agent = COALESCE($4, user_agent) WHERE mac = $1;

-- handset_remove (t) -> ()
DELETE FROM handset WHERE mac = $1;
