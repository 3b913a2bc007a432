-- SPDX-License-Identifier: Apache-2.0
-- What makes it fast, and shows where time goes.
ALTER TABLE executions
    ADD COLUMN IF NOT EXISTS trace_json VARCHAR(1024) CHARACTER SET ascii COLLATE ascii_bin NULL
        COMMENT 'moments on its way, if they were asked for: lib/model/trace.h';

-- Python modules that waiting interpreters have imported; a container keeps what it was made with, as with the rest of its template.
ALTER TABLE templates
    ADD COLUMN IF NOT EXISTS preload_json VARCHAR(4352) NOT NULL DEFAULT '[]' COMMENT 'JSON array of strings';
ALTER TABLE containers
    ADD COLUMN IF NOT EXISTS preload_json VARCHAR(4352) NOT NULL DEFAULT '[]' COMMENT 'likewise';
UPDATE templates SET preload_json = '["numpy","pandas","sklearn"]' WHERE id = 'python-datascience' AND preload_json = '[]';
