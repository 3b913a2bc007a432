-- SPDX-License-Identifier: Apache-2.0
-- Workspaces: what a session's files are, and where storage keeps them. docs/storage.md says how the parts fit.
ALTER TABLE sessions
    ADD COLUMN workspace_seq BIGINT NOT NULL DEFAULT 0 COMMENT 'counts the changes that clients made to its files',
    ADD COLUMN workspace_bytes BIGINT NOT NULL DEFAULT 0 COMMENT 'of all its files in storage',
    ADD COLUMN workspace_files INT NOT NULL DEFAULT 0 COMMENT 'rows of the index that are files',
    ADD COLUMN restarts INT NOT NULL DEFAULT 0 COMMENT 'containers that were replaced because they died',
    ADD COLUMN replaced_at DATETIME(3) NULL COMMENT 'when the last one died: it has been creating since, or runs again',
    ADD COLUMN purged_at DATETIME(3) NULL COMMENT 'its files are gone from storage',
    ADD COLUMN purge_due_at DATETIME(3) NULL COMMENT 'not to be purged before: somebody is at it, or storage failed',
    ADD KEY to_purge (purged_at, ended_at);

ALTER TABLE containers
    ADD COLUMN workspace_seq BIGINT NOT NULL DEFAULT 0 COMMENT 'changes up to here are in the container; -1: not even the files are';

ALTER TABLE executions
    ADD COLUMN container_id VARCHAR(12) NOT NULL DEFAULT '' COMMENT 'where it was sent to last; another than its session has now: lost with it',
    ADD COLUMN artifacts_skipped INT NOT NULL DEFAULT 0 COMMENT 'files whose names cannot be stored, or that are too many to list';

-- The index of files. An object is never written twice: a new content is a new object, and the row changes over to it.
CREATE TABLE workspace_files (
    session_id    VARCHAR(21) NOT NULL,
    path          VARBINARY(1024) NOT NULL COMMENT 'UTF-8, from the workspace',
    change_seq    BIGINT NOT NULL COMMENT 'of sessions.workspace_seq, if a client changed it; 0: the container had it first',
    pending       BOOLEAN NOT NULL COMMENT 'its container does not have it so yet',
    deleted       BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'a client deleted it: kept until its container knows',
    object_id     VARCHAR(16) NOT NULL DEFAULT '' COMMENT 'storage has it as sessions/SESSION/OBJECT',
    size          BIGINT NOT NULL DEFAULT 0,
    sha256        CHAR(64) NOT NULL DEFAULT '',
    mime_type     VARCHAR(127) NOT NULL DEFAULT '',
    mode          SMALLINT UNSIGNED NOT NULL DEFAULT 436 COMMENT 'permission bits',
    source        VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'version of the copy in the container, as its executor names it; empty: unknown',
    execution_seq BIGINT NOT NULL DEFAULT 0 COMMENT 'which stored it; 0: a client did',
    modified_at   DATETIME(3) NOT NULL,
    PRIMARY KEY (session_id, path),
    KEY pending (session_id, pending, change_seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Objects that no row names any longer; downloads that began before may still read them for a while.
CREATE TABLE storage_garbage (
    seq        BIGINT NOT NULL AUTO_INCREMENT,
    session_id VARCHAR(21) NOT NULL,
    object_id  VARCHAR(16) NOT NULL,
    due_at     DATETIME(3) NOT NULL,
    PRIMARY KEY (seq),
    KEY due (due_at),
    KEY session (session_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
