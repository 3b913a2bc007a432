-- SPDX-License-Identifier: Apache-2.0
-- What makes it fast, and shows where time goes.
ALTER TABLE executions
    ADD COLUMN IF NOT EXISTS trace_json VARCHAR(1024) CHARACTER SET ascii COLLATE ascii_bin NULL
        COMMENT 'moments on its way, if they were asked for: lib/model/trace.h';
