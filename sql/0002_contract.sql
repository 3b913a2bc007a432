-- SPDX-License-Identifier: Apache-2.0
-- What the whole REST contract needs: template changes, container logs and use, cancelling, limits, idempotency, audit.
ALTER TABLE tokens ADD COLUMN last_used_at DATETIME(3) NULL COMMENT 'to the minute';

ALTER TABLE templates
    ADD COLUMN read_only_root BOOLEAN NOT NULL DEFAULT TRUE,
    ADD COLUMN pool_min INT NOT NULL DEFAULT 0;

ALTER TABLE containers
    ADD COLUMN read_only_root BOOLEAN NOT NULL DEFAULT TRUE,
    ADD COLUMN ended_at DATETIME(3) NULL,
    ADD COLUMN cpu_time_ms BIGINT NULL COMMENT 'used since its start',
    ADD COLUMN cpu_used_milli INT NULL COMMENT 'between the last two measurements',
    ADD COLUMN memory_used_mb INT NULL,
    ADD COLUMN measured_at DATETIME(3) NULL,
    ADD KEY secret (secret(8)); -- who calls the internal API: the rest is compared in constant time

ALTER TABLE sessions
    ADD KEY owner_live (owner, status),        -- how many of an owner's are open
    ADD KEY template (template_id, status);    -- whether a template is in use

ALTER TABLE executions
    ADD COLUMN pushed_until DATETIME(3) NULL COMMENT 'its executor reports through the internal API, until then at the latest';

-- Running executions that are to be killed; empty but for moments, so that looking costs nothing.
CREATE TABLE cancellations (
    execution_seq BIGINT NOT NULL,
    requested_at  DATETIME(3) NOT NULL,
    PRIMARY KEY (execution_seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- The first answer to a request with an Idempotency-Key, stored in the transaction that did what was asked.
CREATE TABLE idempotency_keys (
    owner        VARCHAR(64)  NOT NULL,
    idem_key     VARCHAR(255) NOT NULL,
    request_hash CHAR(64)     NOT NULL COMMENT 'SHA-256 of route and body, hexadecimal',
    resource_id  VARCHAR(22)  NOT NULL DEFAULT '',
    answer       MEDIUMTEXT   NULL,
    created_at   DATETIME(3)  NOT NULL,
    PRIMARY KEY (owner, idem_key),
    KEY age (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- One row an owner, locked while what it has is counted against its quota.
CREATE TABLE owners (
    owner VARCHAR(64) NOT NULL,
    PRIMARY KEY (owner)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Rates (the generic cell rate algorithm, ITU-T I.371). In memory: a count that is lost with the server costs nobody anything,
-- and a commit for each request would.
CREATE TABLE rate_limits (
    id     VARCHAR(80) NOT NULL,
    due_us BIGINT NOT NULL COMMENT 'theoretical arrival time, microseconds since 1970',
    PRIMARY KEY (id) USING HASH,
    KEY due (due_us) USING BTREE
) ENGINE=MEMORY DEFAULT CHARSET=ascii COLLATE=ascii_bin;

CREATE TABLE audit (
    seq         BIGINT NOT NULL AUTO_INCREMENT,
    at          DATETIME(3) NOT NULL,
    actor       VARCHAR(64) NOT NULL COMMENT 'a token''s owner, or the program that did it',
    token_id    VARCHAR(12) NOT NULL DEFAULT '',
    action      VARCHAR(32) NOT NULL COMMENT 'create, terminate, renew, ...',
    object_kind VARCHAR(16) NOT NULL COMMENT 'session, template, token, node, ...',
    object_id   VARCHAR(64) NOT NULL,
    address     VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'from where',
    request_id  VARCHAR(64) NOT NULL DEFAULT '',
    detail      VARCHAR(1024) NOT NULL DEFAULT '',
    PRIMARY KEY (seq),
    KEY at (at),
    KEY object (object_id),
    KEY actor (actor)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Questions of the web tier that only a node can answer, from provisiond of that node.
CREATE TABLE container_questions (
    id           VARCHAR(16) NOT NULL,
    node_id      VARCHAR(64) NOT NULL,
    container_id VARCHAR(12) NOT NULL,
    kind         ENUM('logs') NOT NULL,
    tail         INT NOT NULL,
    since        DATETIME(3) NULL,
    notify       VARCHAR(64) NOT NULL COMMENT 'doorbell of who waits',
    status       ENUM('asked','taken','answered','failed') NOT NULL,
    answer       MEDIUMTEXT NULL,
    error        VARCHAR(1024) NULL,
    asked_at     DATETIME(3) NOT NULL,
    taken_at     DATETIME(3) NULL,
    PRIMARY KEY (id),
    KEY work (node_id, status),
    KEY age (asked_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
