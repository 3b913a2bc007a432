-- SPDX-License-Identifier: Apache-2.0
-- The first schema. docs/database.md says why it is cut this way.
-- Times are UTC. Ids compare byte by byte, trailing spaces included (utf8mb4_nopad_bin).
ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE tokens (
    id         VARCHAR(12) NOT NULL,
    hash       CHAR(64)    NOT NULL COMMENT 'SHA-256 of the token, hexadecimal',
    owner      VARCHAR(64) NOT NULL,
    scopes     TINYINT UNSIGNED NOT NULL COMMENT '1 sessions, 2 templates, 4 admin',
    created_at DATETIME(3) NOT NULL,
    expires_at DATETIME(3) NULL,
    revoked_at DATETIME(3) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY hash (hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE templates (
    id              VARCHAR(63)  NOT NULL,
    name            VARCHAR(255) NOT NULL,
    image           VARCHAR(512) NOT NULL,
    base_image      VARCHAR(512) NOT NULL DEFAULT '',
    packages_json   MEDIUMTEXT   NOT NULL,
    languages       VARCHAR(128) NOT NULL COMMENT 'interpreters kept ready, separated by commas',
    oci_runtime     VARCHAR(64)  NOT NULL DEFAULT '',
    cpu_milli       INT NOT NULL,
    memory_mb       INT NOT NULL,
    disk_mb         INT NOT NULL,
    max_processes   INT NOT NULL DEFAULT 128,
    network_enabled BOOLEAN NOT NULL DEFAULT FALSE,
    deprecated      BOOLEAN NOT NULL DEFAULT FALSE,
    pool_target     INT NOT NULL DEFAULT 0,
    pool_max_idle_s INT NOT NULL DEFAULT 3600,
    created_at      DATETIME(3) NOT NULL,
    updated_at      DATETIME(3) NOT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE nodes (
    id               VARCHAR(64) NOT NULL,
    runtime_type     ENUM('process','docker','kubernetes') NOT NULL,
    status           ENUM('ready','draining','down') NOT NULL,
    isolation        VARCHAR(255) NOT NULL,
    isolation_weaker BOOLEAN NOT NULL,
    error            VARCHAR(1024) NULL,
    cpu_milli        BIGINT NOT NULL COMMENT 'capacity given to sandboxes',
    memory_mb        BIGINT NOT NULL,
    max_containers   BIGINT NOT NULL,
    last_seen_at     DATETIME(3) NOT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE containers (
    seq             BIGINT NOT NULL AUTO_INCREMENT,
    id              VARCHAR(12) NOT NULL,
    node_id         VARCHAR(64) NOT NULL,
    runtime_type    ENUM('process','docker','kubernetes') NOT NULL,
    template_id     VARCHAR(63) NOT NULL,
    session_id      VARCHAR(21) NOT NULL DEFAULT '' COMMENT 'empty: of the warm pool',
    status          ENUM('creating','warm','running','deleting','deleted') NOT NULL,
    secret          VARCHAR(48) NOT NULL,
    image           VARCHAR(512) NOT NULL,
    languages       VARCHAR(128) NOT NULL,
    oci_runtime     VARCHAR(64) NOT NULL DEFAULT '',
    network_enabled BOOLEAN NOT NULL,
    cpu_milli       INT NOT NULL,
    memory_mb       INT NOT NULL,
    disk_mb         INT NOT NULL,
    max_processes   INT NOT NULL,
    suspect         BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'a dispatcher could not reach it',
    claimed_by      VARCHAR(64) NULL,
    due_at          DATETIME(3) NOT NULL COMMENT 'when the next step may be taken; while claimed, the lease''s end',
    attempts        INT NOT NULL DEFAULT 0,
    error           VARCHAR(1024) NULL,
    created_at      DATETIME(3) NOT NULL,
    ready_at        DATETIME(3) NULL,
    PRIMARY KEY (seq),
    UNIQUE KEY id (id),
    KEY work (status, node_id, due_at, cpu_milli, memory_mb), -- steps due; and, covering, the room that a node has left
    KEY pool (template_id, status),
    KEY session (session_id),
    KEY suspect (suspect, node_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE sessions (
    seq              BIGINT NOT NULL AUTO_INCREMENT,
    id               VARCHAR(21) NOT NULL,
    owner            VARCHAR(64) NOT NULL,
    status           ENUM('creating','running','terminated','timeout','failed') NOT NULL,
    template_id      VARCHAR(63) NOT NULL,
    runtime_type     ENUM('process','docker','kubernetes') NOT NULL,
    node_id          VARCHAR(64) NOT NULL,
    container_id     VARCHAR(12) NOT NULL DEFAULT '',
    cpu_milli        INT NOT NULL,
    memory_mb        INT NOT NULL,
    disk_mb          INT NOT NULL,
    max_processes    INT NOT NULL,
    timeout_s        INT NOT NULL,
    env_json         MEDIUMTEXT NULL,
    labels_json      MEDIUMTEXT NULL,
    error            VARCHAR(1024) NULL,
    created_at       DATETIME(3) NOT NULL,
    started_at       DATETIME(3) NULL,
    expires_at       DATETIME(3) NOT NULL,
    last_activity_at DATETIME(3) NOT NULL,
    ended_at         DATETIME(3) NULL,
    PRIMARY KEY (seq),
    UNIQUE KEY id (id),
    KEY owner (owner),             -- lists, newest first: seq comes with every key
    KEY expiry (status, expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE executions (
    seq              BIGINT NOT NULL AUTO_INCREMENT,
    id               VARCHAR(22) NOT NULL,
    session_id       VARCHAR(21) NOT NULL,
    owner            VARCHAR(64) NOT NULL,
    status           ENUM('pending','running','completed','failed','timeout','crashed','cancelled') NOT NULL,
    runnable         BOOLEAN NOT NULL COMMENT 'its session runs',
    language         ENUM('python','javascript','shell') NOT NULL,
    timeout_s        INT NOT NULL,
    max_retries      INT NOT NULL,
    attempts         INT NOT NULL DEFAULT 0,
    notify           VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'doorbell of who waits',
    claimed_by       VARCHAR(64) NULL,
    due_at           DATETIME(3) NOT NULL COMMENT 'pending: when it may start; running: the lease''s end',
    created_at       DATETIME(3) NOT NULL,
    started_at       DATETIME(3) NULL,
    completed_at     DATETIME(3) NULL,
    stdout_truncated BOOLEAN NOT NULL DEFAULT FALSE,
    stderr_truncated BOOLEAN NOT NULL DEFAULT FALSE,
    exit_code        INT NULL,
    error_kind       VARCHAR(64) NULL,
    error_message    TEXT NULL,
    duration_ms      DOUBLE NOT NULL DEFAULT 0,
    cpu_time_ms      DOUBLE NOT NULL DEFAULT 0,
    peak_memory_mb   DOUBLE NOT NULL DEFAULT 0,
    code             MEDIUMTEXT NOT NULL,
    event_json       MEDIUMTEXT NULL,
    env_json         MEDIUMTEXT NULL,
    stdout_text      MEDIUMTEXT NULL,
    stderr_text      MEDIUMTEXT NULL,
    return_json      MEDIUMTEXT NULL,
    artifacts_json   MEDIUMTEXT NULL,
    PRIMARY KEY (seq),
    UNIQUE KEY id (id),
    KEY session (session_id),
    KEY queue (status, runnable, session_id, due_at) -- first due of each session; how many of a session run
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE jobs (
    instance    VARCHAR(64) NOT NULL,
    name        VARCHAR(32) NOT NULL,
    pid         BIGINT NOT NULL,
    started_at  DATETIME(3) NOT NULL,
    beat_at     DATETIME(3) NOT NULL,
    interval_ms BIGINT NOT NULL,
    PRIMARY KEY (instance)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

INSERT INTO templates (id, name, image, base_image, packages_json, languages, cpu_milli, memory_mb, disk_mb,
                       created_at, updated_at) VALUES
    ('nodejs-basic', 'Node.js Basic Environment', 'sandbox/nodejs:18-basic', 'node:18-slim', '[]',
     'javascript', 1000, 512, 1024, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)),
    ('python-basic', 'Python Basic Environment', 'sandbox/python:3.11-basic', 'python:3.11-slim', '[]',
     'python', 1000, 512, 1024, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)),
    ('python-datascience', 'Python Data Science', 'sandbox/python:3.11-datascience', 'python:3.11-slim',
     '["numpy>=1.24.0","pandas>=2.0.0","scikit-learn>=1.3.0"]',
     'python', 2000, 2048, 5120, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3));
