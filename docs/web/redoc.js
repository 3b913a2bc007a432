// SPDX-License-Identifier: Apache-2.0
// ReDoc with our own document and this machine's fonts.
"use strict";

const own = "system-ui, sans-serif";
const options = {
    expandResponses: "200,201",
    jsonSampleExpandLevel: 4,
    pathInMiddlePanel: true,
    sortRequiredPropsFirst: true,
    theme: { typography: { fontFamily: own, headings: { fontFamily: own }, code: { fontFamily: "monospace" } } },
};
Redoc.init("openapi.json", options, document.getElementById("page"));
