-- SPDX-License-Identifier: Apache-2.0
-- What stays out of a backup: contents that bear a private key, with their own keys, what nothing names, and the key of the
-- audit trail's next record. Order matters.

-- backup_drop_chunks () -> ()
DELETE FROM chunk WHERE content IN (SELECT id FROM content WHERE kind = 2 OR staged = 1);

-- backup_drop_files () -> ()
DELETE FROM file WHERE content IN (SELECT id FROM content WHERE kind = 2);

-- backup_drop_former () -> ()
DELETE FROM former_file WHERE content IN (SELECT id FROM content WHERE kind = 2);

-- backup_drop_contents () -> ()
DELETE FROM content WHERE kind = 2 OR staged = 1;

-- backup_drop_audit () -> ()
DELETE FROM audit_state;
-- backup_drop_deliveries () -> ()
DELETE FROM delivery;

-- backup_drop_keys () -> ()
DELETE FROM key WHERE purpose = 'own';
