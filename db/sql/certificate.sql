-- SPDX-License-Identifier: Apache-2.0
-- Client certificates. Columns of a row everywhere: fingerprint, role, name, subject, issuer, serial, not_after, first_seen,
-- last_seen, revoked, reason.

-- certificate_list (t, t, i) -> (t, t, t, t, t, t, i, i, i, i, t)
SELECT fingerprint, role, name, subject, issuer, serial, not_after, first_seen, last_seen, revoked, reason
FROM certificate WHERE fingerprint > $1 AND ($2 = '' OR name = $2) ORDER BY fingerprint LIMIT $3;

-- certificate_get (t) -> (t, t, t, t, t, t, i, i, i, i, t)
SELECT fingerprint, role, name, subject, issuer, serial, not_after, first_seen, last_seen, revoked, reason
FROM certificate WHERE fingerprint = $1;

-- certificate_seen (t, t, t, t, t, t, i, i) -> ()
INSERT INTO certificate (fingerprint, role, name, subject, issuer, serial, not_after, first_seen, last_seen, revoked, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 0, '')
ON CONFLICT (fingerprint) DO UPDATE SET role = excluded.role, name = excluded.name, last_seen = excluded.last_seen;

-- The first revocation stands.
-- certificate_revoke (t, i, t) -> ()
INSERT INTO certificate (fingerprint, role, name, subject, issuer, serial, not_after, first_seen, last_seen, revoked, reason)
VALUES ($1, '', '', '', '', '', 0, 0, 0, $2, $3)
ON CONFLICT (fingerprint) DO UPDATE SET revoked = excluded.revoked, reason = excluded.reason WHERE certificate.revoked = 0;

-- certificate_revoke_of (t, i, t) -> ()
UPDATE certificate SET revoked = $2, reason = $3 WHERE role = 'handset' AND name = $1 AND revoked = 0;
